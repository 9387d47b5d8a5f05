//! `transship-mirror explain`

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use transship::{
    mirror::{Change, Deletion, Ends, Explanation, MirrorOptions, explain},
    types::{Entry, Key},
};
use transship_support::{ExitCode, Failure, Output, OutputFormat};

use crate::{
    cli::{Cli, ExplainArgs},
    policy,
    remotes::{self, Remotes},
    sync::code,
};

pub(crate) async fn run(cli: &Cli, args: &ExplainArgs) -> Result<ExitCode> {
    let filter = args.filters.filter(OffsetDateTime::now_utc())?;
    let remotes = Remotes::of(cli)?;
    let (source, destination) = (remotes.folder(&args.source)?, remotes.folder(&args.destination)?);
    let ends = remotes::ends(&source, &destination)?;
    let deletion = if args.delete_excluded { Deletion::ExtraAndExcluded } else { Deletion::Extra };
    let options = MirrorOptions {
        policy: policy::of(&args.comparison, &ends),
        content: policy::content(&args.comparison),
        immutable: args.comparison.immutable,
        filter: Arc::new(filter),
        deletion,
        ..MirrorOptions::default()
    };
    let (mut out, mut worst) = (Output::stdout(), ExitCode::Done);
    for path in &args.paths {
        let explained = explain(&ends, &options, &Key::from(&**path)).await;
        let explained = explained.map_err(|error| Failure::new(code(&error), error))?;
        let nowhere = explained.source.is_none() && explained.destination.is_none();
        let fails = nowhere || explained.change.as_ref().is_some_and(|change| change.error().is_some());
        worst = worst.and(if fails { ExitCode::ObjectsFailed } else { ExitCode::Done });
        match args.output {
            OutputFormat::Text => out.line(&text(path, &explained, &ends).trim_end())?,
            OutputFormat::Json => out.line(&object(path, &explained))?,
        }
    }
    Ok(worst)
}

fn text(path: &str, explained: &Explanation, ends: &Ends) -> String {
    let mut text = format!("{}\n", Key::from(path));
    let sides =
        [("source", &explained.source, &ends.source), ("destination", &explained.destination, &ends.destination)];
    for (end, there, place) in sides {
        let (has, filters) = match there {
            None => ("nothing there".to_owned(), String::new()),
            Some((entry, None)) => (told(entry), String::new()),
            Some((entry, Some(why))) => (told(entry), format!(", excluded: {why}")),
        };
        text += &format!("  {end}, {}: {has}{filters}\n", place.describe());
    }
    let (verb, because) = decision(explained);
    text + &format!("  sync: {verb}: {because}\n")
}

/// What would be done, and why.
fn decision(explained: &Explanation) -> (&'static str, String) {
    let Some(change) = &explained.change else {
        let excluded = explained.source.is_some() || explained.destination.is_some();
        let why = if excluded { "the filters exclude it" } else { "neither end has it" };
        return ("nothing to do", why.to_owned());
    };
    let verb = match change {
        Change::Copy { .. } => "copy",
        Change::Same { .. } | Change::Extra { .. } => "nothing to do",
        Change::Immutable { .. } => "fail, because what is there must not be replaced",
        Change::Impossible { error, .. } => return ("fail", error.clone()),
        Change::Delete { .. } => "delete, if all copies succeed and the guards agree (copy leaves it)",
    };
    (verb, change.because())
}

fn object(path: &str, explained: &Explanation) -> Value {
    let side = |there: &Option<(Entry, Option<String>)>| {
        there.as_ref().map(|(entry, excluded)| {
            json!({
                "size": entry.size,
                "last_modified": entry.last_modified.format(&Rfc3339).ok(),
                "etag": entry.etag,
                "excluded": excluded,
            })
        })
    };
    let action = match &explained.change {
        None | Some(Change::Same { .. } | Change::Extra { .. }) => "nothing",
        Some(Change::Copy { .. }) => "copy",
        Some(Change::Immutable { .. } | Change::Impossible { .. }) => "fail",
        Some(Change::Delete { .. }) => "delete",
    };
    let (_, because) = decision(explained);
    let (source, destination) = (side(&explained.source), side(&explained.destination));
    json!({ "key": path, "source": source, "destination": destination, "action": action, "because": because })
}

fn told(entry: &Entry) -> String {
    let modified = entry.last_modified.format(&Rfc3339).unwrap_or_default();
    let etag = entry.etag.as_ref().map(|etag| format!(", ETag {etag}")).unwrap_or_default();
    let bytes = if entry.size == 1 { "byte" } else { "bytes" };
    format!("{} {bytes}, modified {modified}{etag}", entry.size)
}
