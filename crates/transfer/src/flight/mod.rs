//! One object on its way to all its targets: what the server can do alone, one shared reading, and each straggler.

mod alone;
mod by_server;
mod lane;
mod ready;

use std::sync::{Arc, atomic::Ordering};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use transship_store::{Error, ObjectInfo, RetryOptions};
use transship_types::{Entry, ErrorClass};

pub(crate) use self::lane::Lane;
use self::lane::{Ready, Verdict};
use crate::{
    CopyOptions, Destination,
    admission::Admitted,
    budget::Budget,
    lag::Ends,
    pass::{Landed, Pass, Passed, Seen},
    read::Source,
    site::Site,
    write::Writer,
};

/// How often a source that keeps changing while it is read is started over.
const RESTARTS: u32 = 3;

/// One object on its way.
pub(crate) struct Flight<'a> {
    pub(crate) source: Source,
    pub(crate) listed: Entry,
    /// Whether what was listed is only a hint.
    pub(crate) hint: bool,
    /// Whether it was another object by then than the one listed.
    pub(crate) changed: bool,
    pub(crate) info: Option<ObjectInfo>,
    pub(crate) destinations: &'a [Destination],
    /// One for each destination.
    pub(crate) sites: &'a [Arc<Site>],
    pub(crate) options: &'a CopyOptions,
    pub(crate) budget: &'a Budget,
    pub(crate) admitted: &'a Admitted,
    pub(crate) ends: Arc<Ends>,
    /// Fires when cleaning up must end, too.
    pub(crate) last: &'a CancellationToken,
    /// Fires when nothing new is to be started.
    pub(crate) cancel: &'a CancellationToken,
}

impl Flight<'_> {
    /// First what the server can do alone, then one shared reading for the rest, then each straggler by itself. Where
    /// a destination is silent, its turn comes last.
    pub(crate) async fn run(&mut self, lanes: &mut [Lane]) {
        let (mut late, prompt): (Vec<_>, Vec<_>) = lanes.iter_mut().partition(|lane| self.is_silent(lane));
        let (ready, slow) = self.writers(prompt).await;
        late.extend(slow);
        let ready = self.on_server(ready).await;
        let behind = self.together(ready).await;
        let again = behind.into_iter().map(|(lane, writer, error)| (lane, Some((writer, error))));
        let alone = again.chain(late.into_iter().map(|lane| (lane, None)));
        let alone = alone.map(|(lane, before)| self.alone(lane, before));
        for seen in join_all(alone).await.into_iter().flatten() {
            self.saw(seen);
        }
    }

    fn site(&self, lane: &Lane) -> Option<&Arc<Site>> {
        self.sites.get(lane.target.destination)
    }

    fn is_silent(&self, lane: &Lane) -> bool {
        self.site(lane).is_some_and(|site| site.answers.is_silent())
    }

    fn retry(&self) -> &RetryOptions {
        &self.options.retry
    }

    fn saw(&mut self, Seen { entry, info, changed }: Seen) {
        (self.listed, self.info) = (entry, Some(info));
        self.changed |= changed;
    }

    /// The shared reading. Those that may be tried again come back, with what went wrong.
    async fn together<'l>(&mut self, mut ready: Vec<Ready<'l>>) -> Vec<(&'l mut Lane, Writer, Error)> {
        if ready.is_empty() {
            return Vec::new();
        }
        let writers: Vec<Writer> = ready.iter().map(|(_, w)| w.clone()).collect();
        let before = self.source.reads.load(Ordering::Relaxed);
        let Passed { seen, landed } = self.pass(&writers, !self.hint, Some(self.admitted)).await;
        // Who was stopped while it waited for memory has tried nothing.
        let stopped = |landed: &Landed| landed.result.as_ref().is_err_and(|e| e.class() == ErrorClass::Cancelled);
        let tried = self.source.reads.load(Ordering::Relaxed) > before || !landed.iter().all(stopped);
        if let Some(seen) = seen {
            self.saw(seen);
        }
        let mut behind = Vec::new();
        for ((lane, writer), landed) in ready.drain(..).zip(landed) {
            lane.attempts += u32::from(tried);
            match landed.result {
                Err(error) if self.is_worth_retrying(lane, &error) => behind.push((lane, writer, error)),
                result => lane.end(Landed { result, ..landed }),
            }
        }
        behind
    }

    fn is_worth_retrying(&self, lane: &mut Lane, error: &Error) -> bool {
        lane.failures.add();
        match error.class() {
            ErrorClass::Transient => self.retry().allows(&lane.failures, error),
            ErrorClass::Conflict => lane.attempts < self.retry().attempts.min(RESTARTS),
            _ => false,
        }
    }

    async fn pass(&self, writers: &[Writer], pinned: bool, admitted: Option<&Admitted>) -> Passed {
        let pass = Pass {
            source: &self.source,
            listed: &self.listed,
            pinned,
            writers,
            options: self.options,
            budget: self.budget,
            admitted,
            cancel: self.cancel,
        };
        pass.run().await
    }
}
