//! The program as its users meet it: command lines in, files, stores, output and exit codes out. Servers are real
//! sockets; directories stand in for them wherever both must behave alike.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in what the tests call, too

mod configuring;
mod explaining;
mod failing;
mod help;
mod keys;
mod listing;
mod notifying;
mod on_ceph;
mod output;
mod refused;
mod reporting;
mod retrying;
mod scene;
mod secrecy;
mod stopping;
mod syncing;
mod transferring;
mod unpacking;
