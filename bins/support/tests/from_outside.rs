//! What a binary shows to whoever started it: exit code, stdout, stderr.
#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The example program, which `cargo test` builds beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().with_file_name("examples").join("task");
    assert!(program.exists(), "{} is missing: run `cargo test -p transship-support`", program.display());
    program
}

fn task(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env_remove("TRANSSHIP_LOG").env_remove("RUST_LOG").env("NO_COLOR", "");
    command
}

fn end(arguments: &[&str]) -> (i32, String, String) {
    told(task(arguments).output().unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn an_error_is_one_line_and_decides_the_exit_code() {
    let line = "error: list s3://bucket:\\n\"k\\u{1b}[31m\": connect: refused\n";
    assert_eq!(end(&["fail"]), (1, String::new(), line.into()));
    assert_eq!(end(&["usage"]), (2, String::new(), "error: no such flag\n".into()));
    assert_eq!(end(&["fail", "--memory", "1KiB"]).0, 2, "clap's own");
}

#[test]
fn an_error_is_one_json_object_where_the_log_is_json() {
    for (level, code, end_of_message) in [
        (&["-qq"][..], 1, "connect: refused"),
        (&["--log-level", "off"], 1, "connect: refused"),
        (&["--log-level", "hyper=info"], 1, "connect: refused"),
        (&["--log-level", "a=b=c"], 2, "such as info,hyper=debug"),
        (
            &["--log-level", "verbose"],
            2,
            "no such level; expected error, warn, info, debug, trace, off or rules such as info,hyper=debug",
        ),
    ] {
        let (ended, _, stderr) = end(&[&["fail", "--log-format", "json"], level].concat());
        let line: serde_json::Value = serde_json::from_str(&stderr).unwrap();
        assert_eq!((ended, line["level"].as_str()), (code, Some("ERROR")));
        assert!(line["message"].as_str().unwrap().ends_with(end_of_message), "{line}");
    }
}

#[test]
fn a_panic_is_one_line_too() {
    let (code, _, stderr) = end(&["panic"]);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: internal error, a defect in this program: index out of bounds"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let (code, _, stderr) = end(&["task-panic"]);
    assert_eq!((code, stderr.lines().count()), (1, 2), "the panic, and what it made fail: {stderr}");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    loses_its_reader(task(&["print"]));
}

fn loses_its_reader(mut command: Command) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (code, _, stderr) = told(child.wait_with_output().unwrap());
    assert_eq!((line.as_str(), code, stderr.as_str()), ("a line\n", 6, ""), "{command:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_cannot_begin_again_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("task");
    std::fs::copy(program(), &copy).unwrap();
    let mut gone = Command::new("sh");
    gone.args(["-c", "exec 3<\"$1\" && rm \"$1\" && exec /proc/self/fd/3 print", "sh"]).arg(copy);
    gone.env_remove("MIMALLOC_PURGE_DELAY");
    loses_its_reader(gone);
    for loader in ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"] {
        if std::path::Path::new(loader).exists() {
            let mut loaded = Command::new(loader);
            loaded.arg(program()).arg("print").env_remove("MIMALLOC_PURGE_DELAY");
            loses_its_reader(loaded);
        }
    }
}

#[test]
fn a_log_that_nobody_reads_is_no_reason_to_fail() {
    let mut child = task(&["wait", "-v"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let mut stdout = ready(&mut child);
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(6));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "stopping\n");
}

#[test]
fn logs_are_plain_text_without_colours_in_a_pipe() {
    let (code, stdout, stderr) = end(&["log"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    let lines: Vec<_> = stderr.lines().collect();
    let [error, told, elsewhere] = lines[..] else { panic!("{stderr}") };
    assert!(error.ends_with("ERROR an error") && elsewhere.ends_with("WARN elsewhere"), "{stderr}");
    assert!(told.contains("INFO told") && told.contains("key=\"a\\nb\""), "{told}");
    assert!(!stderr.contains('\u{1b}'));
}

#[test]
fn the_level_comes_from_flags_then_the_environment() {
    let count = |arguments: &[&str]| end(&[&["log"], arguments].concat()).2.lines().count();
    assert_eq!(count(&["-v"]), 4);
    assert_eq!(count(&["-vv"]), 5);
    assert_eq!(count(&["-q"]), 2);
    assert_eq!(count(&["-qq"]), 1);
    assert_eq!(count(&["--log-level", "off"]), 0);
    assert_eq!(count(&["--log-level", "NOTICE"]), count(&["--log-level", "info"]));
    assert_eq!(count(&["--log-level", "hyper=info"]), 2);
    let by_environment = |name, value, arguments: &[&str]| {
        told(task(&[&["log"], arguments].concat()).env(name, value).output().unwrap()).2.lines().count()
    };
    assert_eq!(by_environment("TRANSSHIP_LOG", "debug", &[]), 4);
    assert_eq!(by_environment("TRANSSHIP_LOG", "debug", &["--log-level", "error"]), 1);
    assert_eq!(by_environment("RUST_LOG", "trace", &[]), 3, "not read");
    let (code, _, stderr) = end(&["log", "--log-level", "a=b=c"]);
    assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
}

#[test]
fn json_logs_are_objects_with_the_events_fields() {
    let (_, _, stderr) = end(&["log", "--log-format", "json"]);
    let events: Vec<serde_json::Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events[1]["message"].as_str(), events[1]["key"].as_str()), (Some("told"), Some("a\nb")));
    assert!(events[0]["timestamp"].is_string() && events[0]["target"] == "transship_store");
}

fn ready(child: &mut Child) -> BufReader<std::process::ChildStdout> {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    stdout
}

fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

#[test]
#[cfg(target_os = "linux")]
fn the_allocator_gives_back_soon_unless_somebody_said_when() {
    const SETTINGS: [&str; 2] = ["MIMALLOC_PURGE_DELAY", "MIMALLOC_ALLOW_THP"];
    for (said, expected) in
        [([None; 2], ["100", "0"]), ([Some("500"), None], ["500", "0"]), ([None, Some("1")], ["100", "1"])]
    {
        let mut command = task(&["wait"]);
        for (name, said) in SETTINGS.into_iter().zip(said) {
            command.env_remove(name).envs(said.map(|said| (name, said)));
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let _stdout = ready(&mut child);
        let process = PathBuf::from(format!("/proc/{}", child.id()));
        let environment = std::fs::read_to_string(process.join("environ")).unwrap();
        let arguments = std::fs::read_to_string(process.join("cmdline")).unwrap();
        signal(&child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(6));
        for (name, expected) in SETTINGS.into_iter().zip(expected) {
            let settings: Vec<_> = environment.split('\0').filter(|setting| setting.starts_with(name)).collect();
            assert_eq!(settings, [format!("{name}={expected}")]);
        }
        assert_eq!(arguments, format!("{}\0wait\0", program().display()));
    }
}

#[test]
fn the_first_signal_stops_cleanly() {
    for name in ["TERM", "INT", "HUP"] {
        let mut child = task(&["wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = ready(&mut child);
        signal(&child, name);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        let (code, _, stderr) = told(child.wait_with_output().unwrap());
        assert_eq!((code, rest.as_str()), (6, "stopping\n"));
        assert!(stderr.contains(&format!("WARN SIG{name}: stopping")), "{stderr}");
    }
}

#[test]
fn the_second_signal_ends_at_once() {
    let mut child = task(&["wait", "--memory", "64MiB"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = ready(&mut child);
    signal(&child, "TERM");
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "stopping\n");
    let sent = Instant::now();
    signal(&child, "INT");
    let (code, _, stderr) = told(child.wait_with_output().unwrap());
    assert!(sent.elapsed() < Duration::from_secs(5));
    assert_eq!(code, 6);
    assert!(stderr.ends_with("SIGINT again: stopped at once\n"), "{stderr}");
}

#[test]
fn a_hangup_that_is_to_be_ignored_is_ignored() {
    let script = format!("trap '' HUP; exec {} wait", program().display());
    let mut child =
        Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = ready(&mut child);
    signal(&child, "HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none());
    signal(&child, "TERM");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(6), "stopping\n"));
}

#[test]
fn progress_in_a_pipe_is_lines_not_bars() {
    let mut child = task(&["wait", "--progress", "on"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _stdout = ready(&mut child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    signal(&child, "TERM");
    child.wait().unwrap();
    assert!(line.starts_with("progress: 0 of 1024 objects, "), "{line:?}");
    assert!(line.contains("MiB of 1.0 GiB read, ") && line.contains("/s, ") && line.ends_with(" left\n"), "{line:?}");
}
