//! Ordered listings of a bucket, the key range split while it is listed.
//!
//! A store lists a thousand keys a page, and each page waits for the one before. [`pieces`] cuts the range in parts that are
//! listed side by side, from nothing but the keys that it sees: flat or deep, no hint is needed. [`entries`] puts them
//! together again, in order; [`in_any_order`] does so where the store has that order, and takes its own otherwise. Every page
//! is checked: a server that repeats a page, leaves the order of bytes, ignores where to start or sends empty pages without
//! end ends the listing with an error, never with a wrong one.
//!
//! # What a listing cannot tell
//!
//! What a page leaves out cannot be checked. Some stores order keys folder by folder (SeaweedFS: `a/b` before `a.b`) and
//! also start by that order: asked for what comes after `a.`, they leave out all of `a/`. Nothing on the page shows it.
//! Where a store says what it is, listing it is [`Error::Unordered`]; where keys on a page, or on two that follow each
//! other, are out of order, [`Error::OutOfOrder`]. Cuts are made so that one of them shows it where such a store hides its
//! name behind a proxy - but where two sides are cut at the same keys, the keys that were seen may be those of the other one,
//! and a key that exists may be missing. [`Side::sorted`] lists from the first page to the last, starts nowhere in between,
//! and so has them all.
//!
//! So a key that is in no listing is not proven to be gone: whoever deletes because of it must ask for that key first.
//!
//! # Going on where a run ended
//!
//! [`entries`] come in the order of the keys' bytes, so the last key that was dealt with says everything: a listing over
//! [`KeyRange::after`] it brings what is left, each key once, even where the object under it is gone by now. Keys in a
//! range are relative to the side's prefix: keep what [`Side::relative`] gives.
//!
//! ```
//! use futures::TryStreamExt;
//! use transship_list::{KeyRange, ListOptions, Side, entries};
//! use transship_store::{Body, BucketSpec, PutOptions, open};
//! use transship_types::Key;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bucket = open(&BucketSpec::Memory("exports".to_owned()))?;
//! for key in ["2024/a", "2024/b", "2024/c", "2025/a"] {
//!     bucket.put(&Key::from(key), Body::bytes("..."), &PutOptions::default()).await?;
//! }
//! let side = Side::new(bucket, "2024/");
//!
//! // A run that ends early, and remembers where.
//! let mut listed = Box::pin(entries(side.clone(), KeyRange::ALL, ListOptions::default()));
//! let first = listed.try_next().await?.ok_or("nothing is there")?;
//! let checkpoint = side.relative(&first.key).to_owned();
//! assert_eq!(checkpoint, "a");
//!
//! // The next run.
//! let rest = entries(side, KeyRange::after(checkpoint), ListOptions::default());
//! let keys: Vec<_> = rest.map_ok(|entry| entry.key).try_collect().await?;
//! assert_eq!(keys, [Key::from("2024/b"), Key::from("2024/c")]);
//! # Ok(())
//! # }
//! ```
//!
//! [`pieces`] come side by side, so no single key says how far they are. Who compares by them begins again, which costs
//! listings and nothing else.

mod advance;
mod alphabet;
mod any_order;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod cutting;
mod entries;
mod error;
mod growth;
mod options;
mod own_order;
mod pages;
mod piece;
mod pieces;
mod place;
mod pool;
mod progress;
mod range;
mod side;

pub use any_order::in_any_order;
pub use entries::entries;
pub use error::{Error, Result};
pub use options::{Jump, ListOptions, Skip};
pub use piece::Piece;
pub use pieces::pieces;
pub use range::KeyRange;
pub use side::Side;
