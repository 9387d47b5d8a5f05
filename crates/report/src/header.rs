use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What is known when a run starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The program: `solgate`.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// What it was told to do, without values that could be secret: `sync`, `transfer --dry-run`.
    pub command: String,
    /// When the run started.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// Nothing is written: outcomes are what would happen.
    pub dry_run: bool,
    /// Where the objects come from.
    pub source: Option<Place>,
    /// Where they go, in the order of the configuration.
    pub destinations: Vec<Place>,
}

/// An end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name that the configuration gives it, and that objects refer to.
    pub name: String,
    /// Where it is, for people, without secrets.
    pub location: String,
}

impl Header {
    /// A run that starts now.
    pub fn new(tool: impl Into<String>, version: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            tool: tool.into(),
            version: version.into(),
            command: command.into(),
            started: OffsetDateTime::now_utc(),
            dry_run: false,
            source: None,
            destinations: Vec::new(),
        }
    }
}

/// What is known only when a run has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    pub finished: OffsetDateTime,
    /// The process's exit code, as in `docs/exit-codes.md`.
    pub exit_code: u8,
    /// Why the run itself failed or was stopped, on one line.
    pub error: Option<String>,
    /// Which guard refused what, on one line.
    pub guard: Option<String>,
    /// The requests that were sent to each store that counts them.
    pub requests: Vec<StoreRequests>,
}

impl Ending {
    /// A run that ends now.
    pub fn now(exit_code: u8) -> Self {
        Self { finished: OffsetDateTime::now_utc(), exit_code, error: None, guard: None, requests: Vec::new() }
    }
}

/// How many requests were sent to one store, by HTTP verb, retries included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRequests {
    /// The store's name: `source`, or a destination's.
    pub store: String,
    /// Reads and listings.
    pub get: u64,
    /// Looks at single objects.
    pub head: u64,
    /// Writes, parts and server-side copies.
    pub put: u64,
    /// Starts and ends of multipart uploads, bulk deletes.
    pub post: u64,
    /// Deletes and aborts.
    pub delete: u64,
}

impl StoreRequests {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.get + self.head + self.put + self.post + self.delete
    }
}
