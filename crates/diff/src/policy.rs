use std::fmt;

use time::{Duration, OffsetDateTime};
use transship_types::{Digest, ETag, Entry};
use transship_verify::usual_part_sizes;

/// What is known of an object when it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    /// When its content was last changed, as far as the store can say.
    pub modified: Option<OffsetDateTime>,
    /// The ETag, where it may be a digest.
    pub etag: Option<ETag>,
    /// Digests of the whole content.
    pub digests: Vec<Digest>,
}

impl Facts {
    /// What a listing tells. `etags` is whether the store's ETags may be digests.
    pub fn listed(entry: &Entry, etags: bool) -> Self {
        let etag = entry.etag.clone().filter(|_| etags);
        Self { size: entry.size, modified: Some(entry.last_modified), etag, digests: Vec::new() }
    }
}

/// One question about two objects under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// An object that is there is left alone, whatever it is.
    Exists,
    /// A destination that is newer is left alone. Otherwise: ask on.
    Newer {
        /// Times that differ by less are the same.
        window: Duration,
    },
    /// Other sizes differ. The same size: ask on.
    Size,
    /// Equal ETags are equal content, and other ones differ where they were made in the same way. Otherwise ask on.
    ETag,
    /// As `ETag`, with digests that both sides know.
    Digest,
    /// Unchanged exactly where the times are the same.
    SameTime {
        /// Times that differ by less are the same.
        window: Duration,
    },
    /// Unchanged where the destination is not older.
    NotOlder,
    /// Changed in any case.
    Always,
}

/// Whether an object has to be copied, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Same(Reason),
    /// It differs.
    Differs(Reason),
}

impl Verdict {
    /// Whether there is nothing to do.
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same(_))
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Same(reason) | Self::Differs(reason) => reason,
        }
    }
}

/// What a verdict rests on. Prints as it stands in a dry run and in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Something is there.
    Exists,
    /// Bytes of source and destination.
    Size(u64, u64),
    /// The sizes are equal, and nothing else was to be compared.
    SizeOnly,
    /// The ETags are equal.
    EqualETags,
    /// The ETags are digests of the same kind, and differ.
    OtherETag,
    /// The digests are equal; which algorithm.
    EqualDigests(&'static str),
    /// The digests differ; which algorithm.
    OtherDigest(&'static str),
    /// The destination is newer by so much.
    DestinationNewer(Duration),
    /// The destination is older by so much.
    DestinationOlder(Duration),
    /// The times are the same.
    SameTime,
    /// The destination is not older than the source.
    NotOlder,
    /// A time is not known.
    NoTime,
    /// One of them cannot be read.
    Unreadable,
    /// It was asked for.
    Asked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("something is there"),
            Self::Size(source, destination) => write!(f, "size {source}, there {destination}"),
            Self::SizeOnly => f.write_str("same size"),
            Self::EqualETags => f.write_str("same ETag"),
            Self::OtherETag => f.write_str("another ETag"),
            Self::EqualDigests(name) => write!(f, "same {name}"),
            Self::OtherDigest(name) => write!(f, "another {name}"),
            Self::DestinationNewer(by) => write!(f, "the destination is newer by {}", Span(*by)),
            Self::DestinationOlder(by) => write!(f, "the destination is older by {}", Span(*by)),
            Self::SameTime => f.write_str("same time"),
            Self::NotOlder => f.write_str("same size, and the destination is not older"),
            Self::NoTime => f.write_str("a time is not known"),
            Self::Unreadable => f.write_str("it cannot be read at one end"),
            Self::Asked => f.write_str("copied in any case"),
        }
    }
}

/// A time span as `2d 3h`, `4m 5s` or `0.006s`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours) = (self.0.whole_days(), self.0.whole_hours() % 24);
        let (minutes, seconds) = (self.0.whole_minutes() % 60, self.0.whole_seconds() % 60);
        match (days, hours, minutes, seconds) {
            (0, 0, 0, s) => write!(f, "{s}.{:03}s", self.0.subsec_milliseconds()),
            (0, 0, m, s) => write!(f, "{m}m {s}s"),
            (0, h, m, _) => write!(f, "{h}h {m}m"),
            (d, h, _, _) => write!(f, "{d}d {h}h"),
        }
    }
}

/// Questions that are asked in turn until one decides. Where none does, the objects are the same as far as anybody
/// asked.
///
/// | tool, flags | criteria |
/// |---|---|
/// | rclone, between disks | `Size`, `SameTime` |
/// | rclone `--size-only` | `Size` |
/// | rclone `--checksum` | `Size`, `Digest`, `ETag` |
/// | rclone `--update` | `Newer`, then the others |
/// | rclone `--ignore-existing` | `Exists` |
/// | with a store on either side | `Size`, `ETag`, `NotOlder` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(pub Vec<Criterion>);

impl Policy {
    /// From listings alone: size, then ETags where they can be compared, then age.
    pub fn listed() -> Self {
        Self(vec![Criterion::Size, Criterion::ETag, Criterion::NotOlder])
    }

    /// Decides.
    pub fn compare(&self, source: &Facts, destination: &Facts) -> Verdict {
        let decided = self.0.iter().find_map(|criterion| criterion.ask(source, destination));
        decided.unwrap_or(Verdict::Same(Reason::SizeOnly))
    }
}

impl Criterion {
    /// The verdict, where this criterion can tell.
    pub fn ask(self, source: &Facts, destination: &Facts) -> Option<Verdict> {
        use Verdict::{Differs, Same};
        let apart = source.modified.zip(destination.modified).map(|(source, there)| there - source);
        match self {
            Self::Exists => Some(Same(Reason::Exists)),
            Self::Always => Some(Differs(Reason::Asked)),
            Self::Size => {
                (source.size != destination.size).then_some(Differs(Reason::Size(source.size, destination.size)))
            }
            Self::ETag => match same_etags(source, destination)? {
                true => Some(Same(Reason::EqualETags)),
                false => Some(Differs(Reason::OtherETag)),
            },
            Self::Digest => same_digests(source, destination),
            Self::Newer { window } => {
                let newer = apart.filter(|apart| *apart > window)?;
                Some(Same(Reason::DestinationNewer(newer)))
            }
            Self::SameTime { window } => Some(match apart {
                None => Differs(Reason::NoTime),
                Some(apart) if apart.abs() <= window => Same(Reason::SameTime),
                Some(apart) if apart.is_positive() => Differs(Reason::DestinationNewer(apart)),
                Some(apart) => Differs(Reason::DestinationOlder(apart.abs())),
            }),
            Self::NotOlder => Some(match apart {
                None => Differs(Reason::NoTime),
                Some(apart) if apart.is_negative() => Differs(Reason::DestinationOlder(apart.abs())),
                Some(_) => Same(Reason::NotOlder),
            }),
        }
    }
}

/// Whether two ETags say the same, where they can be compared: both of whole objects, or both of as many parts, where only
/// one size of parts in use gives that many.
fn same_etags(source: &Facts, destination: &Facts) -> Option<bool> {
    let (ours, theirs) = (source.etag.as_ref()?, destination.etag.as_ref()?);
    if ours == theirs {
        // What most pairs of a run without changes are.
        return (ours.md5().is_some() || ours.multipart().is_some()).then_some(true);
    }
    if let (Some(ours), Some(theirs)) = (ours.md5(), theirs.md5()) {
        return Some(ours == theirs);
    }
    let ((ours, parts), (theirs, others)) = (ours.multipart()?, theirs.multipart()?);
    match ours == theirs && parts == others {
        true => Some(true),
        false => (parts == others && usual_part_sizes(source.size, parts).count() < 2).then_some(false),
    }
}

fn same_digests(source: &Facts, destination: &Facts) -> Option<Verdict> {
    let both = |ours: &Digest| {
        let theirs = destination.digests.iter().find(|theirs| theirs.algorithm == ours.algorithm)?;
        Some((ours.algorithm.name(), ours.bytes == theirs.bytes))
    };
    source.digests.iter().find_map(both).map(|(name, same)| match same {
        true => Verdict::Same(Reason::EqualDigests(name)),
        false => Verdict::Differs(Reason::OtherDigest(name)),
    })
}
