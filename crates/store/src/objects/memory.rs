//! Stores in this process's memory, by name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use object_store::memory::InMemory;

use super::{ObjectStoreBucket, backing::Backing, keys::Rules};
use crate::{Capabilities, MultipartLimits};

const CAPABILITIES: Capabilities = Capabilities {
    exact_keys: false,
    ordered_listing: true,
    etag_may_be_md5: false,
    streams_bodies: false,
    max_put: u64::MAX,
    max_copy: u64::MAX,
    max_delete: 1,
    multipart: MultipartLimits { min_part: 1, max_part: u64::MAX, max_parts: u32::MAX },
    content_headers: true,
    metadata: true,
    tags: false,
    conditional_put: true,
    keeps_source_time: true,
    made_by_writing: false,
};

pub(super) fn open(name: &str) -> ObjectStoreBucket {
    static STORES: OnceLock<Mutex<HashMap<String, Arc<InMemory>>>> = OnceLock::new();
    let mut stores = STORES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let store = Arc::clone(stores.entry(name.to_owned()).or_default());
    let location = format!("memory://{name}");
    ObjectStoreBucket::assemble(Backing::Plain(store), Rules::Plain, location, CAPABILITIES, Arc::default())
}
