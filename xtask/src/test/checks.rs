//! Which checks there are, in order: the quick ones first.

use std::process::Command;

use anyhow::Result;

use super::{Servers, examples, step::Step};
use crate::workspace::{answers, cargo};

/// All checks of a run.
///
/// # Errors
/// Those of [`examples::all`].
pub(crate) fn all(servers: Servers) -> Result<Vec<Step>> {
    let mut steps = vec![
        Step::command("format", cargo(["fmt", "--all", "--check"])),
        dependencies(),
        Step::command("lints", lints()),
        // With the tests' own selection of features, so that nothing is built twice.
        Step::command("programs", cargo(["build", "--workspace", "--bins", "--tests"])),
        Step::tests("tests", tests(servers)),
        Step::tests("doctests", with(cargo(["test", "--workspace", "--doc"]), servers)),
        // Each runs once, to see that it runs.
        Step::command("micro-benchmarks", cargo(["test", "--workspace", "--features", "bench", "--bench", "*"])),
    ];
    steps.extend(examples::all()?);
    steps.push(Step::command("documentation", documentation()));
    Ok(steps)
}

/// Whether this runs in continuous integration.
#[allow(clippy::disallowed_methods)] // the one place where this program looks at its environment
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}

fn dependencies() -> Step {
    let name = "licences and banned crates";
    if answers(["deny", "--version"]) {
        return Step::command(name, cargo(["deny", "check", "bans", "licenses", "sources"]));
    }
    Step::nothing(name, "cargo-deny is not installed (`cargo install --locked cargo-deny` brings it)")
}

fn lints() -> Command {
    cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--keep-going", "--", "-D", "warnings"])
}

/// nextest is not installed for anyone: it takes minutes to build, and `cargo test` runs the same tests.
fn tests(servers: Servers) -> Command {
    if answers(["nextest", "--version"]) {
        return with(cargo(["nextest", "run", "--workspace", "--no-fail-fast"]), servers);
    }
    println!("cargo-nextest is not installed (`cargo install --locked cargo-nextest` brings it): using cargo test");
    with(cargo(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]), servers)
}

fn with(mut command: Command, servers: Servers) -> Command {
    if servers == Servers::LeftOut {
        command.env("TRANSSHIP_TEST_SERVERS", "off");
    }
    command
}

fn documentation() -> Command {
    let mut command = cargo(["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}
