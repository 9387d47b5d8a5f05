//! A case's table, for people and for `docs/benchmarks.md`.

use std::fs;

use anyhow::{Context, Result};

use super::{
    field::DEFAULTS,
    latency::SmallObjects,
    measure::{Usage, median},
    race::{Record, Sample},
    record,
    table::table,
};

/// Requests by verb, the most of any round; a copy that the server makes by itself is a PUT without bytes.
const VERBS: [(&str, &[&str]); 6] = [
    ("LIST", &["ListObjects", "ListObjectsV2"]),
    ("HEAD", &["HeadObject", "HeadBucket"]),
    (
        "GET",
        &["GetObject", "GetObjectTagging", "GetBucketLocation", "ListParts", "ListMultipartUploads", "ListBuckets"],
    ),
    ("PUT", &["PutObject", "UploadPart", "PutObjectTagging", "CreateBucket"]),
    ("COPY", &["CopyObject", "UploadPartCopy"]),
    ("POST", &["CreateMultipartUpload", "CompleteMultipartUpload", "DeleteObjects"]),
];

/// Prints the table, and writes it and the samples.
///
/// # Errors
/// They cannot be written.
pub(crate) fn show(record: &Record) -> Result<()> {
    let section = section(record);
    println!("\n{section}");
    let path = record::directory()?.join(format!("{}.md", record.case.name));
    fs::write(&path, section).with_context(|| format!("write {}", path.display()))?;
    record::write(&record.case.name, record)?;
    Ok(())
}

fn section(record: &Record) -> String {
    let rounds = record.samples.iter().map(|sample| sample.round).max().unwrap_or(0);
    let (server, version) = (record.case.server.name(), &record.server_version);
    let title = format!("{}, on {server} ({version}); rounds: {rounds}, medians", record.case.title);
    let verbs: Vec<_> =
        VERBS.iter().filter(|(_, operations)| record.samples.iter().any(|s| n(s, operations) > 0)).collect();
    let others = record.samples.iter().any(|sample| others(sample) > 0);
    let small = record.samples.iter().any(|sample| sample.small_objects.is_some());
    let to = if record.is_sweep() { "to defaults" } else { "to ours" };
    let mut heading = vec!["program", "wall s", to, "CPU s", to, "peak MiB"];
    heading.extend(verbs.iter().map(|(verb, _)| *verb));
    if others {
        heading.push("others");
    }
    if small {
        heading.extend(["small objects, ms", "longest pause, ms"]);
    }
    let ran: Vec<_> = record.contenders.iter().filter(|one| record.of(one.name).next().is_some()).collect();
    let rows = ran.iter().map(|contender| {
        let mut row = record.row(contender.name);
        let most = |count: &dyn Fn(&Sample) -> u64| record.of(contender.name).map(count).max().unwrap_or(0).to_string();
        row.extend(verbs.iter().map(|(_, operations)| most(&|sample| n(sample, operations))));
        if others {
            row.push(most(&self::others));
        }
        if small {
            let of = |figure: fn(SmallObjects) -> f64| {
                let small = record.of(contender.name).filter_map(|sample| sample.small_objects);
                format!("{:.0}", 1000.0 * median(small.map(figure)))
            };
            row.extend([of(|small| small.takes), of(|small| small.pause)]);
        }
        row
    });
    let rows: Vec<_> = rows.collect();
    let mut text = format!("{title}. {}.\n\n{}\n", record.machine, table(&heading, &rows));
    if record.samples.iter().any(|sample| sample.requests.is_none()) {
        text += "This server tells no requests: what is required of them was not checked here.\n\n";
    }
    if let Some(line) = record.defaults() {
        text += &line;
    }
    text += "Commands, and of each run wall s/CPU s/peak MiB:\n\n";
    for contender in ran {
        let command = record.of(contender.name).last().map_or("", |sample| &sample.command);
        let one = |sample: &Sample| {
            let Usage { wall, peak, .. } = sample.usage;
            format!("{wall:.2}/{:.2}/{}", sample.usage.cpu(), peak >> 20)
        };
        let samples: Vec<_> = record.of(contender.name).map(one).collect();
        let (name, version, samples) = (contender.name, &contender.version, samples.join(", "));
        text += &format!("- {name} ({version}): `{command}`: {samples}\n");
    }
    record.broken.iter().for_each(|what| text += &format!("- NOT AS REQUIRED: {what}\n"));
    record.missing.iter().for_each(|line| text += &format!("- {line}\n"));
    text
}

fn n(sample: &Sample, operations: &[&str]) -> u64 {
    let Some(requests) = &sample.requests else { return 0 };
    operations.iter().filter_map(|operation| requests.get(*operation)).sum()
}

/// Requests that are none of [`VERBS`].
fn others(sample: &Sample) -> u64 {
    let known = |operation: &str| VERBS.iter().any(|(_, operations)| operations.contains(&operation));
    let others = sample.requests.iter().flatten().filter(|(operation, _)| !known(operation));
    others.map(|(_, n)| n).sum()
}

impl Record {
    fn of(&self, contender: &str) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.contender == contender)
    }

    fn median(&self, contender: &str, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.of(contender).map(figure))
    }

    /// Whether one program was set in different ways.
    fn is_sweep(&self) -> bool {
        self.contenders.first().is_some_and(|first| first.name == DEFAULTS.0)
    }

    /// Where one program was set in different ways: what the best of them takes beside the defaults.
    fn defaults(&self) -> Option<String> {
        let (first, others) = self.contenders.split_first().filter(|_| self.is_sweep())?;
        let others: Vec<_> = others.iter().filter(|one| self.of(one.name).next().is_some()).collect();
        self.of(first.name).next()?;
        let wall = |name: &str| self.median(name, |sample| sample.usage.wall);
        let best = others.into_iter().min_by(|a, b| wall(a.name).total_cmp(&wall(b.name)))?;
        let times = wall(first.name) / wall(best.name);
        Some(format!("The defaults take {times:.2} times as long as the best of the others, {}.\n\n", best.name))
    }

    #[allow(clippy::cast_precision_loss)] // bytes as MiB, for people
    fn row(&self, name: &str) -> Vec<String> {
        let ours = self.contenders.first().map_or("", |first| first.name);
        let (wall, cpu) = (|sample: &Sample| sample.usage.wall, |sample: &Sample| sample.usage.cpu());
        let peak = self.of(name).map(|sample| sample.usage.peak).max().unwrap_or(0) as f64 / f64::from(1 << 20);
        let runs = self.of(name).count();
        let fewer = runs < self.of(ours).count();
        vec![
            if fewer { format!("{name} (runs: {runs})") } else { name.to_owned() },
            format!("{:.2}", self.median(name, wall)),
            format!("{:.2}", self.median(name, wall) / self.median(ours, wall)),
            format!("{:.2}", self.median(name, cpu)),
            format!("{:.2}", self.median(name, cpu) / self.median(ours, cpu)),
            format!("{peak:.0}"),
        ]
    }
}
