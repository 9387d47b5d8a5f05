//! The servers of a case, and one run between them.

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use super::{
    bounds,
    build::Programs,
    command::Route,
    contender::{Contender, SOURCE},
    content::Expected,
    end::{BUCKET, Counts, EMPTY, End, TWIN},
    latency::small_objects,
    measure::measured,
    place::Place,
    race::Sample,
    record,
    server::Setup,
    shown::{slug, words},
    stock::{self, Stock},
    tool::Tool,
    workload::{Case, Task},
};

/// How the starter tells of a program that only a guard refused.
const REFUSED: &str = "exit status: 5";

/// The servers of a case, and what is known of the source.
pub(crate) struct Scene<'a> {
    case: &'a Case,
    programs: &'a Programs,
    runtime: Runtime,
    source: End,
    expected: Option<Expected>,
}

impl<'a> Scene<'a> {
    /// Starts the source's server and fills it.
    ///
    /// # Errors
    /// It does not start, or does not hold what it should.
    pub(crate) fn set(case: &'a Case, programs: &'a Programs) -> Result<Self> {
        ensure!(case.can_run(), "{} needs the testbed's own server", case.name);
        let runtime = Runtime::new().context("start the runtime")?;
        let planted = case.is_planted();
        let setup = Setup {
            stock: planted.then_some(case.stock),
            // What is generated stays readable; what is uploaded here is only digested.
            discard: planted,
            // A log grows with the run.
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

    /// One run of one program to an empty place, looked at afterwards.
    ///
    /// # Errors
    /// The program failed, or what it left is not what it should be.
    pub(crate) fn one(&mut self, round: u16, contender: &Contender) -> Result<Sample> {
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
        let (before, unpinned_before) = (self.source.counts()?, self.source.unpinned()?);
        // Forgets what it saw before.
        self.source.seen()?;
        self.source.listed()?;
        let usage = measured(contender.terms(), &self.programs.xtask, &command, &log)?;
        let mut requests = self.source.counts()?.zip(before).map(|(after, before)| since(after, &before));
        let mut unpinned = self.source.unpinned()?.zip(unpinned_before).map(|(after, before)| after - before);
        let mut seen = self.source.seen()?.unwrap_or_default();
        if let Some(end) = &mut apart {
            for (operation, n) in end.counts()?.unwrap_or_default() {
                if let Some(all) = &mut requests {
                    *all.entry(operation).or_default() += n;
                }
            }
            seen.extend(end.seen()?.unwrap_or_default());
            unpinned = unpinned.zip(end.unpinned()?).map(|(here, there)| here + there);
        }
        self.check(contender, &route, &log, requests.as_ref()).with_context(|| contender.name.to_owned())?;
        Ok(Sample {
            round,
            contender: contender.name,
            command: words(&command, &route),
            usage,
            requests,
            small_objects: case.is_mixed().then(|| small_objects(case.stock, &seen)).flatten(),
            unpinned,
        })
    }

    /// What is wrong where the source is empty: that nothing is deleted then is what speed must not be bought with.
    ///
    /// # Errors
    /// It cannot be tried.
    pub(crate) fn unguarded(&mut self, ours: &Contender) -> Result<Option<String>> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let (from, to) =
            (Place::new(self.source.endpoint(), EMPTY, ""), self.case.destinations(self.source.endpoint(), ""));
        let command = ours.command(self.case, &Route { from, to, folder: folder.path() })?;
        let before = self.source.counts()?;
        let log = record::directory()?.join(format!("{}-guard.log", self.case.name));
        let ended = measured(ours.terms(), &self.programs.xtask, &command, &log);
        let refused = ended.is_err() && fs::read_to_string(&log)?.contains(REFUSED);
        let requests = self.source.counts()?.zip(before).map(|(after, before)| since(after, &before));
        let holds = requests.is_some_and(|all| {
            all.contains_key("ListObjectsV2") && !all.keys().any(|operation| operation.starts_with("Delete"))
        });
        let what = format!("{}: an empty source was not refused by a guard, or something was deleted", ours.name);
        Ok((!refused || !holds).then_some(what))
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
                let listed = self.source.listed()?.context("a comparison needs a server that counts")?;
                ensure!(
                    [BUCKET, TWIN].iter().all(|side| listed.get(*side) == Some(&count)),
                    "not every key was listed: {listed:?}"
                );
                let writing = ["PutObject", "CopyObject", "CreateMultipartUpload", "DeleteObjects", "DeleteObject"];
                ensure!(writing.iter().all(|operation| of(operation) == 0), "something was changed: {requests:?}");
            }
            Task::List => {
                let said = fs::read_to_string(log)?;
                let lines: Vec<_> = said.lines().filter(|line| line.ends_with(".parquet")).collect();
                let keys = lines.iter().collect::<HashSet<_>>().len() as u64;
                let counted = who.tool == Tool::Floor && said.trim() == count.to_string();
                ensure!(keys == count || counted, "{keys} keys were printed");
                ensure!(!who.is_ours() || lines.is_sorted(), "keys were not printed in order");
            }
        }
        Ok(())
    }
}

impl Case {
    pub(crate) fn is_mixed(&self) -> bool {
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
