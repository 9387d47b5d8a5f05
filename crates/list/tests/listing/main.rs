//! Listings over real sockets: every key once, in order, whatever the key space and whatever the server does.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shelf;
mod slow_bucket;

mod any_order;
mod faults;
mod large_pages;
mod resuming;
mod rounds;
mod side_by_side;
mod skipping;
mod sorting;
mod splitting;
