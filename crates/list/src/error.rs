use transship_store::ErrorKind;
use transship_types::{ErrorClass, Key};

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A listing broke off. What it gave before is right, what would have come is unknown: nothing may be concluded from a
/// key that is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store's own.
    #[error(transparent)]
    Store(#[from] transship_store::Error),
    /// The store does not list in the order of the keys' bytes: it has to be listed whole and sorted.
    #[error("{location} lists {after:?} after {before:?}, which is not the order of bytes")]
    OutOfOrder {
        /// Where.
        location: String,
        /// The key that came first.
        before: Key,
        /// The key that came next and should not have.
        after: Key,
    },
    /// The store is known not to list in the order of the keys' bytes: what it leaves out need not be missing.
    #[error("{location} does not list in the order of the keys' bytes")]
    Unordered {
        /// Where.
        location: String,
    },
    /// The store was asked for keys after one, and began before it: its key range cannot be split.
    #[error("{location} lists {found:?} where only keys after {after:?} were asked for")]
    StartIgnored {
        /// Where.
        location: String,
        /// The key to start after.
        after: Key,
        /// What was listed.
        found: Key,
    },
    /// The store lists a page again.
    #[error("{location} lists {key:?} twice")]
    Repeated {
        /// Where.
        location: String,
        /// The key that came again.
        key: Key,
    },
    /// The store goes on for ever: a page leads to itself, or one follows another without a key.
    #[error("{location} does not come to an end: a page leads to itself, or page after page is empty")]
    Endless {
        /// Where.
        location: String,
    },
    /// The store lists a key that is not below the prefix that was asked for.
    #[error("{location} lists {found:?}, which is not below {prefix:?}")]
    Outside {
        /// Where.
        location: String,
        /// What was asked for.
        prefix: String,
        /// What was listed.
        found: Key,
    },
    /// What does not fit into memory could not be kept on disk.
    #[error(transparent)]
    Spill(#[from] transship_spill::Error),
    /// The task that asks for pages died.
    #[error("the listing of {location} was interrupted: {cause}")]
    Interrupted {
        /// Where.
        location: String,
        /// Why.
        cause: tokio::task::JoinError,
    },
}

impl Error {
    /// Whether the listing may be tried again.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Store(error) => error.class(),
            _ => ErrorClass::Permanent,
        }
    }

    /// The kind of the store's error, where it is one.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Store(error) => Some(error.kind()),
            _ => None,
        }
    }
}
