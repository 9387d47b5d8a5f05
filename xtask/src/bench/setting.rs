//! How a peer is set.

/// In a table each peer runs twice: as it is, and tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Default,
    Tuned,
    /// Tuned, but for the number of requests at once.
    AtOnce(u16),
}

impl Setting {
    /// How many requests at once it is told, `best` where it is tuned; `None` where it is told nothing.
    pub(crate) fn at_once(self, best: u16) -> Option<String> {
        match self {
            Self::Default => None,
            Self::Tuned => Some(best.to_string()),
            Self::AtOnce(n) => Some(n.to_string()),
        }
    }
}
