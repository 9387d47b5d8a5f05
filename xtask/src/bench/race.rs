//! One case: every program in turn, round by round, and what became of it.

use anyhow::Result;
use serde::Serialize;

use super::{
    bounds,
    build::Programs,
    contender::Contender,
    end::{Counts, ServerKind},
    field::Field,
    latency::SmallObjects,
    machine::Machine,
    measure::Usage,
    scene::Scene,
    workload::{Case, Task},
};

/// What is kept of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    pub(crate) case: Case,
    pub(crate) server_version: String,
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
    pub(crate) round: u16,
    pub(crate) contender: &'static str,
    /// As it was started.
    pub(crate) command: String,
    #[serde(flatten)]
    pub(crate) usage: Usage,
    /// Requests that both servers saw; `None` where they do not count.
    pub(crate) requests: Option<Counts>,
    /// What became of small objects, where there are large ones.
    pub(crate) small_objects: Option<SmallObjects>,
    /// Reads and copies that would not notice that the object is another one than was listed; `None` where the server does
    /// not count them.
    pub(crate) unpinned: Option<u64>,
}

/// The last thing that a program said, and how it ended: that is in a line of whoever started it.
fn why(cause: &str) -> String {
    let lines = cause.lines().filter(|line| !line.trim().is_empty());
    let (starter, said): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("error: /"));
    let ended = starter.last().and_then(|line| line.trim_start_matches("error: ").split_once(": "));
    let both = [said.last().copied(), ended.map(|(_, how)| how)];
    both.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// A peer that takes longer than so many seconds runs once.
const LONG: f64 = 50.0;

/// Runs a case; `None` where nobody does the work.
///
/// # Errors
/// The servers do not start, or do not tell what they saw.
pub(crate) fn run(case: Case, rounds: u16, programs: &Programs, field: Field<'_>) -> Result<Option<Record>> {
    println!("\n{}: {}, on {}", case.name, case.title, case.server.name());
    let (contenders, mut missing) = field.contenders(&case, programs)?;
    if contenders.is_empty() {
        missing.iter().for_each(|line| println!("{line}"));
        return Ok(None);
    }
    let server_version = case.server.version()?;
    let mut scene = Scene::set(&case, programs)?;
    let (mut samples, mut broken, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    if case.server == ServerKind::Seaweed
        && let Some(first) = contenders.first()
    {
        // Whoever comes first pays for what this server does only once.
        scene.one(0, first)?;
    }
    for round in 1..=rounds {
        let start = usize::from(round - 1) % contenders.len();
        for contender in contenders[start..].iter().chain(&contenders[..start]) {
            let long = |sample: &Sample| sample.contender == contender.name && sample.usage.wall > LONG;
            if failed.contains(&contender.name) || !contender.is_ours() && samples.iter().any(long) {
                continue;
            }
            let sample = match scene.one(round, contender) {
                Ok(sample) => sample,
                // That it cannot do the work is a result, too.
                Err(error) => {
                    failed.push(contender.name);
                    println!("round {round}: {} FAILED: {error:#}", contender.name);
                    let why = why(&error.root_cause().to_string());
                    let list = if contender.is_ours() { &mut broken } else { &mut missing };
                    list.push(format!("failed in round {round}: {}: {why}", contender.name));
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
    if let Some(ours) = contenders.first().filter(|one| one.is_ours() && case.task == Task::Compare) {
        broken.extend(scene.unguarded(ours)?);
    }
    drop(scene);
    Ok(Some(Record { machine: Machine::here(), case, server_version, contenders, missing, samples, broken }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_what_was_said_last_and_how_it_ended() {
        for (cause, told) in [
            ("/x failed:\nretrying\nSlowDown\n\nerror: /x: exit status: 1", "SlowDown: exit status: 1"),
            ("/x failed:\n10 of 20 done\nerror: /x: not done after 900 s", "10 of 20 done: not done after 900 s"),
            ("error: /x: exit status: 1", "exit status: 1"),
            ("a/b is missing", "a/b is missing"),
        ] {
            assert_eq!(why(cause), told);
        }
    }
}
