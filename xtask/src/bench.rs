//! `cargo xtask bench`: Transship beside what a user would pick instead, in one run on this machine's own servers.

mod build;
mod contender;
mod end;
mod floor;
mod holding;
mod keys;
mod machine;
mod measure;
mod memory;
mod record;
mod server;
mod small;
mod stock;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Many small objects between two S3 endpoints, beside rclone, juicefs and a bare loop
    Small(small::Arguments),
    /// Objects far larger than memory: peak memory of each way to copy them
    Memory(memory::Arguments),
    /// Many keys on both sides and nothing to copy: time and peak memory of a listing and of a comparison
    Keys(keys::Arguments),
    /// An S3 server for a benchmark; ends with its standard input
    #[command(hide = true)]
    Server(server::Arguments),
    /// The least a copy can cost: one GET and one PUT an object, and nothing else
    #[command(hide = true)]
    Floor(floor::Arguments),
    /// Start a program and write down what it used
    #[command(hide = true)]
    Measure(measure::Arguments),
}

/// Does what the command says.
///
/// # Errors
/// A program cannot be built or started, a copy fails, or what arrived is not what was sent.
pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Small(arguments) => small::run(arguments),
        Command::Memory(arguments) => memory::run(arguments),
        Command::Keys(arguments) => keys::run(arguments),
        Command::Server(arguments) => server::run(arguments),
        Command::Floor(arguments) => floor::run(arguments),
        Command::Measure(arguments) => measure::run(arguments),
    }
}
