//! One case: every program in turn, round by round, and what became of it.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{
    bounds,
    build::Programs,
    command::Route,
    contender::{Contender, SOURCE},
    content::Expected,
    end::{BUCKET, Counts, End, ServerKind, TWIN},
    field::Field,
    latency::small_objects,
    machine::Machine,
    measure::{Usage, measured},
    place::Place,
    record,
    server::Setup,
    shown::{slug, words},
    stock::{self, Stock},
    workload::{Case, Task},
};

/// What is kept of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    pub(crate) case: Case,
    pub(crate) contenders: Vec<Contender>,
    /// Who did not run or did not do it, and why.
    pub(crate) missing: Vec<String>,
    pub(crate) samples: Vec<Sample>,
    /// What does not hold of our own runs.
    pub(crate) broken: Vec<String>,
}

/// One run of one program.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) contender: &'static str,
    /// As it was started.
    pub(crate) command: String,
    #[serde(flatten)]
    pub(crate) usage: Usage,
    /// Requests that both servers saw; `None` where they do not count.
    pub(crate) requests: Option<Counts>,
    /// Seconds between the GET of a small object and the answer to its PUT: the 99th percentile.
    pub(crate) small_objects: Option<f64>,
}

/// A peer that takes longer than so many seconds runs once.
pub(crate) const LONG: f64 = 120.0;

/// The servers of a case, and what is known of the source.
struct Scene<'a> {
    case: &'a Case,
    programs: &'a Programs,
    runtime: Runtime,
    source: End,
    expected: Option<Expected>,
}

/// Runs a case.
///
/// # Errors
/// A program failed, or what it left is not what it should be.
pub(crate) fn run(case: Case, rounds: usize, programs: &Programs, field: Field<'_>) -> Result<Record> {
    println!("\n{}: {}, on {}", case.name, case.title, case.server.name());
    let (contenders, mut missing) = field.contenders(&case, programs)?;
    let mut scene = Scene::set(&case, programs)?;
    let (mut samples, mut broken) = (Vec::new(), Vec::new());
    if case.server == ServerKind::Seaweed
        && let Some(first) = contenders.first()
    {
        // Whoever comes first pays for what this server does only once.
        scene.one(0, first)?;
    }
    for round in 1..=rounds {
        let start = (round - 1) % contenders.len();
        for contender in contenders[start..].iter().chain(&contenders[..start]) {
            let long = |sample: &Sample| sample.contender == contender.name && sample.usage.wall > LONG;
            if !contender.is_ours() && samples.iter().any(long) {
                continue;
            }
            let sample = match scene.one(round, contender) {
                Ok(sample) => sample,
                Err(error) if contender.is_ours() => return Err(error),
                // That it cannot do the work is a result, too.
                Err(error) => {
                    println!("round {round}: {} FAILED: {error:#}", contender.name);
                    missing.push(format!("failed in round {round}: {}", contender.name));
                    continue;
                }
            };
            if contender.is_ours() {
                broken.extend(bounds::broken(&case, contender, &sample));
            }
            let Usage { wall, peak, .. } = sample.usage;
            let (cpu, name) = (sample.usage.cpu(), contender.name);
            println!("round {round}: {name:<28} {wall:>7.2} s wall {cpu:>7.2} s CPU {:>5} MiB, checked", peak >> 20);
            samples.push(sample);
        }
    }
    drop(scene);
    Ok(Record { machine: Machine::here(), case, contenders, missing, samples, broken })
}

impl<'a> Scene<'a> {
    fn set(case: &'a Case, programs: &'a Programs) -> Result<Self> {
        ensure!(
            case.server == ServerKind::Testbed || case.is_for_any_server(),
            "{} needs the testbed's own server",
            case.name
        );
        let runtime = Runtime::new().context("start the runtime")?;
        let planted = case.is_planted();
        let setup = Setup {
            stock: planted.then_some(case.stock),
            // What is generated stays readable; what is uploaded here is only digested.
            discard: planted,
            log: case.is_mixed(),
            page_delay: case.page_delay,
            ..Setup::default()
        };
        let source = End::start(case.server, &setup, programs)?;
        let place = case.source(&source);
        if !planted {
            runtime.block_on(stock::write(case.stock, &place))?;
        }
        let mut expected = None;
        if matches!(case.task, Task::Copy | Task::Unpack) {
            let found = runtime.block_on(Expected::of(&place, case.task == Task::Unpack))?;
            ensure!(found.count() == case.stock.count(), "the source lists {} objects", found.count());
            expected = Some(found);
        }
        Ok(Self { case, programs, runtime, source, expected })
    }

    fn one(&mut self, round: usize, contender: &Contender) -> Result<Sample> {
        let case = self.case;
        // Each finds the same: an empty server, or an empty place. The source has served everybody the same.
        let (log, refuses_above) = (case.is_mixed(), case.refuses_above);
        let sink = Setup { discard: true, log, refuses_above, ..Setup::default() };
        let mut apart = if case.together { None } else { Some(End::start(case.server, &sink, self.programs)?) };
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let destination = apart.as_ref().unwrap_or(&self.source).endpoint().to_owned();
        let route = Route {
            from: case.source(&self.source),
            to: case.destinations(&destination, &format!("out-{round}-{}", slug(contender.name))),
            folder: folder.path(),
        };
        let command = contender.command(case, &route)?;
        let log = record::directory()?.join(format!("{}-{}.log", case.name, slug(contender.name)));
        let before = self.source.counts()?;
        self.source.seen()?;
        let usage = measured(&self.programs.xtask, &command, &log)?;
        let mut requests = self.source.counts()?.zip(before).map(|(after, before)| since(after, &before));
        let mut seen = self.source.seen()?.unwrap_or_default();
        if let Some(end) = &mut apart {
            for (operation, n) in end.counts()?.unwrap_or_default() {
                if let Some(all) = &mut requests {
                    *all.entry(operation).or_default() += n;
                }
            }
            seen.extend(end.seen()?.unwrap_or_default());
        }
        self.check(contender, &route, &log, requests.as_ref()).with_context(|| contender.name.to_owned())?;
        Ok(Sample {
            round,
            contender: contender.name,
            command: words(&command, &route),
            usage,
            requests,
            small_objects: case.is_mixed().then(|| small_objects(case.stock, &seen)).flatten(),
        })
    }

    /// The same for everybody.
    fn check(&mut self, who: &Contender, route: &Route<'_>, log: &Path, requests: Option<&Counts>) -> Result<()> {
        let count = self.case.stock.count();
        let of = |operation: &str| requests.and_then(|all| all.get(operation)).copied().unwrap_or(0);
        match self.case.task {
            Task::Copy | Task::Unpack if who.copies() => {
                let expected = self.expected.as_mut().context("nothing is expected")?;
                for place in &route.to {
                    self.runtime.block_on(expected.arrived(place))?;
                }
                if who.is_ours() {
                    let (by_content, copies) =
                        (bounds::verified(&fs::read_to_string(log)?)?, count * route.to.len() as u64);
                    ensure!(by_content == copies, "{by_content} of {copies} copies were verified by content");
                }
            }
            Task::Copy | Task::Unpack => {}
            Task::Compare => {
                let pages = of("ListObjectsV2") + of("ListObjects");
                ensure!(pages >= 2 * count.div_ceil(1000), "{pages} pages: not every key was seen");
                let writing = ["PutObject", "CopyObject", "CreateMultipartUpload", "DeleteObjects", "DeleteObject"];
                ensure!(writing.iter().all(|operation| of(operation) == 0), "something was changed: {requests:?}");
            }
            Task::List => {
                let said = fs::read_to_string(log)?;
                let keys = said.lines().filter(|line| line.ends_with(".parquet")).count() as u64;
                let counted = said.trim() == count.to_string();
                ensure!(keys == count || counted, "{keys} keys were printed");
            }
        }
        Ok(())
    }
}

impl Case {
    fn is_mixed(&self) -> bool {
        matches!(self.stock, Stock::Mixed { .. })
    }

    fn source(&self, end: &End) -> Place {
        let prefix = if matches!(self.stock, Stock::Numbered { .. }) { "" } else { SOURCE };
        Place::new(end.endpoint(), BUCKET, prefix)
    }

    fn destinations(&self, endpoint: &str, prefix: &str) -> Vec<Place> {
        match self.task {
            Task::List => Vec::new(),
            Task::Compare => vec![Place::new(endpoint, TWIN, "")],
            _ if self.destinations == 1 => vec![Place::new(endpoint, BUCKET, prefix)],
            _ => (1..=self.destinations).map(|n| Place::new(endpoint, BUCKET, &format!("{prefix}-{n}"))).collect(),
        }
    }
}

fn since(after: Counts, before: &Counts) -> Counts {
    let fresh = after.into_iter().map(|(operation, n)| (n - before.get(&operation).unwrap_or(&0), operation));
    fresh.filter(|(n, _)| *n > 0).map(|(n, operation)| (operation, n)).collect()
}
