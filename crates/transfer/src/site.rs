//! What the engine keeps in mind of one destination while it works.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::OnceCell;
use transship_store::{Bucket, Upload};
use transship_types::Key;

use crate::{Unfinished, answers::Answers};

/// What its server was found to do, and which uploads are open there.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) answers: Answers,
    /// It takes no condition on what is to be replaced for fulfilled.
    unconditional: AtomicBool,
    /// Whether an object has the tags that its upload in parts was started with.
    pub(crate) keeps_tags: OnceCell<bool>,
    uploads: Mutex<Vec<Unfinished>>,
}

impl Site {
    pub(crate) fn new(answers: Answers) -> Self {
        let (unconditional, keeps_tags, uploads) = Default::default();
        Self { answers, unconditional, keeps_tags, uploads }
    }

    pub(crate) fn is_unconditional(&self) -> bool {
        self.unconditional.load(Ordering::Relaxed)
    }

    pub(crate) fn becomes_unconditional(&self) {
        self.unconditional.store(true, Ordering::Relaxed);
    }

    pub(crate) fn opened(&self, upload: Unfinished) {
        self.uploads().push(upload);
    }

    pub(crate) fn ended(&self, upload: &Upload) {
        self.uploads().retain(|open| open.upload_id != upload.id || open.key != upload.key);
    }

    /// The uploads that were started and have not ended.
    pub(crate) fn unfinished(&self) -> Vec<Unfinished> {
        self.uploads().clone()
    }

    /// Counts a file as unfinished while a body streams into it. Other stores keep nothing of a body that broke off.
    pub(crate) fn streaming<'a>(&'a self, bucket: &dyn Bucket, key: &Key) -> Option<Streaming<'a>> {
        if !bucket.capabilities().made_by_writing {
            return None;
        }
        let upload = Upload { key: key.clone(), id: String::new() };
        self.opened(Unfinished { location: bucket.location().to_owned(), key: key.clone(), upload_id: String::new() });
        Some(Streaming { site: self, upload })
    }

    fn uploads(&self) -> MutexGuard<'_, Vec<Unfinished>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body on its way into a file. Whatever its end is, the store cleans up.
pub(crate) struct Streaming<'a> {
    site: &'a Site,
    upload: Upload,
}

impl Drop for Streaming<'_> {
    fn drop(&mut self) {
        self.site.ended(&self.upload);
    }
}
