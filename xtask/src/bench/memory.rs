//! Objects far larger than the budget: memory is a number, whatever the object's size and however it is copied.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum as _};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{
    bounds,
    build::Programs,
    config::solgate_config,
    contender::version,
    content,
    end::{BUCKET, End},
    holding::Holding,
    machine::Machine,
    measure::{Terms, Usage, measured, median},
    place::Place,
    record,
    server::Setup,
    table::print,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Bytes of all objects of a case together, where it has an end; of the archive, those that come out of it
    #[arg(long, value_name = "BYTES", default_value_t = 3 << 30)]
    size: u64,
    /// The budget, as the program's `--memory` takes it [default: the program's own]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// More resident memory than this is a failure, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    limit: u64,
    /// Milliseconds that the destination waits before it reads an object or a part: a slow one fills the budget
    #[arg(long, value_name = "MS", default_value_t = 100)]
    delay: u64,
    /// How often each case runs; the largest peak counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Only these cases
    #[arg(long, value_enum, value_name = "CASE")]
    only: Vec<Holding>,
}

/// How a run ends that would go on for long: exit code 6.
const STOPPED: Terms = Terms { stop_after: Some(10.0), accept: Some(6) };

/// What is kept.
#[derive(Debug, Serialize)]
struct Record<'a> {
    machine: &'a Machine,
    program: &'a str,
    size: u64,
    memory: Option<&'a str>,
    delay: u64,
    limit: u64,
    samples: &'a [Sample],
}

#[derive(Debug, Serialize)]
struct Sample {
    case: String,
    round: u16,
    #[serde(flatten)]
    usage: Usage,
}

/// Runs every case and prints its peak.
///
/// # Errors
/// A copy failed, or left another size than it should.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::build()?;
    let runtime = Runtime::new().context("start the runtime")?;
    let cases = if arguments.only.is_empty() { Holding::value_variants() } else { &arguments.only };
    let mut samples = Vec::new();
    for &case in cases {
        let source = End::testbed(&programs, &case.setup(arguments.size))?;
        for round in 1..=arguments.rounds {
            let sink = Setup { discard: true, upload_delay: arguments.delay, ..Setup::default() };
            let destination = End::testbed(&programs, &sink)?;
            let usage = one(arguments, &programs, case, &source, &destination)?;
            if case != Holding::Endless {
                runtime.block_on(arrived(arguments.size, &destination))?;
            }
            samples.push(Sample { case: case.name(), round, usage });
        }
    }
    let machine = Machine::here();
    let program = version(&programs.solgate)?;
    let Arguments { size, limit, delay, .. } = arguments;
    let memory = arguments.memory.as_deref();
    let budget = memory.unwrap_or("as by default");
    println!("\n{size} bytes, --memory {budget}, uploads after {delay} ms\n{program}\n{machine}\n");
    let rows: Vec<_> = cases.iter().map(|case| row(&case.name(), &samples)).collect();
    print(&["source", "peak MiB", "CPU s", "wall s"], &rows);
    println!();
    let (machine, samples) = (&machine, &*samples);
    let kept = Record { machine, program: &program, size: *size, memory, delay: *delay, limit: *limit, samples };
    let name = memory.map_or_else(|| "memory".to_owned(), |memory| format!("memory-{memory}"));
    record::write(&name, &kept)?;
    Ok(within(*limit, samples.iter().map(|sample| &sample.usage)))
}

/// Whether no run held more than so many bytes; says so where one did.
pub(super) fn within<'a>(limit: u64, usages: impl ExactSizeIterator<Item = &'a Usage>) -> ExitCode {
    let all = usages.len();
    let over = usages.filter(|usage| usage.peak > limit).count();
    if over > 0 {
        println!("FAILED: {over} of {all} runs held more than {limit} bytes");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn row(case: &str, samples: &[Sample]) -> Vec<String> {
    let of = || samples.iter().filter(|sample| sample.case == case).map(|sample| &sample.usage);
    let peak = of().map(|usage| usage.peak).max().unwrap_or(0);
    vec![
        case.to_owned(),
        format!("{:.1}", mib(peak)),
        format!("{:.1}", median(of().map(Usage::cpu))),
        format!("{:.1}", median(of().map(|usage| usage.wall))),
    ]
}

#[allow(clippy::cast_precision_loss)] // for people
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn one(arguments: &Arguments, programs: &Programs, case: Holding, source: &End, destination: &End) -> Result<Usage> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let folder = folder.path();
    let from = Place::new(source.endpoint(), BUCKET, if case == Holding::Endless { "" } else { "in" });
    let to = Place::new(destination.endpoint(), BUCKET, "out");
    let config = solgate_config(folder, &from, &[to], case == Holding::Gzip)?;
    let mut command = std::process::Command::new(&programs.solgate);
    command.arg("--config").arg(config).args(["sync", "--output", "json"]);
    command.arg("--failed-file").arg(folder.join("failed.json"));
    command.args(arguments.memory.iter().flat_map(|size| ["--memory", size]));
    let log = record::directory()?.join(format!("memory-{}.log", case.name()));
    let terms = if case == Holding::Endless { STOPPED } else { Terms::default() };
    let usage = measured(terms, &programs.xtask, &command, &log)?;
    let verified = bounds::verified(&fs::read_to_string(log)?)?;
    let all = case.count(arguments.size).map_or(verified > 0, |count| verified == count);
    ensure!(all, "{verified} copies were verified by content");
    Ok(usage)
}

/// The program has compared digests, and says so; that the size is right is seen here.
async fn arrived(size: u64, destination: &End) -> Result<()> {
    let listing = content::listing(&Place::new(destination.endpoint(), BUCKET, "out")).await?;
    let arrived: u64 = listing.values().map(|object| object.size).sum();
    ensure!(arrived == size, "{arrived} bytes arrived instead of {size}");
    Ok(())
}
