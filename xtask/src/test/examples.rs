//! The examples, run as their reader would.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{readme, step::Step};
use crate::workspace::root;

/// Each example's folder under `examples/`, and the arguments to run it with: `{input}` is the quickstart's input,
/// `{output}` a folder that is empty, `{manifest}` a file of two of the input's keys.
const EXAMPLES: [(&str, &[&str]); 3] = [
    ("custom-pipeline", &["file://{input}", "file://{output}/copy", "{manifest}", "{output}/outcomes.csv"]),
    ("embed-copy", &["file://{input}", "file://{output}"]),
    ("quickstart", &[]),
];

/// README's first command, and each example. Their programs must be built.
///
/// # Errors
/// The folders that they write into cannot be made.
pub(crate) fn all() -> Result<Vec<Step>> {
    let mut solgate = program("solgate")?;
    solgate.args(["--config", "examples/quickstart/config.ini", "sync"]);
    let mut steps =
        vec![Step::command("quickstart", solgate), Step::own("README, from S3 to S3", readme::from_s3_to_s3)];
    for (name, arguments) in EXAMPLES {
        let place = Place::fresh(name)?;
        let mut command = program(&format!("example-{name}"))?;
        command.args(arguments.iter().map(|argument| place.put_into(argument)));
        steps.push(Step::command(format!("example {name}"), command));
    }
    Ok(steps)
}

/// A program of this workspace: beside this one, which is one of them.
pub(super) fn program(name: &str) -> Result<Command> {
    let this = std::env::current_exe().context("find this program")?;
    let mut command = Command::new(this.with_file_name(name));
    command.current_dir(root());
    Ok(command)
}

/// Where an example reads and writes.
struct Place {
    input: PathBuf,
    manifest: PathBuf,
    output: PathBuf,
}

impl Place {
    fn fresh(example: &str) -> Result<Self> {
        let folder = transship_testbed::servers::testbed_directory().join("examples").join(example);
        let (output, manifest) = (folder.join("output"), folder.join("manifest.txt"));
        let made = fs::remove_dir_all(&folder)
            .or_else(|error| if folder.exists() { Err(error) } else { Ok(()) })
            .and_then(|()| fs::create_dir_all(&output))
            .and_then(|()| fs::write(&manifest, "2010-01-31/sf-temps.csv.gz\n2015-12-31/seattle-weather.csv.gz\n"));
        made.with_context(|| format!("make {}", folder.display()))?;
        Ok(Self { input: root().join("examples/quickstart/input"), manifest, output })
    }

    fn put_into(&self, argument: &str) -> String {
        let places = [("{input}", &self.input), ("{manifest}", &self.manifest), ("{output}", &self.output)];
        places.iter().fold(argument.to_owned(), |text, (name, path)| text.replace(name, &path.display().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_run() {
        let folders = fs::read_dir(root().join("examples")).unwrap().flatten();
        let crates = folders.filter(|folder| folder.path().join("Cargo.toml").is_file());
        let mut names: Vec<_> = crates.map(|folder| folder.file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, EXAMPLES.map(|(name, _)| name));
    }
}
