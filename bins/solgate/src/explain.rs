//! `solgate explain`

mod told;

use futures::future::join_all;
use time::OffsetDateTime;
use transship::{
    Decision, Leg, Plan, PlannedTarget, Route,
    store::{Bucket, Error, ErrorKind, ObjectInfo, RetryOptions, retry},
    transfer::compare_source_times,
    types::{Entry, ErrorClass, Key},
};
use transship_support::{ExitCode, Output, OutputFormat};

use crate::{
    cli::{Cli, ExplainArgs},
    copying, list, settings,
};

/// What would happen to one key.
struct Explanation<'a> {
    key: &'a str,
    route: &'a Route,
    /// What the source has, where it has anything.
    source: Option<ObjectInfo>,
    /// Whether `list` and `sync` would take it.
    listed: bool,
    targets: Vec<Explained>,
}

/// What would happen to it at one destination.
struct Explained {
    target: PlannedTarget,
    /// What is there now; an error where that cannot be told.
    there: Result<Option<ObjectInfo>, Error>,
    action: Action,
}

/// What would happen, and why.
enum Action {
    Write {
        unpack: bool,
        newest_wins: bool,
    },
    /// The object there was copied from a source of this time, which is newer.
    Keep(OffsetDateTime),
    Fail(String),
    /// There is nothing to write.
    Nothing,
}

pub(crate) async fn run(cli: &Cli, args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let route = settings::route(&config)?;
    let key = Key::from(&*args.key).prefixed(&route.source.prefix);
    let source = look(&*route.source.bucket, &key).await.map_err(|error| copying::failure(error.into()))?;
    let entry = Entry {
        key,
        size: source.as_ref().map_or(0, |i| i.size),
        last_modified: source.as_ref().map_or(OffsetDateTime::UNIX_EPOCH, |i| i.last_modified),
        etag: source.as_ref().and_then(|i| i.etag.clone()),
        storage_class: None,
    };
    let listed = source.is_some() && list::oldest(&config).is_none_or(|oldest| entry.last_modified >= oldest);
    let planned = Plan::new(route.clone()).decide(entry)?;
    let explained = planned.targets.into_iter().map(|target| explain(target, &route, source.as_ref()));
    let targets = join_all(explained).await;
    let explanation = Explanation { key: &args.key, route: &route, source, listed, targets };
    let mut out = Output::stdout();
    match args.output {
        OutputFormat::Json => out.line(&explanation.json())?,
        OutputFormat::Text => out.line(&explanation.text().trim_end())?,
    }
    let fails = explanation.targets.iter().any(|t| matches!(t.action, Action::Fail(_)));
    Ok(if fails || explanation.source.is_none() { ExitCode::ObjectsFailed } else { ExitCode::Done })
}

/// What is under a key, where anything is.
async fn look(bucket: &dyn Bucket, key: &Key) -> Result<Option<ObjectInfo>, Error> {
    match retry(&RetryOptions::default().at_first_contact(), |_| bucket.head(key)).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnrepresentableKey) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn explain(target: PlannedTarget, route: &Route, source: Option<&ObjectInfo>) -> Explained {
    let leg = &route.legs[target.leg];
    let there = match &target.key {
        Some(key) => look_there(leg, key).await,
        None => Ok(None),
    };
    let action = match (&target.decision, source) {
        (Decision::Fail { error }, _) => Action::Fail(error.clone()),
        (_, None) => Action::Nothing,
        (_, Some(source)) => {
            let unpack = matches!(target.decision, Decision::Write { unpack: true, .. });
            action(source, &there, unpack, leg.keys.newest_wins())
        }
    };
    Explained { target, there, action }
}

/// A directory that is not there yet holds nothing, and is made with the first object.
async fn look_there(leg: &Leg, key: &Key) -> Result<Option<ObjectInfo>, Error> {
    let bucket = &*leg.place.bucket;
    match look(bucket, key).await {
        Err(error) if error.kind() == ErrorKind::NoSuchBucket && bucket.capabilities().made_by_writing => Ok(None),
        looked => looked,
    }
}

/// What a run does to a target whose key is all right.
fn action(source: &ObjectInfo, there: &Result<Option<ObjectInfo>, Error>, unpack: bool, newest_wins: bool) -> Action {
    match there {
        // Only the newest of several has to be looked at before it is written.
        Err(error) if newest_wins || error.concerns_bucket() || error.class() == ErrorClass::Transient => {
            Action::Fail(error.to_string())
        }
        Ok(Some(ObjectInfo { modified_at_source: Some(time), .. }))
            if newest_wins && compare_source_times(*time, source.last_modified).is_gt() =>
        {
            Action::Keep(*time)
        }
        _ => Action::Write { unpack, newest_wins },
    }
}
