//! The rule for keys that several source objects share: the newest source wins, and stays.

use std::cmp::Ordering;

use time::OffsetDateTime;
use transship_store::{Bucket, Condition, ErrorKind, Result};
use transship_types::{Entry, Key};

use crate::{CopyOptions, read::insist};

/// What to do at a key whose newest source shall win.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Write, under this condition.
    Write(Condition),
    /// The object there comes from a source of this time, which is newer, or equal and to be left alone.
    Keep(OffsetDateTime),
}

/// Looks at the object that is there. Where it does not say what it was copied from, it is replaced.
pub(crate) async fn decide(bucket: &dyn Bucket, key: &Key, source: &Entry, options: &CopyOptions) -> Result<Verdict> {
    let info = match insist(&options.retry, |_| bucket.head(key)).await {
        Ok(info) => info,
        // A bucket that is not there yet is created with the first object, or the write will say so.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoSuchBucket) => {
            return Ok(Verdict::Write(guard(bucket, Condition::IfAbsent)));
        }
        Err(error) => return Err(error),
    };
    let stays = |there: &OffsetDateTime| match compare_source_times(*there, source.last_modified) {
        Ordering::Greater => true,
        Ordering::Equal => options.leave_equal,
        Ordering::Less => false,
    };
    if let Some(there) = info.modified_at_source.filter(stays) {
        return Ok(Verdict::Keep(there));
    }
    let unchanged = info.etag.map_or(Condition::Always, Condition::IfMatch);
    Ok(Verdict::Write(guard(bucket, unchanged)))
}

/// How the time of the source that an object was copied from compares with a source's. Listings tell fractions of seconds
/// and other replies do not: where one of the times has none, whole seconds decide.
pub fn compare_source_times(there: OffsetDateTime, source: OffsetDateTime) -> Ordering {
    if there.nanosecond() == 0 || source.nanosecond() == 0 {
        return there.unix_timestamp().cmp(&source.unix_timestamp());
    }
    there.cmp(&source)
}

/// Two runs at once must not undo each other; stores without conditional writes cannot prevent it.
fn guard(bucket: &dyn Bucket, condition: Condition) -> Condition {
    if bucket.capabilities().conditional_put { condition } else { Condition::Always }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_without_fractions_is_not_the_older_one() {
        let (whole, exact) = (datetime!(2024-05-06 12:00:01 UTC), datetime!(2024-05-06 12:00:01.296 UTC));
        assert_eq!(compare_source_times(exact, whole), Ordering::Equal);
        assert_eq!(compare_source_times(whole, exact), Ordering::Equal);
        assert_eq!(compare_source_times(exact, datetime!(2024-05-06 12:00:01.295 UTC)), Ordering::Greater);
        assert_eq!(compare_source_times(exact, datetime!(2024-05-06 12:00:02 UTC)), Ordering::Less);
    }
}
