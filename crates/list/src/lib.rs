//! Ordered listings of a bucket, the key range split while it is listed.
//!
//! A store lists a thousand keys a page, and each page waits for the one before. [`pieces`] cuts the range in parts that are
//! listed side by side, from nothing but the keys that it sees: flat or deep, no hint is needed. [`entries`] puts them
//! together again, in order. Every page is checked: a server that repeats a page, leaves the order of bytes or ignores where
//! to start ends the listing with an error, never with a wrong one.

mod alphabet;
mod entries;
mod error;
mod options;
mod pages;
mod piece;
mod pieces;
mod pool;
mod range;
mod side;

pub use entries::entries;
pub use error::{Error, Result};
pub use options::{Jump, ListOptions, Skip};
pub use piece::Piece;
pub use pieces::pieces;
pub use range::KeyRange;
pub use side::Side;
