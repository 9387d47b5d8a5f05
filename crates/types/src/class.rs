use serde::{Deserialize, Serialize};

/// Whether the operation that failed may be tried again. Every error of every crate answers with one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A time-out, a reset, a 429, a 5xx: the same request may succeed later.
    Transient,
    /// The same request will fail again: denied, missing, malformed, unsupported.
    Permanent,
    /// The object is not what the caller thought: a precondition failed. Look again, then decide.
    Conflict,
    /// The run is being stopped.
    Cancelled,
}
