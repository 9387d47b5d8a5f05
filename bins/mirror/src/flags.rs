//! Flags that no struct names: those of rclone's backends, and those of rclone that have no effect here.

use std::ffi::OsString;

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
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
    ("timeout", Value::One, "a silent server is given up by itself"),
    ("contimeout", Value::One, "a silent server is given up by itself"),
    ("user-agent", Value::One, "requests name this program"),
    ("use-mmap", Value::None, "there is no such allocator"),
    ("use-server-modtime", Value::None, "times are those of the listings"),
];

/// Flags of rclone that would change what happens, and that there are not.
const UNSUPPORTED: &[&str] = &[
    "bwlimit-file",
    "ca-cert",
    "client-cert",
    "client-key",
    "client-pass",
    "compare-dest",
    "copy-dest",
    "disable",
    "dscp",
    "error-on-no-transfer",
    "exclude-if-present",
    "fix-case",
    "hash-filter",
    "header",
    "header-download",
    "header-upload",
    "ignore-case-sync",
    "ignore-checksum",
    "ignore-errors",
    "ignore-size",
    "interactive",
    "links",
    "log-file",
    "log-systemd",
    "max-connections",
    "max-delete-size",
    "max-depth",
    "metadata-exclude",
    "metadata-exclude-from",
    "metadata-filter",
    "metadata-filter-from",
    "metadata-include",
    "metadata-include-from",
    "metadata-mapper",
    "metadata-set",
    "name-transform",
    "no-check-certificate",
    "no-check-dest",
    "order-by",
    "partial-suffix",
    "password-command",
    "rc",
    "refresh-times",
    "syslog",
    "tpslimit",
    "tpslimit-burst",
    "track-renames",
    "track-renames-strategy",
    "use-cookies",
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
    let links = |arg: Arg| if arg.get_id() == "copy-links" { arg.short('L') } else { arg };
    command.args(backends.chain(others).map(metadata).map(links))
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

/// `--flag=true` is `--flag`, and `--flag=false` is nothing, as rclone has it.
pub(crate) fn without_values_of_switches(command: &Command, line: &[OsString]) -> Vec<OsString> {
    let all = command.get_subcommands().chain([command]).flat_map(Command::get_arguments);
    let switches: Vec<&str> =
        all.filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue)).filter_map(Arg::get_long).collect();
    let read = |argument: &OsString| {
        let Some((name, value)) = argument.to_str().and_then(|text| text.strip_prefix("--")?.split_once('=')) else {
            return Some(argument.clone());
        };
        match value {
            "true" if switches.contains(&name) => Some(format!("--{name}").into()),
            "false" if switches.contains(&name) => None,
            _ => Some(argument.clone()),
        }
    };
    line.iter().filter_map(read).collect()
}

/// Says of a flag of rclone that there is none, in place of a guess at what else it could be.
pub(crate) fn told_unsupported(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let name = flag.trim_start_matches('-').split('=').next().unwrap_or_default();
    if error.kind() == ErrorKind::UnknownArgument && UNSUPPORTED.contains(&name) {
        let told = format!("rclone's --{name} is not supported here");
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::Usage);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![told.into()]));
    }
    error
}
