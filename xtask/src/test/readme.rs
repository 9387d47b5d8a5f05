//! README's commands from S3 to S3, as they are printed there, but for the port: 9100 may be somebody else's.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::examples::program;
use crate::workspace::root;

const SERVER: &str = "cargo xtask ";
const SOLGATE: &str = "cargo run --release --bin solgate -- ";
const CONFIG: &str = "examples/quickstart/s3.ini";

/// Starts the server and runs the commands, one after the other.
///
/// # Errors
/// What README shows does not work.
pub(crate) fn from_s3_to_s3() -> Result<()> {
    let readme = fs::read_to_string(root().join("README.md")).context("read README.md")?;
    let (server, commands) = shown(&readme)?;
    let config = fs::read_to_string(root().join(CONFIG)).with_context(|| format!("read {CONFIG}"))?;
    let port = option(&server, "--port")?;
    let named = format!("http://127.0.0.1:{port}");
    ensure!(config.contains(&named), "README starts a server at {named}, and {CONFIG} names another one");

    let folder = tempfile::tempdir().context("make a folder")?;
    let server = Server::start(&server.replace(&format!("--port {port}"), "--port 0"))?;
    let here = folder.path().join("s3.ini");
    fs::write(&here, config.replace(&named, &server.endpoint)).context("write the configuration")?;
    for command in commands {
        println!("{SOLGATE}{command}");
        let printed = run(&command, &[(CONFIG, &here), ("run.json", &folder.path().join("run.json"))])?;
        let expected = if command.contains(" sync") { "  objects     28: 28 " } else { "2010-01-31/sf-temps.csv.gz" };
        ensure!(printed.contains(expected), "this should say {expected:?}:\n{printed}");
    }
    Ok(())
}

/// The server's arguments, and those of each command of solgate.
fn shown(readme: &str) -> Result<(String, Vec<String>)> {
    let section = readme.split("## From S3 to S3\n").nth(1).context("README has no section `From S3 to S3`")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let lines: Vec<_> =
        blocks.flat_map(str::lines).map(|line| line.split(" # ").next().unwrap_or_default().trim()).collect();
    let Some((server, commands)) = lines.split_first() else { bail!("README shows no commands from S3 to S3") };
    let server = server.strip_prefix(SERVER).with_context(|| format!("expected {SERVER}..., found {server}"))?;
    let arguments = |line: &&str| {
        line.strip_prefix(SOLGATE).map(str::to_owned).with_context(|| format!("expected {SOLGATE}..., found {line}"))
    };
    let commands: Vec<_> = commands.iter().map(arguments).collect::<Result<_>>()?;
    ensure!(commands.iter().any(|command| command.contains(" sync")), "README runs no sync from S3 to S3");
    Ok((server.to_owned(), commands))
}

fn option<'a>(line: &'a str, name: &str) -> Result<&'a str> {
    let value = line.split_whitespace().skip_while(|word| *word != name).nth(1);
    value.with_context(|| format!("README gives no {name}"))
}

/// What a command of solgate prints.
fn run(arguments: &str, elsewhere: &[(&str, &std::path::Path)]) -> Result<String> {
    let mut solgate = program("solgate")?;
    for word in arguments.split_whitespace() {
        match elsewhere.iter().find(|(name, _)| *name == word) {
            Some((_, path)) => solgate.arg(path),
            None => solgate.arg(word),
        };
    }
    let output = solgate.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("start solgate")?;
    ensure!(output.status.success(), "solgate {arguments}: {}", output.status);
    String::from_utf8(output.stdout).context("read what solgate prints")
}

/// The testbed's server, until dropped.
struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    fn start(arguments: &str) -> Result<Self> {
        // By its name: the checks before have built this program anew, and the file it was started from is gone.
        let mut command = program("xtask")?;
        command.args(arguments.split_whitespace());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("start the server")?;
        let lines = process.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
        let mut server = Self { process, endpoint: String::new() };
        // To the last line: a server whose words nobody reads would end.
        for line in lines.map_while(Result::ok) {
            if let Some(endpoint) = line.strip_prefix("export AWS_ENDPOINT_URL=") {
                endpoint.clone_into(&mut server.endpoint);
            } else if line.starts_with("# Ctrl-C") {
                return Ok(server);
            }
        }
        bail!("cargo xtask {arguments}: it did not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_as_they_are_printed() {
        let readme = "## From S3 to S3\n\n```sh\ncargo xtask testbed s3 --port 1\n```\nand\n```sh\ncargo run --release \
                      --bin solgate -- -c x sync   # copies\n```\n\n## More\n```sh\nrm\n```\n";
        let (server, commands) = shown(readme).unwrap();
        assert_eq!((server.as_str(), commands), ("testbed s3 --port 1", vec!["-c x sync".to_owned()]));
        assert_eq!(option(&server, "--port").unwrap(), "1");
        assert!(shown(&readme.replace("cargo run", "cargo walk")).is_err());
    }
}
