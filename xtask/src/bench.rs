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
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// So many times as large: 0.02 to see whether it works
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    scale: f64,
    /// What stands at both ends [default: what the workload says]
    #[arg(long, value_enum)]
    server: Option<ServerKind>,
    /// Beside ours, only programs whose name in the table begins like this (rclone, "aws s3, tuned"), or nobody; may be given
    /// several times
    #[arg(long, value_name = "NAME", value_parser = contender::named)]
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
/// A program cannot be built, or a server that is needed is not on this machine.
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

/// How many times as large.
fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor > 0.0);
    factor.ok_or_else(|| "expected a number beyond 0, such as 0.02".to_owned())
}

fn side_by_side(arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::build()?;
    let workloads = if arguments.workloads.is_empty() { Workload::value_variants() } else { &arguments.workloads };
    let mut holds = true;
    let cases = workloads.iter().flat_map(|workload| workload.cases(arguments.scale));
    let cases: Vec<_> = cases.flat_map(|case| placed(case, arguments.server)).collect();
    for case in &cases {
        case.server.version()?;
    }
    for mut case in cases {
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
        let name = case.name.clone();
        match race::run(case, arguments.rounds, &programs, field) {
            Ok(Some(record)) => {
                results::show(&record)?;
                holds &= record.broken.is_empty();
            }
            Ok(None) => {}
            // What comes after it may take hours, and somebody waits for that.
            Err(error) => {
                println!("{name} FAILED: {error:#}");
                holds = false;
            }
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
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn what_would_measure_nothing_is_refused() {
        for wrong in ["--rounds=0", "--scale=0", "--scale=NaN", "--scale=-1", "--only=juicfs", "--only="] {
            let error = Line::try_parse_from(["bench", wrong]).unwrap_err().to_string();
            assert!(error.contains("invalid value"), "{error}");
        }
        for right in ["--rounds=1", "--scale=0.02", "--only=juicefs", "--only=nobody"] {
            Line::try_parse_from(["bench", right]).unwrap();
        }
    }

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
