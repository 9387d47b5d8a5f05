//! One attempt: the source is read once, and every target that is left gets its bytes.

use std::time::Instant;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use transship_store::{Error, MultipartLimits, ObjectInfo, PutOptions, Result};
use transship_types::Entry;

use crate::{
    CopyOptions, Done,
    admission::Admitted,
    boundaries,
    budget::{Budget, Share},
    fanout::WINDOW_BYTES,
    follower::Follower,
    layout::Layout,
    open_object::OpenObject,
    read::{Open, Source, cancelled},
    relay::Relay,
    tags,
    unpack::largest_unpacked,
    witness::Witness,
    write::Writer,
};

const MIB: u64 = 1 << 20;

/// What one attempt found and did.
pub(crate) struct Passed {
    /// The object as it was read; `None` where it could not be opened.
    pub(crate) seen: Option<Seen>,
    /// In the order of the writers.
    pub(crate) landed: Vec<Landed>,
}

/// The object as it was read.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) entry: Entry,
    pub(crate) info: ObjectInfo,
    /// Whether it was another one by then than the one listed.
    pub(crate) changed: bool,
}

impl Seen {
    /// What was listed, and what there is.
    pub(crate) fn of(listed: &Entry, info: ObjectInfo, changed: bool) -> Self {
        let etags = listed.etag.as_ref().zip(info.etag.as_ref());
        let differs = listed.size != info.size || etags.is_some_and(|(a, b)| a != b);
        // Replies tell whole seconds. Where the listing knows more, the order of two sources may hang on it.
        let same_second = listed.last_modified.unix_timestamp() == info.last_modified.unix_timestamp();
        let last_modified = if same_second && !differs { listed.last_modified } else { info.last_modified };
        let entry = Entry { size: info.size, last_modified, etag: info.etag.clone(), ..listed.clone() };
        Self { entry, info, changed: changed || differs }
    }
}

/// What became of one target, and when.
pub(crate) struct Landed {
    pub(crate) result: Result<Done>,
    pub(crate) at: Instant,
}

impl Landed {
    /// Whatever went wrong went wrong for this writer.
    fn of(self, writer: &Writer) -> Self {
        let location = writer.destination.bucket.location();
        Self { result: self.result.map_err(|e| e.during("write", location, Some(writer.key()))), ..self }
    }
}

impl From<Result<Done>> for Landed {
    fn from(result: Result<Done>) -> Self {
        Self { result, at: Instant::now() }
    }
}

pub(crate) struct Pass<'a> {
    pub(crate) source: &'a Source,
    pub(crate) listed: &'a Entry,
    /// Whether the listed size and ETag are to be held to.
    pub(crate) pinned: bool,
    pub(crate) writers: &'a [Writer],
    pub(crate) options: &'a CopyOptions,
    pub(crate) budget: &'a Budget,
    /// What the object holds, where nothing of it moves while this waits.
    pub(crate) admitted: Option<&'a Admitted>,
    /// Fires when nothing new is to be started.
    pub(crate) cancel: &'a CancellationToken,
}

impl Pass<'_> {
    pub(crate) async fn run(&self) -> Passed {
        let Passed { seen, landed } = match self.attempt().await {
            Ok(passed) => passed,
            Err(error) => Passed { seen: None, landed: spread(error, self.writers.len()) },
        };
        Passed { seen, landed: landed.into_iter().zip(self.writers).map(|(landed, w)| landed.of(w)).collect() }
    }

    async fn attempt(&self) -> Result<Passed> {
        let CopyOptions { longest_lag, bandwidth, .. } = self.options;
        let follower = || Follower::new(&self.source.stop, *longest_lag, bandwidth);
        let followers: Vec<_> = self.writers.iter().map(|_| follower()).collect();
        if let Some(passed) = self.relayed(&followers).await? {
            return Ok(passed);
        }
        let (Open { info, changed, body }, _shares) = self.open().await?;
        let seen = Seen::of(self.listed, info, changed);
        let tags = tags::of_source(self.source, &seen.info, self.writers).await?;
        let witness = Witness::new(self.source, &seen.info, Layout::of(self.source, &seen.info).await);
        let object = OpenObject { pass: self, followers: &followers, seen: &seen, tags: &tags, witness };
        let landed = if self.fits_memory(seen.info.size) { object.small(body).await } else { object.large(body).await };
        Ok(Passed { seen: Some(seen), landed })
    }

    /// Opens the object once there is memory for it. Where it has grown since it was listed, what was taken is given
    /// back before more is asked for.
    async fn open(&self) -> Result<(Open, Vec<Share>)> {
        let need = |size| self.budget.at_most(self.need(size));
        let (mut size, mut pin) = (self.listed.size, self.listed.etag.clone().filter(|_| self.pinned));
        let (mut changed, mut admitted) = (false, self.admitted);
        loop {
            let mut shares = vec![self.take(size, need(size), admitted.take()).await?];
            let mut open = self.source.open(pin.as_ref()).await?;
            open.changed |= changed;
            let more = need(open.info.size).saturating_sub(need(size));
            if more == 0 {
                return Ok((open, shares));
            }
            if self.fits_memory(size) == self.fits_memory(open.info.size)
                && let Some(share) = self.budget.try_extra(more)
            {
                shares.push(share);
                return Ok((open, shares));
            }
            (size, pin, changed) = (open.info.size, open.info.etag, open.changed);
        }
    }

    /// Waits for memory for an object of this size. Who waits has not started yet, so a cancelled run ends here.
    async fn take(&self, size: u64, bytes: u64, admitted: Option<&Admitted>) -> Result<Share> {
        let share = async {
            match self.fits_memory(size) {
                true => self.budget.take_for_small(size, bytes, admitted).await,
                false => self.budget.take_for_large(bytes, admitted).await,
            }
        };
        tokio::select! {
            biased;
            share = share => share.ok_or_else(cancelled),
            () = self.cancel.cancelled() => Err(cancelled()),
        }
    }

    /// Bytes of memory that an object of this size needs to make progress.
    fn need(&self, size: u64) -> u64 {
        if self.fits_memory(size) {
            return size;
        }
        let each = |w: &Writer| match () {
            () if w.target.unpack => WINDOW_BYTES + self.part().min(largest_unpacked(size)),
            () if self.in_one_put(w, size) => WINDOW_BYTES,
            () => WINDOW_BYTES + self.part_for(w, size),
        };
        self.writers.iter().map(each).sum()
    }

    /// The size of parts where nothing else decides it.
    pub(crate) fn part(&self) -> u64 {
        self.options.first_part()
    }

    /// The size of parts of an object of known size: larger where there would be too many of them otherwise.
    pub(crate) fn part_for(&self, writer: &Writer, size: u64) -> u64 {
        let most = u64::from(writer.destination.bucket.capabilities().multipart.max_parts.max(1));
        size.div_ceil(most).next_multiple_of(MIB).max(self.part())
    }

    /// Whether the object is read into memory as a whole, and written from there.
    fn fits_memory(&self, size: u64) -> bool {
        size <= self.part() && !self.writers.iter().any(|w| w.target.unpack)
    }

    pub(crate) fn in_one_put(&self, writer: &Writer, size: u64) -> bool {
        let can = writer.destination.bucket.capabilities();
        !writer.target.unpack && can.streams_bodies && size <= self.options.split_above.min(can.max_put)
    }

    /// Large multipart objects whose part boundaries are known.
    async fn relayed(&self, followers: &[Follower]) -> Result<Option<Passed>> {
        let Some(etag) = self.listed.etag.as_ref().filter(|_| self.source.bucket.capabilities().etag_may_be_md5) else {
            return Ok(None);
        };
        let able = |w: &Writer| {
            let can = w.destination.bucket.capabilities();
            !w.target.unpack && can.streams_bodies && can.etag_may_be_md5
        };
        if etag.parts().is_none() || self.listed.size <= self.part() || !self.writers.iter().all(able) {
            return Ok(None);
        }
        let share = self.take(self.listed.size, Relay::working_set(self.writers.len()), self.admitted).await?;
        let sizes = MultipartLimits::S3.min_part..=MultipartLimits::S3.max_part;
        let parts = boundaries::find(self.source, etag, self.listed.size).await?;
        let Some(parts) = parts.filter(|parts| sizes.contains(&parts.part_size)) else {
            share.unused();
            return Ok(None);
        };
        self.source.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let seen = Seen::of(self.listed, parts.info.clone(), false);
        let tags = tags::of_source(self.source, &seen.info, self.writers).await?;
        let options: Vec<PutOptions> = self.writers.iter().map(|w| w.options(&seen.entry, &seen.info, &tags)).collect();
        let (source, writers, budget) = (self.source, self.writers, self.budget);
        let longest_lag = self.options.longest_lag;
        let replies = Relay { source, parts: &parts, writers, followers, options, budget, longest_lag }.run().await;
        let witness = Witness::new(source, &seen.info, parts.layout);
        let object = OpenObject { pass: self, followers, seen: &seen, tags: &tags, witness };
        let judged = replies.into_iter().enumerate().map(|(at, (reply, ended))| object.relayed(at, reply, ended));
        let landed = join_all(judged).await;
        Ok(Some(Passed { seen: Some(seen), landed }))
    }
}

/// One error for several: errors are not clonable, so the others get its words and class.
pub(crate) fn spread(error: Error, count: usize) -> Vec<Landed> {
    let (kind, class, words) = (error.kind(), error.class(), error.to_string());
    let mut original = Some(error);
    let again = |_| Err(original.take().unwrap_or_else(|| Error::new(kind, words.clone()).with_class(class))).into();
    (0..count).map(again).collect()
}
