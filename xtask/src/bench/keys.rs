//! More keys than memory holds, on both sides, and nothing to copy.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use super::{
    bounds::most_pages,
    build::Programs,
    config::rclone_config,
    contender::{MOST_MEMORY_OF_LISTINGS, version},
    end::{BUCKET, Counts, End},
    machine::Machine,
    measure::{Terms, Usage, measured, median},
    memory::within,
    record,
    server::Setup,
    stock::Stock,
    table::print,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Keys on each side
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    count: u64,
    /// Characters of a key, 42 at least; S3 allows 1,024
    #[arg(long, value_name = "N", default_value_t = SHORTEST, value_parser = clap::value_parser!(u16).range(i64::from(SHORTEST)..=1024))]
    key_length: u16,
    /// Milliseconds that each page of a listing waits
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// More resident memory than this is a failure, in bytes [default: 64 MiB]
    #[arg(long, value_name = "BYTES")]
    limit: Option<u64>,
    /// How often each case runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

/// Characters of a key that nothing is added to.
const SHORTEST: u16 = 42;

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Case {
    /// `size`, listing range by range.
    Listing,
    /// `size`, from the first page to the last.
    ListingByOne,
    /// `sync` between two sides that are the same.
    Comparison,
}

impl Case {
    const ALL: [Self; 3] = [Self::Listing, Self::ListingByOne, Self::Comparison];

    /// How many pages there are, where each side has so many keys.
    fn pages(self, count: u64) -> u64 {
        let sides = match self {
            Self::Listing | Self::ListingByOne => 1,
            Self::Comparison => 2,
        };
        sides * count.div_ceil(1000)
    }

    fn arguments(self) -> Vec<String> {
        let line = match self {
            Self::Listing => format!("size from:{BUCKET}"),
            Self::ListingByOne => format!("size from:{BUCKET} --checkers 1"),
            Self::Comparison => format!("sync from:{BUCKET} to:{BUCKET}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }
}

#[derive(Debug, Serialize)]
struct Sample {
    case: Case,
    requests: u64,
    #[serde(flatten)]
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    machine: &'a Machine,
    program: &'a str,
    count: u64,
    key_length: u16,
    delay: u64,
    limit: u64,
    samples: &'a [Sample],
}

/// Runs every case and prints what it took.
///
/// # Errors
/// A run failed, sent anything but listings, or did not see every key.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::build()?;
    let stock = Some(Stock::Numbered {
        count: arguments.count,
        padding: usize::from(arguments.key_length - SHORTEST),
        size: 7,
    });
    let setup = Setup { stock, page_delay: arguments.delay, ..Setup::default() };
    let mut ends = [(); 2].map(|()| End::testbed(&programs, &setup));
    let [Ok(source), Ok(destination)] = &mut ends else {
        anyhow::bail!("a server does not start");
    };
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let config = rclone_config(folder.path(), source.endpoint(), destination.endpoint())?;
    let mut samples = Vec::new();
    for case in Case::ALL {
        for _ in 0..arguments.rounds {
            samples.push(one(arguments, &programs, case, &config, [source, destination])?);
        }
    }
    let machine = Machine::here();
    let Arguments { count, key_length, delay, .. } = *arguments;
    let limit = arguments.limit.unwrap_or(MOST_MEMORY_OF_LISTINGS);
    let program = version(&programs.mirror)?;
    println!("\n{count} keys of {key_length} characters on each side, {delay} ms a page\n{program}\n{machine}\n");
    let rows: Vec<_> = Case::ALL.iter().map(|case| row(*case, &samples, count)).collect();
    print(&["case", "wall s", "CPU s", "peak MiB", "requests", "pages"], &rows);
    let name = match (delay, key_length) {
        (0, SHORTEST) => "keys".to_owned(),
        (delay, length) => format!("keys-{delay}-ms-{length}-characters"),
    };
    record::write(
        &name,
        &Record { machine: &machine, program: &program, count, key_length, delay, limit, samples: &samples },
    )?;
    Ok(within(limit, samples.iter().map(|sample| &sample.usage)))
}

fn row(case: Case, samples: &[Sample], count: u64) -> Vec<String> {
    let of = || samples.iter().filter(|sample| sample.case == case);
    #[allow(clippy::cast_precision_loss)] // for people
    let peak = of().map(|sample| sample.usage.peak).max().unwrap_or(0) as f64 / f64::from(1 << 20);
    vec![
        format!("{case:?}"),
        format!("{:.1}", median(of().map(|sample| sample.usage.wall))),
        format!("{:.1}", median(of().map(|sample| sample.usage.cpu()))),
        format!("{peak:.1}"),
        of().map(|sample| sample.requests).max().unwrap_or(0).to_string(),
        case.pages(count).to_string(),
    ]
}

fn one(
    arguments: &Arguments,
    programs: &Programs,
    case: Case,
    config: &Path,
    mut ends: [&mut End; 2],
) -> Result<Sample> {
    let mut requests = || -> Result<(u64, u64)> {
        let (mut listings, mut others) = (0, 0);
        for end in &mut ends {
            let counts: Counts = end.counts()?.unwrap_or_default();
            let all: u64 = counts.values().sum();
            let pages = counts.get("ListObjectsV2").copied().unwrap_or(0);
            (listings, others) = (listings + pages, others + all - pages);
        }
        Ok((listings, others))
    };
    let before = requests()?;
    let mut command = std::process::Command::new(&programs.mirror);
    command.args(case.arguments()).arg("--config").arg(config);
    let log = record::directory()?.join("keys.log");
    let usage = measured(Terms::default(), &programs.xtask, &command, &log)?;
    let after = requests()?;
    let said = fs::read_to_string(&log)?;
    let digits: String = said.chars().filter(|c| *c != ',').collect();
    let count = arguments.count.to_string();
    let told = digits.split(|c: char| !c.is_ascii_digit()).any(|number| number == count);
    ensure!(told, "not every key was seen:\n{said}");
    ensure!(after.1 == before.1, "something else than listings was sent");
    let (requests, pages) = (after.0 - before.0, case.pages(arguments.count));
    ensure!(requests <= most_pages(pages, 20), "{requests} listings for {pages} pages");
    Ok(Sample { case, requests, usage })
}
