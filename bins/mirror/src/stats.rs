//! What progress shows.

use transship::mirror::Progress;
use transship_support::Snapshot;

/// What is copied is what counts; most of what is compared may be there already.
pub(crate) fn snapshot(progress: &Progress) -> Snapshot {
    let Progress { checked, to_copy, bytes_to_copy, copied, bytes_copied, to_delete, deleted, failed, is_compared } =
        *progress;
    Snapshot {
        objects_done: copied,
        objects_total: to_copy,
        bytes_done: bytes_copied,
        bytes_total: bytes_to_copy,
        complete: is_compared,
        failed,
        checked: Some(checked),
        deleted: (to_delete > 0).then_some((deleted, to_delete)),
    }
}
