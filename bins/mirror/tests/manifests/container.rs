//! `deploy/container/Containerfile`

use anyhow::{Context, Result};
use assert_cmd::Command;
use serde_json::json;

use crate::{objects, of_kind, text};

/// The lines of a stage, and of the stages that it is made from.
fn stage(name: &str) -> Result<Vec<String>> {
    let file = text("deploy/container/Containerfile")?;
    let lines: Vec<_> = file.lines().filter(|line| !line.starts_with('#')).collect();
    let from = |line: &&str| line.starts_with("FROM ");
    let begin = lines.iter().position(|line| from(line) && line.ends_with(&format!(" AS {name}")));
    let begin = begin.with_context(|| format!("no stage {name}"))?;
    let own = lines[begin..].iter().skip(1).take_while(|line| !from(line)).map(|line| (*line).to_owned());
    let base = lines[begin].split(' ').nth(1).context("FROM what")?;
    let mut all = if base.contains('/') { Vec::new() } else { stage(base)? };
    all.extend(own);
    Ok(all)
}

/// The last instruction of that name, in its JSON form.
fn form(lines: &[String], instruction: &str) -> Result<Vec<String>> {
    let written = lines.iter().rev().find_map(|line| line.strip_prefix(instruction)).context("instruction")?;
    Ok(serde_json::from_str(written)?)
}

#[test]
fn the_image_s_entry_point_is_this_program_run_by_nobody() -> Result<()> {
    let lines = stage("transship-mirror")?;
    let entry = form(&lines, "ENTRYPOINT ")?;
    assert_eq!(entry, ["/usr/local/bin/transship-mirror"]);
    let copied = format!("COPY --from=build /src/target/release/transship-mirror {}", entry[0]);
    assert!(lines.contains(&copied), "{lines:?}");
    let user = lines.iter().rev().find_map(|line| line.strip_prefix("USER ")).context("no user")?;
    let (user, group) = user.split_once(':').context("user and group")?;
    assert!(user.parse::<u32>()? > 0 && group.parse::<u32>()? > 0);
    // Kubernetes' `args` stand for CMD; a Task names its command itself.
    let task = objects("deploy/tekton/task.yaml")?;
    assert_eq!(of_kind(&task, "Task")?["spec"]["steps"][0]["command"], json!(entry));
    let built = stage("build")?.into_iter().find(|line| line.starts_with("RUN cargo build ")).context("no build")?;
    assert!(built.contains(concat!("--package ", env!("CARGO_PKG_NAME"), " ")), "{built}");
    Ok(())
}

#[test]
fn without_arguments_each_image_shows_the_help_of_its_program() -> Result<()> {
    for name in ["transship-mirror", "solgate"] {
        // An ENTRYPOINT takes away the CMD of the stage below: each stage needs its own.
        let lines = stage(name)?;
        let entry = lines.iter().position(|line| line.starts_with("ENTRYPOINT "));
        let cmd = lines.iter().position(|line| line.starts_with("CMD "));
        assert!(entry.is_some() && cmd > entry, "{name}: {lines:?}");
        assert_eq!(form(&lines, "CMD ")?, ["--help"]);
    }
    Command::cargo_bin("transship-mirror")?.args(form(&stage("transship-mirror")?, "CMD ")?).assert().success();
    Ok(())
}
