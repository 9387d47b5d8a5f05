//! Many small objects: what each one costs beyond its bytes.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{
    build::Programs,
    contender::{Contender, SOURCE, Ways},
    end::{Counts, End, ServerKind},
    machine::Machine,
    measure::{Usage, measured, median},
    record, stock,
    table::print,
};

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Arguments {
    /// Objects
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    objects: u64,
    /// Bytes of each
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    size: usize,
    /// How often each program runs; the table shows medians
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// What stands at both ends
    #[arg(long, value_enum, default_value = "testbed")]
    server: ServerKind,
}

/// What is kept.
#[derive(Debug, Serialize)]
struct Record {
    machine: Machine,
    server: ServerKind,
    objects: u64,
    size: usize,
    contenders: Vec<Contender>,
    samples: Vec<Sample>,
}

/// One run of one program.
#[derive(Debug, Serialize)]
struct Sample {
    round: usize,
    contender: &'static str,
    /// Exactly as it was started.
    command: String,
    #[serde(flatten)]
    usage: Usage,
    /// Requests that the source's server saw; `None` where it does not count.
    source: Option<Counts>,
    /// Requests that the destination's server saw.
    destination: Option<Counts>,
}

impl Sample {
    fn requests(&self) -> Option<u64> {
        Some(self.source.as_ref()?.values().sum::<u64>() + self.destination.as_ref()?.values().sum::<u64>())
    }
}

/// Runs all programs in turn, round by round, and prints the medians.
///
/// # Errors
/// A program failed, or what it left at the destination is not what is at the source.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::build()?;
    let (contenders, missing) = Contender::all(&programs)?;
    let runtime = Runtime::new().context("start the runtime")?;
    let mut source = End::start(arguments.server, &programs)?;
    let filled = stock::open(source.endpoint())?;
    runtime.block_on(stock::fill(&filled, SOURCE, arguments.objects, arguments.size))?;
    let expected = runtime.block_on(stock::listing(&filled, SOURCE))?;
    ensure!(expected.len() as u64 == arguments.objects, "the source lists {} objects", expected.len());
    let mut samples = Vec::new();
    for round in 1..=arguments.rounds {
        for contender in &contenders {
            // Each finds the same: an empty server. The source has served everybody the same.
            let mut destination = End::start(arguments.server, &programs)?;
            let sample = one(round, contender, &programs, &mut source, &mut destination)?;
            let arrived = runtime.block_on(stock::listing(&stock::open(destination.endpoint())?, "out"))?;
            ensure!(arrived == expected, "{}: keys, sizes or ETags differ from the source's", contender.name);
            println!(
                "round {round}: {:<14} {:>6.2} s wall {:>6.2} s CPU, content verified",
                contender.name,
                sample.usage.wall,
                sample.usage.cpu()
            );
            samples.push(sample);
        }
    }
    let (machine, Arguments { objects, size, server, .. }) = (Machine::here(), *arguments);
    let record = Record { machine, server, objects, size, contenders, samples };
    record.show(&missing);
    record::write("small", &record)?;
    Ok(record.verdict())
}

fn one(
    round: usize,
    contender: &Contender,
    programs: &Programs,
    source: &mut End,
    destination: &mut End,
) -> Result<Sample> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let ways = Ways { from: source.endpoint(), to: destination.endpoint(), prefix: "out", folder: folder.path() };
    let command = contender.command(ways)?;
    let log = record::directory()?.join(format!("small-{}.log", contender.name.replace([' ', ','], "-")));
    let before = source.counts()?;
    let usage = measured(&programs.xtask, &command, &log)?;
    let since = |after: Counts, before: &Counts| -> Counts {
        let fresh = |(operation, n): (String, u64)| (n - before.get(&operation).unwrap_or(&0), operation);
        after.into_iter().map(fresh).filter(|(n, _)| *n > 0).map(|(n, operation)| (operation, n)).collect()
    };
    Ok(Sample {
        round,
        contender: contender.name,
        command: words(&command, folder.path()),
        usage,
        source: source.counts()?.zip(before).map(|(after, before)| since(after, &before)),
        destination: destination.counts()?,
    })
}

/// The command line, without where things are on this machine.
fn words(command: &std::process::Command, folder: &Path) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let folder = format!("{}/", folder.display());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().replace(&folder, "")).collect::<Vec<_>>().join(" ")
}

impl Record {
    fn of(&self, contender: &str) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.contender == contender)
    }

    fn median(&self, contender: &str, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.of(contender).map(figure))
    }

    fn show(&self, missing: &[String]) {
        println!("\n{} objects of {} bytes, medians; both servers run on the same processors", self.objects, self.size);
        println!("{}\n", self.machine);
        let rows: Vec<_> = self.contenders.iter().map(|contender| self.row(contender.name)).collect();
        print(&["", "wall s", "x ours", "CPU s", "x ours", "peak MiB", "requests/object"], &rows);
        println!();
        for contender in &self.contenders {
            let command = self.of(contender.name).last().map_or("", |sample| &sample.command);
            println!("{} ({})\n    {command}", contender.name, contender.version);
        }
        missing.iter().for_each(|line| println!("not run: {line}"));
        println!();
    }

    #[allow(clippy::cast_precision_loss)] // bytes as MiB, requests as a rate
    fn row(&self, name: &str) -> Vec<String> {
        let ours = self.contenders.iter().find(|c| c.is_ours()).map_or("", |c| c.name);
        let (wall, cpu) = (|sample: &Sample| sample.usage.wall, |sample: &Sample| sample.usage.cpu());
        let peak = self.median(name, |s| s.usage.peak as f64 / f64::from(1 << 20));
        let requests = self.of(name).filter_map(Sample::requests).last();
        vec![
            name.to_owned(),
            format!("{:.2}", self.median(name, wall)),
            format!("{:.2}", self.median(name, wall) / self.median(ours, wall)),
            format!("{:.2}", self.median(name, cpu)),
            format!("{:.2}", self.median(name, cpu) / self.median(ours, cpu)),
            format!("{peak:.0}"),
            requests.map_or_else(|| "-".to_owned(), |n| format!("{:.3}", n as f64 / self.objects as f64)),
        ]
    }

    /// What holds on every machine is checked: requests. Times are for people to judge.
    fn verdict(&self) -> ExitCode {
        let ours = self.samples.iter().filter(|s| self.contenders.iter().any(|c| c.is_ours() && c.name == s.contender));
        let wrong = ours.filter_map(|sample| {
            let (source, destination) = (sample.source.as_ref()?, sample.destination.as_ref()?);
            let count = |counts: &Counts, operation| counts.get(operation).copied().unwrap_or(0);
            let exact = count(source, "GetObject") == self.objects && count(destination, "PutObject") == self.objects;
            let pages = self.objects.div_ceil(1000);
            let few = sample.requests()? <= 2 * self.objects + pages + 4;
            (!(exact && few)).then(|| format!("source {source:?}, destination {destination:?}"))
        });
        let wrong: Vec<_> = wrong.collect();
        if let Some(first) = wrong.first() {
            println!("FAILED: more than one GET and one PUT an object: {first}");
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}
