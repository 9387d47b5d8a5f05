//! Multipart uploads: `object_store` numbers parts by the order in which they are handed over, so each waits for its turn.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

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
        let state = Mutex::new(State { writer: Some(writer), next_part: 1, arrived: 0, broken: false });
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

impl OpenUpload {
    /// Uploads a part as soon as all parts before it have been handed over.
    pub(super) async fn put_part(&self, number: u32, payload: PutPayload) -> Result<Part> {
        let sending = self.hand_over(number, payload).await?;
        // Given up half-way counts as failed: the part cannot be sent again.
        let mut unless_arrived = BreakOnDrop { upload: self, armed: true };
        sending.await.map_err(|e| explain(&e))?;
        unless_arrived.armed = false;
        locked(&self.state).arrived += 1;
        Ok(Part { number, etag: ETag::new(&format!("part-{number}")), digest: None })
    }

    async fn hand_over(&self, number: u32, payload: PutPayload) -> Result<UploadPart> {
        loop {
            // Registered before looking, so that no turn is missed.
            let turn = self.turn.notified();
            tokio::pin!(turn);
            turn.as_mut().enable();
            {
                let mut state = locked(&self.state);
                let due = state.next_part;
                let writer = state.writer()?;
                if number == due {
                    let sending = writer.put_part(payload);
                    state.next_part += 1;
                    self.turn.notify_waiters();
                    return Ok(sending);
                }
                if number < due {
                    drop(state);
                    self.give_up();
                    return Err(broken());
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
            if parts.is_empty() || !numbers.eq(1..state.next_part) || state.arrived + 1 != state.next_part {
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
