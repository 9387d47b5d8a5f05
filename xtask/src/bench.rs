//! `cargo xtask bench`: Transship beside what a user would pick instead, in one run on this machine's own servers.

mod bounds;
mod build;
mod command;
mod config;
mod contender;
mod content;
mod end;
mod field;
mod floor;
mod holding;
mod keys;
mod latency;
mod machine;
mod measure;
mod memory;
mod place;
mod race;
mod record;
mod results;
mod scene;
mod server;
mod setting;
mod shown;
mod stock;
mod table;
mod tool;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum as _};

use self::{
    build::Programs,
    end::ServerKind,
    field::{Field, Swept},
    shown::slug,
    workload::{Case, Workload},
};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// What to measure [default: all of these]
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// How often each program runs; tables show medians
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// So many times as large: 0.02 to see whether it works
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
    /// What stands at both ends [default: what the workload says]
    #[arg(long, value_enum)]
    server: Option<ServerKind>,
    /// Beside ours, only programs whose name begins like this; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// One program alone [ours, if none is named]: at its defaults, and with each setting that a user might try; of others
    /// so many requests at once
    #[arg(
        long,
        value_enum,
        value_name = "PROGRAM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "ours",
        conflicts_with = "only"
    )]
    sweep: Option<Swept>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Objects far larger than memory: peak memory of each way to copy them
    Memory(memory::Arguments),
    /// Many keys on both sides and nothing to copy: peak memory
    Keys(keys::Arguments),
    /// An S3 server for a benchmark; ends with its standard input
    #[command(hide = true)]
    Server(server::Arguments),
    /// The least the work can cost
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
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.other {
        Some(Other::Memory(arguments)) => memory::run(arguments),
        Some(Other::Keys(arguments)) => keys::run(arguments),
        Some(Other::Server(arguments)) => server::run(arguments),
        Some(Other::Floor(arguments)) => floor::run(arguments),
        Some(Other::Measure(arguments)) => measure::run(arguments),
        None => side_by_side(arguments),
    }
}

fn side_by_side(arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::build()?;
    let workloads = if arguments.workloads.is_empty() { Workload::value_variants() } else { &arguments.workloads };
    let mut holds = true;
    let cases = workloads.iter().flat_map(|workload| workload.cases(arguments.scale));
    for mut case in cases.flat_map(|case| placed(case, arguments.server)) {
        if !case.can_run() && arguments.workloads.is_empty() {
            println!("\n{}: not run, it needs the testbed's own server", case.name);
            continue;
        }
        let field = if let Some(swept) = arguments.sweep {
            case.name += &format!("-sweep{}", swept.suffix());
            Field::Settings(swept)
        } else {
            // A table of the whole field is not to be replaced by one of a part of it.
            case.name += &arguments.only.iter().map(|name| format!("-beside-{}", slug(name))).collect::<String>();
            Field::Programs(&arguments.only)
        };
        if let Some(record) = race::run(case, arguments.rounds, &programs, field)? {
            results::show(&record)?;
            holds &= record.broken.is_empty();
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where a case runs: where somebody says, or where it belongs. What belongs to a server that tells no requests runs on the
/// testbed's as well, to hold ours to the number of requests.
fn placed(case: Case, server: Option<ServerKind>) -> Vec<Case> {
    match server {
        Some(server) => vec![case.on(server)],
        None if case.server == ServerKind::Testbed => vec![case],
        None => vec![case.clone(), case.on(ServerKind::Testbed)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_no_requests_runs_where_they_are_counted_as_well() {
        let names = |workload: Workload, server| {
            let cases = workload.cases(1.0).into_iter().flat_map(|case| placed(case, server));
            cases.map(|case| (case.name, case.server)).collect::<Vec<_>>()
        };
        let case = |name: &str, server| (name.to_owned(), server);
        let (seaweed, testbed) = (ServerKind::Seaweed, ServerKind::Testbed);
        assert_eq!(names(Workload::Small, None), [case("small", testbed)]);
        assert_eq!(names(Workload::Small, Some(seaweed)), [case("small-on-seaweed", seaweed)]);
        let both = ["large-single", "large-parts"];
        let both = both.map(|name| [case(name, seaweed), case(&format!("{name}-on-testbed"), testbed)]);
        assert_eq!(names(Workload::Large, None), both.concat());
    }
}
