//! How many requests a store gets, and how fast: as much as serves it, and less where it asks for less.
//!
//! Each bucket has a [`gate`] for reads, writes, copies, listings and deletions, because stores limit them separately. A gate has
//! two rules, both of which only look at what became of the requests:
//!
//! - how many are under way ([`limit`]). It begins with few, doubles while that brings more, stops where more under way
//!   only means that each takes noticeably longer, shrinks where each takes far too long, and with every round trip that
//!   brings a refusal or no answer at all.
//! - how many are sent a second ([`rate`]). A store that answers within a millisecond is asked for more than it gives even
//!   by one request at a time. This rule sleeps until there are refusals.
//!
//! Nothing here is a cap of its own: who calls has only so many objects, parts and listings under way, and the limit grows
//! only where all of it is used.

mod base_rtt;
mod bucket;
mod gate;
mod limit;
mod rate;
mod round;
mod step;
mod window;

pub(crate) use bucket::AdaptiveBucket;
pub use bucket::LONG_BODY;

#[cfg(test)]
mod tests;
