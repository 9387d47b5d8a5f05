//! What is to happen to one key, and why.

use std::fmt;

use serde::{Deserialize, Serialize};
use transship_diff::{Reason, Verdict};
use transship_types::Entry;

/// Why something is copied that replaces nothing.
pub(super) const NOT_THERE: &str = "not there yet";

/// What is to happen to one key, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is copied.
    Copy {
        /// The object, under its full key.
        source: Entry,
        /// What it replaces, and how that differs. `None` where nothing is there.
        replaces: Option<(Entry, Reason)>,
    },
    /// It stays as it is.
    Same {
        /// The object, under its full key.
        source: Entry,
        /// Why.
        reason: Reason,
    },
    /// It differs, and must not be replaced.
    Immutable {
        /// The object, under its full key.
        source: Entry,
        /// How what is there differs.
        reason: Reason,
    },
    /// The destination cannot hold it.
    Impossible {
        /// The object, under its full key.
        source: Entry,
        /// Why.
        error: String,
    },
    /// It is deleted.
    Delete {
        /// The destination's object, under its full key.
        destination: Entry,
        /// Why.
        gone: Gone,
    },
    /// Only the destination has it, and it stays.
    Extra {
        /// The destination's object, under its full key.
        destination: Entry,
    },
}

/// What listings tell of a key.
pub(super) enum Found {
    /// What is to happen.
    Change(Change),
    /// Both have it, and only what they hold tells whether it is the same.
    Open {
        /// The source's object.
        source: Entry,
        /// The destination's.
        destination: Entry,
    },
}

/// Why an object of the destination is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gone {
    /// The source does not have it.
    Missing,
    /// The source has it, and the filter excludes it there.
    SourceExcluded,
    /// The filter excludes it at the destination, and such objects are to go, too.
    Excluded,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the source does not have it",
            Self::SourceExcluded => "the filters exclude what the source has",
            Self::Excluded => "the filters exclude it",
        })
    }
}

impl Change {
    /// Why, in a few words, as dry runs, logs and reports tell it.
    pub fn because(&self) -> String {
        match self {
            Self::Copy { replaces: None, .. } | Self::Impossible { .. } => NOT_THERE.to_owned(),
            Self::Copy { replaces: Some((_, reason)), .. }
            | Self::Same { reason, .. }
            | Self::Immutable { reason, .. } => reason.to_string(),
            Self::Delete { gone, .. } => gone.to_string(),
            Self::Extra { .. } => "only at the destination".to_owned(),
        }
    }

    /// What is wrong, where it is an error.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Impossible { error, .. } => Some(error.clone()),
            Self::Immutable { reason, .. } => {
                Some(format!("it differs ({reason}), and objects that are there must not be replaced"))
            }
            _ => None,
        }
    }

    /// What a verdict means for an object that both have.
    pub(super) fn judged(source: Entry, destination: Entry, verdict: Verdict, immutable: bool) -> Self {
        match verdict {
            Verdict::Same(reason) => Self::Same { source, reason },
            Verdict::Differs(reason) if immutable => Self::Immutable { source, reason },
            Verdict::Differs(reason) => Self::Copy { source, replaces: Some((destination, reason)) },
        }
    }
}
