//! Tags on their way. Not every server keeps those that an upload in parts is started with: Ceph RGW 16 drops them.

use std::sync::atomic::Ordering;

use transship_store::{ObjectInfo, Result, RetryOptions, Tag};

use crate::{
    read::{Source, insist},
    write::Writer,
};

/// The source's tags, asked for only where there are any and somebody keeps them.
pub(crate) async fn of_source(source: &Source, info: &ObjectInfo, writers: &[Writer]) -> Result<Vec<Tag>> {
    let wanted = writers.iter().any(|w| w.destination.bucket.capabilities().tags);
    if info.tag_count == 0 || !wanted {
        return Ok(Vec::new());
    }
    source.unless_stopped(insist(&source.retry, |_| source.bucket.tags(&source.key))).await
}

/// Sees to it that an object that was uploaded in parts has its tags. The first one of each destination tells whether
/// they came along by themselves; where they do not, they are written to the object that is there.
pub(crate) async fn see_to(writer: &Writer, retry: &RetryOptions, tags: &[Tag]) {
    let bucket = &writer.destination.bucket;
    if tags.is_empty() || !bucket.capabilities().tags {
        return;
    }
    let look = async { insist(retry, |_| bucket.tags(writer.key())).await.map(|there| sorted(&there) == sorted(tags)) };
    // Where tags may not be read, writing them once more does no harm.
    if matches!(writer.site.keeps_tags.get_or_try_init(|| look).await, Ok(true)) {
        return;
    }
    let written = insist(retry, |_| bucket.put_tags(writer.key(), tags)).await;
    if let Err(error) = &written {
        tracing::debug!(%error, "the tags are not kept");
    }
    writer.tags_lost.store(written.is_err(), Ordering::Relaxed);
}

fn sorted(tags: &[Tag]) -> Vec<&Tag> {
    let mut sorted: Vec<_> = tags.iter().collect();
    sorted.sort();
    sorted
}
