//! Uploads in parts that are hashed on the way.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, future::join_all};
use transship_store::{ByteStream, Error, ErrorKind, Result};
use transship_types::Digest;
use transship_verify::Hasher;

use super::{OpenObject, Placements, unread};
use crate::{
    Done,
    fanout::fan_out,
    follower::Follower,
    part_md5s::PartMd5s,
    parts::{Approved, Uploader},
    unpack::gunzip,
    witness::Reading,
    write::Writer,
};

impl OpenObject<'_> {
    /// Parts that are hashed on the way; they become an object only once the source's own digest agrees.
    ///
    /// The parts go out side by side, but come in as one stream, in order: where the new object's ETag cannot be the
    /// source's, only the digest of the whole, computed over all bytes in their order, proves that they are those that
    /// the source holds. Ranges read side by side would have to be read once more for that.
    pub(super) async fn in_parts(&self, at: usize, stream: ByteStream) -> Result<Done> {
        let writer = &self.pass.writers[at];
        let part_size = self.pass.part_for(writer, self.seen.info.size);
        let most = self.pass.options.largest_part();
        if part_size > most {
            let detail = format!("it takes parts of {part_size} bytes, and there is memory for parts of {most}");
            let location = writer.destination.bucket.location();
            return Err(Error::new(ErrorKind::InvalidRequest, detail).during("write", location, Some(writer.key())));
        }
        let md5s = PartMd5s::of_uploads(1);
        let mut uploader = self.uploader(writer, self.followers[at].clone(), md5s, part_size, part_size);
        uploader.options.metadata.extend(writer.note_of_source(&*self.source().bucket, &self.seen.info));
        let (stream, hashed) = self.checked(stream);
        let approved = async {
            let Reading { md5, doubt } = hashed.await.map_err(|_| unread())?;
            Ok(Approved { md5: Some(md5), doubt })
        };
        let uploaded = uploader.upload(stream, approved).await?;
        self.followers[at].unless_leaving(self.judge_upload(writer, uploaded)).await
    }

    /// One gunzip for all targets that want the content. What was packed is checked against the source's ETag, and
    /// gzip's own CRC and length, before anything becomes visible.
    pub(super) async fn unpacked(&self, stream: ByteStream, targets: Vec<usize>, follower: Follower) -> Placements {
        let (stream, hashed) = self.checked(stream);
        let packed = hashed.map(|read| read.ok().map(|read| read.doubt)).shared();
        let followers: Vec<_> =
            targets.iter().map(|_| follower.follower().with_patience(self.pass.options.longest_lag)).collect();
        let (pump, streams) = fan_out(gunzip(stream), followers.clone());
        let md5s = PartMd5s::of_uploads(targets.len());
        let uploads = targets.iter().zip(followers).zip(streams).map(|((&at, follower), stream)| {
            let (writer, packed, md5s) = (&self.pass.writers[at], packed.clone(), md5s.clone());
            async move {
                let (first, largest) = (self.pass.part(), self.pass.options.largest_part());
                let uploader = self.uploader(writer, follower.clone(), md5s, first, largest);
                let (stream, md5) = if writer.tells_md5s() { (stream, None) } else { hashed_whole(stream) };
                let approved = async {
                    let doubt = packed.await.ok_or_else(unread)?;
                    Ok(Approved { md5: md5.map(|md5| md5.finish()), doubt })
                };
                let unpack = async {
                    let uploaded = uploader.upload(stream, approved).await?;
                    follower.unless_leaving(self.judge_upload(writer, uploaded)).await
                };
                let location = writer.destination.bucket.location();
                let done = unpack.await.map_err(|e| e.during("unpack to", location, Some(writer.key())));
                (at, writer.lands(Instant::now(), done))
            }
        });
        futures::join!(pump, join_all(uploads)).1
    }

    fn uploader(
        &self,
        writer: &Writer,
        follower: Follower,
        md5s: Arc<PartMd5s>,
        part_size: u64,
        largest_part: u64,
    ) -> Uploader {
        Uploader {
            writer: writer.clone(),
            options: self.options(writer),
            retry: self.pass.options.retry.clone(),
            budget: self.pass.budget.clone(),
            follower,
            md5s,
            part_size,
            largest_part,
        }
    }
}

/// Hashes a stream as it passes.
fn hashed_whole(stream: ByteStream) -> (ByteStream, Option<Passing>) {
    let passing = Passing(Arc::new(Mutex::new(Hasher::md5())));
    let hasher = passing.0.clone();
    let update = move |chunk: &Bytes| hasher.lock().unwrap_or_else(PoisonError::into_inner).update(chunk);
    (stream.inspect_ok(update).boxed(), Some(passing))
}

/// The hasher of a stream that is still passing.
struct Passing(Arc<Mutex<Hasher>>);

impl Passing {
    /// The digest of what has passed.
    fn finish(self) -> Digest {
        let mut hasher = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *hasher, Hasher::md5()).finish()
    }
}
