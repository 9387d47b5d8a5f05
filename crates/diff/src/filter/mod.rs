//! Which objects take part: rclone's filter rules, as <https://rclone.org/filtering/> documents them.

mod glob;
mod rules;
mod selection;

pub use rules::{FilterError, Rule, Rules};
pub use selection::{Ahead, Filter, Fit, Limits};
