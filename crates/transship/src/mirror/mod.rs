//! Makes a destination equal to a source.
//!
//! ```text
//! pieces(source, destination) -> join -> filter, policy -> Change -> copy at once | delete at the end
//! ```
//!
//! [`changes`] is the plan, [`mirror`] carries it out. Nothing is deleted before every copy has succeeded, both listings
//! have come to their ends and the guards have been asked.

mod backup;
mod change;
mod changes;
mod content;
mod copying;
mod cut_off;
mod deletion;
mod explain;
mod guards;
mod options;
mod planning;
mod progress;
mod run;

pub use backup::Backup;
pub use change::{Change, Gone};
pub use changes::{Changes, Compared, changes, is_about_order};
pub use content::Content;
pub use cut_off::{CutOff, Reached};
pub use explain::{Explanation, explain};
pub use guards::{Guards, Refusal, Share, refusal};
pub use options::{Deletion, Ends, MirrorOptions, excluded};
pub use progress::Progress;
pub use run::{DESTINATION, Mirrored, Mirroring, mirror};
