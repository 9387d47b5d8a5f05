//! Flags that no struct names: those of rclone's backends, and those of rclone that have no effect here.

use clap::{Arg, ArgAction, ArgMatches, Command};
use transship_config::RcloneConfig;

/// Flags of rclone that change nothing here, and why.
const WITHOUT_EFFECT: &[(&str, Value, &str)] = &[
    ("auto-confirm", Value::None, "nothing is ever asked"),
    ("ask-password", Value::None, "encrypted configurations are not read"),
    ("buffer-size", Value::One, "--memory is the limit"),
    ("check-first", Value::None, "copies begin while the comparison goes on"),
    ("delete-after", Value::None, "deletions always come last"),
    ("delete-before", Value::None, "deletions always come last"),
    ("delete-during", Value::None, "deletions always come last"),
    ("fast-list", Value::None, "folders are never listed one by one"),
    ("human-readable", Value::None, "numbers are for people unless --output json is given"),
    ("inplace", Value::None, "objects are visible when they are complete"),
    ("list-cutoff", Value::One, "--memory is the limit"),
    ("low-level-retries", Value::One, "--retries says how often an object is tried"),
    ("max-backlog", Value::One, "what waits is bounded"),
    ("max-buffer-memory", Value::One, "--memory is the limit"),
    ("metadata", Value::None, "metadata is always kept"),
    ("multi-thread-chunk-size", Value::One, "parts follow from --upload-cutoff and chunk_size"),
    ("multi-thread-cutoff", Value::One, "parts follow from --upload-cutoff and chunk_size"),
    ("multi-thread-streams", Value::One, "as many parts are under way as --memory allows"),
    ("no-traverse", Value::None, "both ends are listed"),
    ("no-unicode-normalization", Value::None, "keys are never changed"),
    ("no-update-dir-modtime", Value::None, "directories have no times here"),
    ("no-update-modtime", Value::None, "times of objects that stay are not changed"),
    ("retries-sleep", Value::One, "retries wait longer each time"),
    ("server-side-across-configs", Value::None, "the same endpoint and credentials are enough"),
    ("stats-file-name-length", Value::One, "no names are shown"),
    ("stats-one-line", Value::None, "it is always one line"),
    ("stats-one-line-date", Value::None, "lines of the log have their time"),
    ("stats-unit", Value::One, "rates are bytes a second"),
    ("use-mmap", Value::None, "there is no such allocator"),
    ("use-server-modtime", Value::None, "times are those of the listings"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    One,
}

const BACKENDS: &str = "Flags of backends";

/// A command line that takes them, too.
pub(crate) fn taking_all(command: Command) -> Command {
    let backends = RcloneConfig::backend_flags().map(|flag| {
        let value = if flag.is_switch { Value::None } else { Value::One };
        arg(flag.name, value).help_heading(BACKENDS)
    });
    let others = WITHOUT_EFFECT.iter().map(|(name, value, _)| arg((*name).to_owned(), *value));
    let metadata = |arg: Arg| if arg.get_id() == "metadata" { arg.short('M') } else { arg };
    command.args(backends.chain(others).map(metadata))
}

fn arg(name: String, value: Value) -> Arg {
    let arg = Arg::new(name.clone()).long(name).global(true).hide(true).action(ArgAction::Set).value_name("VALUE");
    match value {
        Value::One => arg,
        // As rclone has it: `--flag` and `--flag=false`.
        Value::None => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
    }
}

/// `-P` and `--progress` alone, as rclone has them, and `--progress=WHEN`.
pub(crate) fn with_switched_progress(command: Command) -> Command {
    let switched = |arg: Arg| arg.short('P').num_args(0..=1).require_equals(true).default_missing_value("on");
    let copying = |command: Command, name| command.mut_subcommand(name, |sub| sub.mut_arg("progress", switched));
    ["sync", "copy"].into_iter().fold(command, copying)
}

/// The flags of backends that were given: names without dashes before them, and values.
pub(crate) fn of_backends(matches: &ArgMatches) -> Vec<(String, String)> {
    let given = |name: String| matches.get_one::<String>(&name).map(|value| (name.clone(), value.clone()));
    RcloneConfig::backend_flags().filter_map(|flag| given(flag.name)).collect()
}

/// What was given and has no effect, a line each.
pub(crate) fn without_effect(matches: &ArgMatches) -> Vec<String> {
    let given = WITHOUT_EFFECT.iter().filter(|(name, ..)| matches.contains_id(name));
    given.map(|(name, _, why)| format!("--{name} has no effect here: {why}")).collect()
}
