//! `solgate explain`

use time::format_description::well_known::Rfc3339;
use transship::{
    Decision, Plan, Planned,
    store::{ErrorKind, retry},
    types::{Entry, Key},
};
use transship_support::{ExitCode, Output, OutputFormat};

use crate::{
    cli::{Cli, ExplainArgs},
    copying, list, settings,
};

pub(crate) async fn run(cli: &Cli, args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let route = settings::route(&config)?;
    let key = Key::from(&*args.key).prefixed(&route.source.prefix);
    let found = match retry(&Default::default(), |_| route.source.bucket.head(&key)).await {
        Ok(info) => Some(info),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnrepresentableKey) => None,
        Err(error) => return Err(copying::failure(error.into())),
    };
    let entry = Entry {
        key,
        size: found.as_ref().map_or(0, |i| i.size),
        last_modified: found.as_ref().map_or(time::OffsetDateTime::UNIX_EPOCH, |i| i.last_modified),
        etag: found.as_ref().and_then(|i| i.etag.clone()),
        storage_class: None,
    };
    let listed = found.is_some().then(|| list::oldest(&config).is_none_or(|oldest| entry.last_modified >= oldest));
    let planned = Plan::new(route.clone()).decide(entry)?;
    let mut out = Output::stdout();
    match args.output {
        OutputFormat::Json => out.line(&json(&args.key, &planned, listed, &route))?,
        OutputFormat::Text => text(&mut out, &args.key, &planned, listed, &route)?,
    }
    let fails = planned.targets.iter().any(|t| matches!(t.decision, Decision::Fail { .. }));
    Ok(if fails || listed.is_none() { ExitCode::ObjectsFailed } else { ExitCode::Done })
}

fn text(
    out: &mut Output,
    key: &str,
    planned: &Planned,
    listed: Option<bool>,
    route: &transship::Route,
) -> anyhow::Result<()> {
    out.line(&format_args!("{}", Key::from(key)))?;
    out.line(&format_args!("  at {}", route.source.describe()))?;
    let state = match listed {
        None => "is not there".to_owned(),
        Some(lately) => {
            let Entry { size, last_modified, .. } = &planned.source;
            let window = if lately { "within timedelta: listed" } else { "older than timedelta: not listed" };
            let modified = last_modified.format(&Rfc3339).unwrap_or_else(|_| last_modified.to_string());
            format!("{size} bytes, modified {modified}, {window}")
        }
    };
    out.line(&format_args!("  {state}"))?;
    for target in &planned.targets {
        let leg = &route.legs[target.leg];
        out.line(&format_args!("{}, at {}", leg.name, leg.place.describe()))?;
        for line in reasons(&target.decision, key_there(target, leg).as_ref(), leg) {
            out.line(&format_args!("  {line}"))?;
        }
    }
    Ok(())
}

/// The key below the destination's own prefix, as the report gives it.
fn key_there(target: &transship::PlannedTarget, leg: &transship::Leg) -> Option<Key> {
    target.key.as_ref()?.strip_prefix(&leg.place.prefix)
}

fn reasons(decision: &Decision, key: Option<&Key>, leg: &transship::Leg) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(key) = key {
        let why = match leg.keys.formatter() {
            Some(formatter) => format!("by the formatter {}", formatter.destination()),
            None => "as it is: the source or this destination has no formatter".to_owned(),
        };
        lines.push(format!("key {key}, {why}"));
    }
    match decision {
        Decision::Write { unpack, newest_wins } => {
            lines.push("would be written".to_owned());
            if *unpack {
                lines.push("unpacked on the way, because the key ends in .gz".to_owned());
            }
            if *newest_wins {
                lines.push(
                    "unless the object there was copied from a newer source: the formatter drops a group, so \
                            that several objects share this key"
                        .to_owned(),
                );
            }
        }
        Decision::GiveWay { to } => lines.push(format!("would be left alone: {to} is newer and gets the same key")),
        Decision::Skip { reason } => lines.push(format!("would be left alone: {reason}")),
        Decision::Fail { error } => lines.push(format!("would fail: {error}")),
    }
    lines
}

fn json(key: &str, planned: &Planned, listed: Option<bool>, route: &transship::Route) -> serde_json::Value {
    let target = |target: &transship::PlannedTarget| {
        let leg = &route.legs[target.leg];
        let (action, reason, unpack, newest_wins) = match &target.decision {
            Decision::Write { unpack, newest_wins } => ("write", None, *unpack, *newest_wins),
            Decision::GiveWay { to } => ("skip", Some(format!("{to} is newer and gets the same key")), false, false),
            Decision::Skip { reason } => ("skip", Some(reason.clone()), false, false),
            Decision::Fail { error } => ("fail", Some(error.clone()), false, false),
        };
        serde_json::json!({
            "destination": leg.name, "location": leg.place.describe(), "key": key_there(target, leg), "action": action,
            "reason": reason, "unpack": unpack, "newest_wins": newest_wins,
        })
    };
    serde_json::json!({
        "key": key, "exists": listed.is_some(), "listed": listed.unwrap_or(false), "size": planned.source.size,
        "destinations": planned.targets.iter().map(target).collect::<Vec<_>>(),
    })
}
