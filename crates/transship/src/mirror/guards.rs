use std::fmt;

use transship_store::{ListRequest, retry};
use transship_types::Key;

use super::{Compared, Deletion, Ends, MirrorOptions};
use crate::Result;

/// How many of a destination's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// So many of a hundred.
    Percent(u8),
}

impl Share {
    fn of(self, all: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => u64::try_from(u128::from(all) * u128::from(percent) / 100).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// What must hold before anything is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// The most that may be deleted. Where not given: half of a destination that holds at least 100 objects.
    pub max_delete: Option<Share>,
    /// Whether an empty source is meant.
    pub allow_empty_source: bool,
}

/// Why nothing was deleted, though there was something to delete and all else went well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The source has an object that it did not list.
    Unlisted {
        /// Its key, without the source's prefix.
        key: Key,
    },
    /// What was to be deleted is the source's own.
    SamePlace {
        /// The key, in full.
        key: Key,
    },
    /// The source holds nothing at all.
    EmptySource {
        /// How many objects would have been deleted.
        deletions: u64,
    },
    /// More would be deleted than may be.
    TooMany {
        /// How many objects would have been deleted.
        deletions: u64,
        /// How many the destination holds.
        of: u64,
        /// How many may be deleted, and whether somebody said so.
        most: u64,
        /// The limit as it was given.
        limit: Option<Share>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted { key } => write!(
                f,
                "the source has {:?}, which it did not list: its listings cannot be relied on, so that nothing more was \
                 deleted",
                key.as_str()
            ),
            Self::SamePlace { key } => write!(
                f,
                "{:?} was to be deleted, and is an object of the source: one of source and destination lies inside the \
                 other; nothing was deleted",
                key.as_str()
            ),
            Self::EmptySource { deletions } => {
                write!(f, "the source is empty, and {} would be deleted: nothing was deleted", objects(*deletions))
            }
            Self::TooMany { deletions, of, most, limit: Some(limit) } => {
                let counted = match limit {
                    Share::Count(_) => String::new(),
                    Share::Percent(_) => format!(", which is {most},"),
                };
                let (of, limit) = (objects(*of), limit);
                write!(
                    f,
                    "{deletions} of {of} would be deleted, and at most {limit}{counted} may be: nothing was deleted"
                )
            }
            Self::TooMany { deletions, of, limit: None, .. } => write!(
                f,
                "{deletions} of {} would be deleted, which is more than half: nothing was deleted",
                objects(*of)
            ),
        }
    }
}

fn objects(count: u64) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

/// What the guards have against so many deletions, once both ends were compared. Nothing is deleted here.
///
/// # Errors
/// The source cannot be asked whether it holds anything, where a filter left its listing nothing to show.
pub async fn refusal(
    ends: &Ends,
    options: &MirrorOptions,
    compared: &Compared,
    deletions: u64,
) -> Result<Option<Refusal>> {
    if deletions == 0 {
        return Ok(None);
    }
    // Where what the filters exclude is to go as well, a source of which they leave nothing is as good as empty.
    if options.deletion == Deletion::ExtraAndExcluded && compared.fitting() == 0 {
        return Ok(options.guards.ask(deletions, 0, compared.destination()).err());
    }
    let mut source = compared.source();
    if source == 0 && !options.filter.is_empty() {
        let request = ListRequest { prefix: ends.source.prefix.clone(), max_keys: Some(1), ..ListRequest::default() };
        let look = retry(&options.copy.retry, |_| ends.source.bucket.list_page(&request, None));
        source = look.await?.entries.len() as u64;
    }
    Ok(options.guards.ask(deletions, source, compared.destination()).err())
}

impl Guards {
    /// The least size of a destination of which half is a lot.
    const LARGE: u64 = 100;

    /// Whether so many deletions may be made. `source` counts what the source holds before any filter, `destination` what
    /// the destination holds.
    pub fn ask(&self, deletions: u64, source: u64, destination: u64) -> Result<(), Refusal> {
        if deletions == 0 {
            return Ok(());
        }
        if source == 0 && !self.allow_empty_source {
            return Err(Refusal::EmptySource { deletions });
        }
        let most = match self.max_delete {
            Some(limit) => limit.of(destination),
            None if destination < Self::LARGE || self.allow_empty_source && source == 0 => u64::MAX,
            None => destination / 2,
        };
        if deletions <= most {
            return Ok(());
        }
        Err(Refusal::TooMany { deletions, of: destination, most, limit: self.max_delete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Guards = Guards { max_delete: None, allow_empty_source: false };

    #[test]
    fn an_empty_source_deletes_nothing_unless_it_is_meant() {
        assert_eq!(DEFAULT.ask(3, 0, 3), Err(Refusal::EmptySource { deletions: 3 }));
        assert_eq!(DEFAULT.ask(0, 0, 3), Ok(()));
        let meant = Guards { allow_empty_source: true, ..DEFAULT };
        assert_eq!(meant.ask(3000, 0, 3000), Ok(()));
        assert!(Guards { max_delete: Some(Share::Count(2)), ..meant }.ask(3, 0, 3).is_err());
    }

    #[test]
    fn half_of_a_large_destination_is_a_lot() {
        assert_eq!(DEFAULT.ask(99, 1, 99), Ok(()));
        assert_eq!(DEFAULT.ask(50, 1, 100), Ok(()));
        assert!(DEFAULT.ask(51, 1, 100).is_err());
        assert!(DEFAULT.ask(51, 1, 101).is_err());
    }

    #[test]
    fn a_limit_counts_or_is_a_share() {
        let with = |limit| Guards { max_delete: Some(limit), ..DEFAULT };
        assert_eq!(with(Share::Count(5)).ask(5, 1, 10), Ok(()));
        let refusal = with(Share::Percent(10)).ask(2, 1, 10).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "2 of 10 objects would be deleted, and at most 10%, which is 1, may be: nothing was deleted"
        );
        assert_eq!(with(Share::Percent(100)).ask(u64::MAX, 1, u64::MAX), Ok(()));
        assert!(with(Share::Count(0)).ask(1, 1, 10).is_err());
    }
}
