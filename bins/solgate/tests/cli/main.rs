//! The program as its users meet it: command lines in, files, stores, output and exit codes out. Servers are real
//! sockets; directories stand in for them wherever both must behave alike.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in what the tests call, too

mod failing;
mod listing;
mod scene;
mod syncing;
mod transferring;
