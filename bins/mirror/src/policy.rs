//! The comparison flags as a policy.

use time::Duration;
use transship::{
    diff::{Criterion, Policy},
    mirror::{Content, Ends},
};

use crate::cli::ComparisonArgs;

/// When objects of these two ends are the same.
///
/// Between disks rclone's own default holds: size and time. With a store on either side listings have no time of the source,
/// so ETags decide where they can be compared, and otherwise age.
pub(crate) fn of(args: &ComparisonArgs, ends: &Ends) -> Policy {
    let between_disks = [&ends.source, &ends.destination].iter().all(|end| end.bucket.capabilities().is_disk());
    let window =
        args.modify_window.map_or(Duration::NANOSECOND, |span| Duration::try_from(span.0).unwrap_or(Duration::MAX));
    let newer = args.update.then_some(Criterion::Newer { window });
    let rest: &[Criterion] = match args {
        ComparisonArgs { ignore_existing: true, .. } => &[Criterion::Exists],
        ComparisonArgs { ignore_times: true, .. } => &[Criterion::Always],
        ComparisonArgs { size_only: true, .. } => &[Criterion::Size],
        ComparisonArgs { checksum: true, .. } => &[Criterion::Size, Criterion::Digest, Criterion::ETag],
        _ if between_disks => &[Criterion::Size, Criterion::SameTime { window }],
        _ => &[Criterion::Size, Criterion::ETag, Criterion::NotOlder],
    };
    Policy(newer.into_iter().chain(rest.iter().copied()).collect())
}

/// When objects are read to be compared.
pub(crate) fn content(args: &ComparisonArgs) -> Content {
    if args.checksum { Content::Hashed } else { Content::AsListed }
}
