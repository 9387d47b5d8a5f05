//! What [`Bucket`] promises, as a suite that runs: every back end passes the same one, on every server.
//!
//! Cases are chosen by [`Bucket::capabilities`]. What a server is known to do differently is part of its [`Profile`],
//! case by case, and described in `docs/stores.md`: a case that deviates must deviate, or the profile is out of date.
//!
//! ```
//! # async fn example(bucket: std::sync::Arc<dyn transship_store::Bucket>) {
//! use transship_testbed::conformance::{Profile, run};
//!
//! let report = run(bucket, "", &Profile::new("my store")).await;
//! assert!(report.passes(), "{report}");
//! # }
//! ```

mod attributes;
mod case;
mod conditions;
mod copying;
mod crowd;
mod deleting;
mod digests;
mod failures;
mod interrupted;
mod keys;
mod listing;
mod multipart;
mod profile;
mod reading;
mod report;
mod round_trip;
mod scene;
mod verdict;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use transship_store::{Bucket, Error, ErrorKind};

use case::Case;
pub use profile::{Deviation, Doors, Profile};
pub use report::Report;
use scene::Scene;
pub use verdict::{forget_verdicts, references_agree, store_verdict};

/// How many cases run side by side. Servers are used like this, and a suite takes seconds instead of minutes.
const SIDE_BY_SIDE: usize = 12;
/// No case takes long: one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a case is played where the connection breaks: a server may hang up on a connection that is just being used
/// again, buckets do not retry, and no promise is broken by that.
const PLAYS: u32 = 3;

/// Runs every case that `bucket`'s capabilities choose, each under a prefix of its own behind `prefix` (empty or
/// ending in `/`).
///
/// The bucket should be fresh: with an empty `prefix`, keys such as `/a` and `..` are tried at its root.
pub async fn run(bucket: Arc<dyn Bucket>, prefix: &str, profile: &Profile) -> Report {
    let mut report = Report::new(profile);
    let (chosen, others): (Vec<_>, Vec<_>) = all().into_iter().partition(|case| {
        let confined = !case.at_root || prefix.is_empty();
        confined && (case.needs)(bucket.capabilities()) && profile.doors.open(case.door)
    });
    others.iter().for_each(|case| report.not_chosen(&case.name));
    let mut outcomes = stream::iter(chosen.into_iter().enumerate())
        .map(|(number, case)| {
            let prefix = format!("{prefix}case-{number:03}");
            let (bucket, doors) = (bucket.clone(), profile.doors.clone());
            async move { (play_again(&case, &bucket, &prefix, &doors).await, case.name) }
        })
        .buffer_unordered(SIDE_BY_SIDE);
    while let Some((outcome, name)) = outcomes.next().await {
        report.add(&name, outcome, profile);
    }
    report.finish(profile)
}

async fn play_again(case: &Case, bucket: &Arc<dyn Bucket>, prefix: &str, doors: &Doors) -> Outcome {
    let mut plays = 1;
    loop {
        let scene = Scene::new(bucket.clone(), format!("{prefix}-{plays}/"), doors.clone());
        match play(case, scene).await {
            Outcome::Broken(what) if plays < PLAYS => tracing::warn!(case = case.name, what, "playing again"),
            outcome => return outcome,
        }
        plays += 1;
    }
}

async fn play(case: &Case, scene: Scene) -> Outcome {
    match tokio::time::timeout(PATIENCE, (case.play)(scene)).await {
        Err(_) => Outcome::Failed(format!("did not end within {} s", PATIENCE.as_secs())),
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(error)) => {
            let text = format!("{error:#}");
            match error.downcast_ref::<Error>().map(Error::kind) {
                Some(ErrorKind::Unsupported) => Outcome::NotOffered(text),
                Some(ErrorKind::Connection) => Outcome::Broken(text),
                _ => Outcome::Failed(text),
            }
        }
    }
}

/// How one case went.
enum Outcome {
    Passed,
    /// The store says that it cannot do this.
    NotOffered(String),
    /// The connection broke.
    Broken(String),
    Failed(String),
}

fn all() -> Vec<Case> {
    [
        round_trip::cases(),
        keys::cases(),
        listing::cases(),
        reading::cases(),
        attributes::cases(),
        conditions::cases(),
        multipart::cases(),
        copying::cases(),
        deleting::cases(),
        digests::cases(),
        interrupted::cases(),
        failures::cases(),
        crowd::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
