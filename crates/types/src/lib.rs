//! Keys, entries, digests, outcomes and error classes shared by every Transship crate.
//!
//! Nothing here performs I/O or is async, and the dependency list stays that way (a test asserts it).
//!
//! ```
//! use transship_types::{ETag, Key};
//!
//! let key = Key::from("a//b");
//! assert_eq!(key.as_str(), "a//b", "keys are exact: nothing is folded");
//! let etag = ETag::new("\"9e107d9d372bb6826bd81d3542a419d6-3\"");
//! assert_eq!(etag.parts(), Some(3));
//! ```

mod class;
mod digest;
mod entry;
mod etag;
mod key;
mod outcome;
mod secret;

pub use class::ErrorClass;
pub use digest::{Algorithm, Digest};
pub use entry::Entry;
pub use etag::ETag;
pub use key::Key;
pub use outcome::{Outcome, Strength};
pub use secret::Secret;
