//! Compares two ordered listings without any I/O of its own.
//!
//! [`Join`] walks through two listings and says of each key who has it; a [`Policy`] says whether two objects are the same,
//! and why; a [`Filter`] says which objects take part, with rclone's rules, and where a listing need not look.

mod filter;
mod join;
mod policy;

pub use filter::{Ahead, Filter, FilterError, Fit, Limits, Rule, Rules};
pub use join::{Join, Pair};
pub use policy::{Criterion, Facts, Policy, Reason, Verdict};
