//! Moves objects between clouds and proves that they arrived.
//!
//! Copy everything under one prefix:
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use transship::{Leg, Place, Route, RunOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let route = Route {
//!     source: Place::open("file:///srv/exports")?,
//!     legs: vec![Leg::new("archive", Place::open("file:///mnt/archive")?)],
//! };
//! let run = transship::copy(route, RunOptions::default());
//! run.outcomes().try_for_each(|object| async move { Ok(println!("{}", object.key)) }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The pieces are crates of their own, re-exported here: [`store`], [`keys`], [`transfer`], [`verify`], [`report`].

mod copy;
mod dry_run;
mod due;
mod error;
mod existing;
mod found;
mod listing;
pub mod mirror;
mod names;
mod outcome;
mod plan;
mod planner;
mod route;
mod run;
mod tasks;

pub use copy::{copy, copy_entries};
pub use dry_run::dry_run;
pub use error::{Error, Result};
pub use existing::{Comparison, Existing, Likeness};
pub use listing::list;
pub use plan::{Decision, Plan, Planned, PlannedTarget};
pub use route::{Leg, Place, Route};
pub use run::{Progress, Run, RunOptions};
pub use transship_diff as diff;
pub use transship_keys as keys;
pub use transship_list as listings;
pub use transship_report as report;
pub use transship_spill as spill;
pub use transship_store as store;
pub use transship_transfer as transfer;
pub use transship_types as types;
pub use transship_verify as verify;
