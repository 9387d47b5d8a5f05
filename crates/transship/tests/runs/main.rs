//! Whole runs over real sockets: what is planned, what is copied, what is reported.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod stage;

mod collisions;
mod deleting;
mod doubts;
mod existing;
mod hints;
mod hung;
mod keeping;
mod large;
mod listings;
mod many_large;
mod many_objects;
mod mirroring;
mod outages;
mod stopping;
