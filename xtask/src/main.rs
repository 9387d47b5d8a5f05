//! `cargo xtask`: the developer's tasks - tests, and servers to try things on.

// A program for a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod test;
mod testbed;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks for those who work on Transship.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Bring what is missing and check everything: format, lints, tests, examples, documentation, dependencies
    Test(test::Arguments),
    /// Servers to test against, and to try things on
    #[command(subcommand)]
    Testbed(testbed::Command),
    /// Measurements, beside other tools
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Testbed(command) => testbed::run(command),
        Task::Bench(arguments) => bench::run(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
