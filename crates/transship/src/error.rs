use transship_types::{ErrorClass, Key};

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The run itself failed. What happens to single objects is an outcome, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A store failed as a whole: a listing broke off, a bucket is missing.
    #[error(transparent)]
    Store(#[from] transship_store::Error),
    /// A listing cannot be relied on.
    #[error(transparent)]
    Listing(transship_list::Error),
    /// A task of the run died.
    #[error("{what} was interrupted: {cause}")]
    Interrupted {
        /// What it did.
        what: &'static str,
        /// Why.
        cause: tokio::task::JoinError,
    },
    /// The run was cancelled before the first object was copied.
    #[error("stopped before anything was copied")]
    Stopped,
    /// Two source objects would get the same key, and nothing says which one is meant.
    #[error("{}: nothing was copied", collision(first, second, key, destination, other.as_deref()))]
    Collision {
        /// The destination's name.
        destination: String,
        /// The name of the second object's destination, where it is another one in the same place.
        other: Option<String>,
        /// The key that both would get; in full where they come from two destinations.
        key: Key,
        /// One source key, relative to the source's prefix.
        first: Key,
        /// The other one.
        second: Key,
    },
    /// What does not fit into memory could not be kept on disk: a plan, a list, what a destination holds.
    #[error(transparent)]
    WorkDir(#[from] transship_spill::Error),
}

fn collision(first: &Key, second: &Key, key: &Key, destination: &str, other: Option<&str>) -> String {
    match other {
        None => format!("{first:?} and {second:?} would both become {key:?} at {destination}"),
        Some(other) => {
            format!("{first:?} at {destination} and {second:?} at {other} would both become {key:?} in the same place")
        }
    }
}

impl Error {
    /// Whether it may be tried again.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Listing(error) => error.class(),
            Self::Stopped => ErrorClass::Cancelled,
            Self::Collision { .. } | Self::WorkDir(_) | Self::Interrupted { .. } => ErrorClass::Permanent,
        }
    }
}

impl From<transship_list::Error> for Error {
    fn from(error: transship_list::Error) -> Self {
        match error {
            transship_list::Error::Store(error) => Self::Store(error),
            transship_list::Error::Spill(error) => Self::WorkDir(error),
            error => Self::Listing(error),
        }
    }
}
