//! Copies objects between any stores, to many destinations from one read, each verified on its own.
//!
//! A [`Copier`] owns the memory budget and the retries. It takes [`Job`]s - one object and the places it goes - and
//! gives a [`Copied`] for each: outcomes are data, only the run itself can fail.
//!
//! How an object travels follows from what the stores can do:
//! * same endpoint and credentials: the server copies ([`Done::Copied::on_server`]);
//! * up to one part: read once into memory, written everywhere from there;
//! * larger, and held in one part by its source: streamed in one request, so that the servers' ETags prove the copy;
//! * held in parts: the same parts again, several at once;
//! * anything else, and everything that is unpacked: hashed on the way, in parts of growing size.

mod admission;
mod answers;
mod bandwidth;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod boundaries;
mod budget;
mod copier;
mod fanout;
mod filler;
mod flight;
mod follower;
mod job;
mod lag;
mod laggards;
mod large_bodies;
mod layout;
mod limited;
mod meter;
mod newest;
mod on_server;
mod open_object;
mod options;
mod part_md5s;
mod parts;
mod pass;
mod proof;
mod read;
mod relay;
mod site;
mod tags;
mod unpack;
mod upload;
mod witness;
mod write;

pub use admission::Slot;
pub use bandwidth::{Bandwidth, Rates};
pub use copier::Copier;
pub use job::{Copied, Destination, Done, Doubt, Failure, Job, Placed, Target};
pub use newest::compare_source_times;
pub use options::CopyOptions;
pub use upload::Unfinished;
