//! Multipart uploads: `object_store` numbers parts by the order in which they are handed over.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::try_join_all;
use object_store::{MultipartUpload, PutPayload, PutResult, UploadPart};
use time::OffsetDateTime;
use tokio::sync::Notify;
use transship_types::{ETag, ErrorClass, Key};

use super::failure::explain;
use crate::{Error, ErrorKind, Part, Result, Upload};

/// The uploads of a bucket that are under way.
#[derive(Default)]
pub(super) struct Uploads {
    next: AtomicU64,
    open: Mutex<HashMap<String, Arc<OpenUpload>>>,
}

pub(super) struct OpenUpload {
    state: Mutex<State>,
    turn: Notify,
    pub(super) source_time: Option<OffsetDateTime>,
}

struct State {
    /// Gone once the upload is completed or aborted.
    writer: Option<Box<dyn MultipartUpload>>,
    /// The part whose turn it is.
    next_part: u32,
    arrived: u32,
    /// Parts whose bytes are on their way here.
    announced: BTreeSet<u32>,
    /// Parts that came before one with a lower number was as much as announced.
    held: BTreeMap<u32, PutPayload>,
    /// A part failed, or was given up.
    broken: bool,
}

impl State {
    fn writer(&mut self) -> Result<&mut Box<dyn MultipartUpload>> {
        if self.broken { Err(broken()) } else { self.writer.as_mut().ok_or_else(gone) }
    }
}

impl Uploads {
    pub(super) fn add(
        &self,
        key: &Key,
        writer: Box<dyn MultipartUpload>,
        source_time: Option<OffsetDateTime>,
    ) -> Upload {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let state = State {
            writer: Some(writer),
            next_part: 1,
            arrived: 0,
            announced: BTreeSet::new(),
            held: BTreeMap::new(),
            broken: false,
        };
        let state = Mutex::new(state);
        let open = OpenUpload { state, turn: Notify::new(), source_time };
        locked(&self.open).insert(id.clone(), Arc::new(open));
        Upload { key: key.clone(), id }
    }

    pub(super) fn get(&self, upload: &Upload) -> Result<Arc<OpenUpload>> {
        locked(&self.open).get(&upload.id).cloned().ok_or_else(gone)
    }

    pub(super) fn remove(&self, upload: &Upload) -> Option<Arc<OpenUpload>> {
        locked(&self.open).remove(&upload.id)
    }
}

/// What is to become of a part now.
enum Turn {
    /// It is handed over, and with it those that waited for it.
    Now(Vec<UploadPart>),
    /// Nobody knows when its turn comes, so its bytes are kept.
    Held,
    /// Its turn comes when the part before it is here.
    Later(PutPayload),
}

impl State {
    fn turn(&mut self, number: u32, payload: PutPayload) -> Result<Turn> {
        let due = self.next_part;
        if number < due {
            self.broken = true;
        }
        self.writer()?;
        if number > due && self.announced.contains(&due) {
            return Ok(Turn::Later(payload));
        }
        self.announced.remove(&number);
        self.held.insert(number, payload);
        let mut sending = Vec::new();
        while let Some(payload) = self.held.remove(&self.next_part) {
            sending.push(self.writer()?.put_part(payload));
            self.next_part += 1;
        }
        Ok(if sending.is_empty() { Turn::Held } else { Turn::Now(sending) })
    }
}

impl OpenUpload {
    /// Says that a part's bytes are on their way, so that later parts wait for it.
    pub(super) fn announce(&self, number: u32) -> Announced<'_> {
        locked(&self.state).announced.insert(number);
        Announced { upload: self, number }
    }

    /// Uploads a part when its turn has come. A part whose lower neighbours nobody announced is kept in memory until
    /// they come, and is uploaded with them.
    pub(super) async fn put_part(&self, announced: Announced<'_>, payload: PutPayload) -> Result<Part> {
        let number = announced.number;
        let sending = self.wait_for_turn(number, payload).await?;
        drop(announced);
        let count = u32::try_from(sending.len()).unwrap_or(u32::MAX);
        // Given up half-way counts as failed: the part cannot be sent again.
        let mut unless_arrived = BreakOnDrop { upload: self, armed: true };
        try_join_all(sending).await.map_err(|e| explain(&e))?;
        unless_arrived.armed = false;
        locked(&self.state).arrived += count;
        Ok(Part { number, etag: ETag::new(&format!("part-{number}")), digest: None })
    }

    async fn wait_for_turn(&self, number: u32, mut payload: PutPayload) -> Result<Vec<UploadPart>> {
        loop {
            // Registered before looking, so that no turn is missed.
            let turn = self.turn.notified();
            tokio::pin!(turn);
            turn.as_mut().enable();
            let found = locked(&self.state).turn(number, payload);
            match found {
                Ok(Turn::Later(later)) => payload = later,
                Ok(Turn::Held) => return Ok(Vec::new()),
                Ok(Turn::Now(sending)) => {
                    self.turn.notify_waiters();
                    return Ok(sending);
                }
                Err(error) => {
                    self.turn.notify_waiters();
                    return Err(error);
                }
            }
            turn.await;
        }
    }

    /// # Errors
    /// `InvalidRequest` where `parts` are not all that were uploaded, in order.
    pub(super) async fn complete(&self, parts: &[Part]) -> Result<PutResult> {
        let mut writer = {
            let mut state = locked(&self.state);
            state.writer()?;
            let numbers = parts.iter().map(|part| part.number);
            let all_arrived = state.held.is_empty() && state.arrived + 1 == state.next_part;
            if parts.is_empty() || !numbers.eq(1..state.next_part) || !all_arrived {
                let detail = format!("{} parts are to be joined, {} were uploaded", parts.len(), state.arrived);
                return Err(Error::new(ErrorKind::InvalidRequest, detail));
            }
            state.writer.take().ok_or_else(gone)?
        };
        writer.complete().await.map_err(|e| explain(&e))
    }

    pub(super) async fn abort(&self) -> Result<()> {
        let writer = self.take_writer();
        match writer {
            Some(mut writer) => writer.abort().await.map_err(|e| explain(&e)),
            None => Ok(()),
        }
    }

    /// Leaves no part waiting for a turn that never comes.
    fn take_writer(&self) -> Option<Box<dyn MultipartUpload>> {
        let writer = locked(&self.state).writer.take();
        self.turn.notify_waiters();
        writer
    }

    fn give_up(&self) {
        locked(&self.state).broken = true;
        self.turn.notify_waiters();
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::NoSuchUpload, "the upload was completed or aborted, or is another process's")
}

/// A part cannot be sent again here, but the object can: with a new upload.
fn broken() -> Error {
    Error::new(
        ErrorKind::NoSuchUpload,
        "a part of this upload failed, and this store cannot take one twice: start anew",
    )
    .with_class(ErrorClass::Transient)
}

/// A part that is on its way, until it is handed over or given up.
pub(super) struct Announced<'a> {
    upload: &'a OpenUpload,
    number: u32,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        locked(&self.upload.state).announced.remove(&self.number);
        self.upload.turn.notify_waiters();
    }
}

struct BreakOnDrop<'a> {
    upload: &'a OpenUpload,
    armed: bool,
}

impl Drop for BreakOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.upload.give_up();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
