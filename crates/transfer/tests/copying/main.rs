//! Objects on their way between real sockets, directories and memory, seen from outside: what arrives, what was asked
//! of the servers for it, and what the copier says of it.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod gauge;
mod stage;
mod throttle;

mod any_object;
mod bandwidth;
mod cancelling;
mod ceph_like;
mod changes;
mod congestion;
mod damage;
mod deaths;
mod destinations;
mod doubts;
mod interruptions;
mod log;
mod memory;
mod newest;
mod odd_keys;
mod on_server;
mod real_servers;
mod side_by_side;
mod strengths;
mod tags;
mod unfinished;
mod unpacking;
