//! MD5s of parts, each computed once for all destinations that get the same part.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use transship_store::Result;
use transship_types::Digest;
use transship_verify::Hasher;

use crate::parts::{hash, interrupted};

type Hashing = Shared<BoxFuture<'static, Option<Digest>>>;

/// The parts of one stream that goes to several uploads. MD5 costs more than all else that is done to a byte.
#[derive(Debug)]
pub(crate) struct PartMd5s {
    uploads: usize,
    /// By where a part begins and how long it is: how many uploads have asked, and what is told.
    known: Mutex<BTreeMap<(u64, u64), (usize, Hashing)>>,
}

impl PartMd5s {
    pub(crate) fn of_uploads(uploads: usize) -> Arc<Self> {
        Arc::new(Self { uploads, known: Mutex::default() })
    }

    /// The MD5 of a part that begins at byte `start` of the stream.
    pub(crate) async fn of(&self, start: u64, chunks: &[Bytes]) -> Result<Digest> {
        let hashing = self.hashing(start, chunks);
        hashing.await.ok_or_else(|| interrupted("another upload's task ended"))
    }

    fn hashing(&self, start: u64, chunks: &[Bytes]) -> Hashing {
        let part = (start, chunks.iter().map(|chunk| chunk.len() as u64).sum());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, hashing) = known.entry(part).or_insert_with(|| (0, begin(chunks.to_vec())));
        *asked += 1;
        let (last, hashing) = (*asked == self.uploads, hashing.clone());
        if last {
            known.remove(&part);
        }
        hashing
    }
}

fn begin(chunks: Vec<Bytes>) -> Hashing {
    let hashed = hash(move || {
        let mut hasher = Hasher::md5();
        chunks.iter().for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    });
    hashed.map(Result::ok).boxed().shared()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_is_hashed_once_for_all_and_then_forgotten() {
        let (md5s, part, other) = (PartMd5s::of_uploads(3), [Bytes::from("part")], [Bytes::from("another")]);
        let [one, two, three] = [0; 3].map(|start| md5s.hashing(start, &part));
        assert!(one.ptr_eq(&two) && one.ptr_eq(&three));
        assert!(md5s.known.lock().unwrap().is_empty());
        let mut hasher = Hasher::md5();
        hasher.update(b"part");
        assert_eq!(three.await.unwrap(), hasher.finish());
        let again = md5s.hashing(0, &part);
        for (start, chunks) in [(4, &part), (0, &other)] {
            assert!(!again.ptr_eq(&md5s.hashing(start, chunks)), "another part");
        }
    }
}
