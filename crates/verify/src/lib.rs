//! Digests, ETag arithmetic and equality at a named strength.
//!
//! ```
//! use transship_types::ETag;
//! use transship_verify::{ETagHasher, Claim};
//!
//! let mut hasher = ETagHasher::new(Some(&ETag::new("900150983cd24fb0d6963f7d28e17f72")), 3);
//! hasher.update(b"abc");
//! assert_eq!(hasher.finish(), Claim::Proven);
//! ```

mod etag;
mod hasher;
mod part_size;

pub use etag::{Claim, ETagHasher, PartDigests, same_content};
pub use hasher::Hasher;
pub use part_size::{part_sizes, usual_part_sizes};
