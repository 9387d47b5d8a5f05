//! `cargo xtask test`: every check in one go, then one line that says how it went.

mod checks;
mod counts;
mod examples;
mod readme;
mod step;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use transship_testbed::{
    conformance::{forget_verdicts, references_agree},
    servers::{Packages, forget_skipped, install, skipped},
};

use self::{
    counts::Counts,
    step::{Ended, Verdict},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only what needs no server
    #[arg(long)]
    fast: bool,
}

/// Whether the tests that need a real server run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    /// They run where the server is on the machine; in continuous integration a missing one is a failure.
    Wanted,
    /// They are left out.
    LeftOut,
}

/// Runs all checks, whatever becomes of the ones before, and sums them up.
///
/// # Errors
/// A check could not be started at all, or in continuous integration a server cannot be installed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let start = Instant::now();
    let servers = if arguments.fast { Servers::LeftOut } else { Servers::Wanted };
    if servers == Servers::Wanted {
        bring_servers()?;
    }
    forget_skipped()?;
    forget_verdicts()?;
    let mut counts = Counts::default();
    let mut ended = Vec::new();
    for step in checks::all(servers)? {
        let end = step.run()?;
        counts += end.counts;
        ended.push(end);
    }
    if servers == Servers::Wanted {
        ended.push(ask_references()?);
    }
    Ok(sum_up(&ended, counts, start.elapsed()))
}

/// On a machine where nothing can be installed the tests of the missing servers are skipped, and listed at the end.
fn bring_servers() -> Result<()> {
    step::headline("servers: install what is missing");
    let missing = match install(Packages::Servers, |line| println!("{line}")) {
        Ok(missing) => missing,
        Err(error) => vec![format!("{error:#}")],
    };
    if missing.is_empty() {
        return Ok(());
    }
    let all = missing.join("\n  ");
    if checks::in_ci() {
        bail!("servers are missing:\n  {all}");
    }
    println!("missing:\n  {all}");
    Ok(())
}

/// What our own server says counts only where real ones say the same. On a machine that lacks them this is told, and
/// fails nothing.
fn ask_references() -> Result<Ended> {
    let name = "reference servers";
    step::headline(&format!("{name}: do they bear out what passed on our own server?"));
    let objections = references_agree()?;
    for objection in &objections {
        println!("{objection}");
    }
    let verdict = match objections.is_empty() {
        true => Verdict::Passed,
        false if skipped().is_empty() => Verdict::Failed,
        false => Verdict::NotRun,
    };
    println!("{name}: {verdict}");
    Ok(Ended { name: name.to_owned(), verdict, elapsed: Duration::ZERO, counts: Counts::default() })
}

fn sum_up(ended: &[Ended], counts: Counts, elapsed: Duration) -> ExitCode {
    step::headline("summary");
    for end in ended {
        println!("{:<8} {:>8}  {}", end.verdict, step::duration(end.elapsed), end.name);
    }
    let skipped = skipped();
    if !skipped.is_empty() {
        println!("\nnot run for want of a server:");
        for test in &skipped {
            println!("  {test}");
        }
    }
    let failed: Vec<_> =
        ended.iter().filter(|end| end.verdict == Verdict::Failed).map(|end| end.name.as_str()).collect();
    let elapsed = step::duration(elapsed);
    let servers = if skipped.is_empty() { String::new() } else { format!(", {} without their server", skipped.len()) };
    // The last line is in the form that test runners' readers know.
    if failed.is_empty() {
        println!("\nall checks passed in {elapsed}{servers}\n{counts}");
        return ExitCode::SUCCESS;
    }
    println!("\nFAILED: {} ({elapsed}{servers})\n{counts}", failed.join(", "));
    ExitCode::FAILURE
}
