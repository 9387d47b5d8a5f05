//! What comes of a run, and where it goes.

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use transship::mirror::{DESTINATION, Ends, Mirrored, Refusal};
use transship::{
    report::{DestinationReport, Header, ObjectReport, Place},
    types::{Entry, Outcome},
};
use transship_support::{self as support, End, ExitCode, requests_to};

use crate::cli::MirrorArgs;

/// What reports call the ends.
pub(crate) const SOURCE: &str = "source";

pub(crate) struct Results {
    results: support::Results,
    refused: Option<String>,
    /// There was more to copy, and something said that it is enough.
    cut_off: Option<String>,
    spared: u64,
}

impl Results {
    /// Opens them: what cannot be written is found out before anything is touched.
    pub(crate) async fn open(
        command: &str,
        args: &MirrorArgs,
        ends: &Ends,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let mut header = Header::new("transship-mirror", env!("CARGO_PKG_VERSION"), command);
        let named = |name: &str, place: &transship::Place| Place { name: name.to_owned(), location: place.describe() };
        header.dry_run = args.dry_run;
        header.source = Some(named(SOURCE, &ends.source));
        header.destinations = vec![named(DESTINATION, &ends.destination)];
        let results = support::Results::open(&args.run, header, cancel).await?;
        Ok(Self { results, refused: None, cut_off: None, spared: 0 })
    }

    pub(crate) fn take(&mut self, what: Mirrored, ends: &Ends) {
        match what {
            Mirrored::Object(object) => {
                tell(&object);
                self.add(&object);
            }
            Mirrored::Same(entry, reason) => self.left_alone(&entry, &ends.source, &reason.to_string()),
            Mirrored::Extra(entry) => self.left_alone(&entry, &ends.destination, "only at the destination"),
            Mirrored::Spared(count) => self.spared = count,
            Mirrored::Refused(refusal) => self.refuse(&refusal),
            Mirrored::CutOff(reached) => {
                self.cut_off = Some(format!("{reached}: run again to go on"));
            }
        }
    }

    /// Takes down what a guard says, and what to do about it.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        let meant = match refusal {
            Refusal::Unlisted { .. } => {
                self.refused = Some(format!("{refusal}; --sort-listings takes no order for granted"));
                return;
            }
            Refusal::SamePlace { .. } => {
                self.refused = Some(refusal.to_string());
                return;
            }
            Refusal::EmptySource { .. } => "--allow-empty-source",
            Refusal::TooMany { limit: Some(_), .. } => "a larger --max-delete",
            _ => "--max-delete N or --max-delete P%",
        };
        self.refused = Some(format!("{refusal}; if that is meant, say so with {meant}"));
    }

    fn left_alone(&mut self, entry: &Entry, place: &transship::Place, reason: &str) {
        let key = || entry.key.strip_prefix(&place.prefix).unwrap_or_else(|| entry.key.clone());
        tracing::trace!("{}: left alone ({reason})", key());
        self.results.skip(DESTINATION, entry.size, reason, || {
            let mut object = ObjectReport::from(&Entry { key: key(), ..entry.clone() });
            let outcome = Outcome::Skipped { reason: reason.to_owned() };
            object.destinations.push(DestinationReport::new(DESTINATION, key(), outcome));
            object
        });
    }

    pub(crate) fn add(&mut self, object: &ObjectReport) {
        self.results.add(object);
    }

    /// Writes what is left to write, and gives the exit code.
    pub(crate) async fn finish(mut self, ended: Option<(ExitCode, anyhow::Error)>, ends: &Ends) -> Result<ExitCode> {
        let spared =
            self.spared(self.cut_off.is_some() || ended.as_ref().is_some_and(|(code, _)| *code == ExitCode::Stopped));
        if let Some(why) = self.refused.as_ref().or(spared.as_ref()) {
            tracing::warn!("{why}");
        }
        let guarded = if self.refused.is_some() { ExitCode::GuardRefused } else { ExitCode::Done };
        let by_objects = ExitCode::from(self.results.totals()).and(guarded);
        let cut_off = self.cut_off.take().map(|why| (ExitCode::Stopped, anyhow::anyhow!(why)));
        let ended = ended.or(cut_off);
        let code = ended.as_ref().map_or(by_objects, |(code, _)| by_objects.and(*code));
        let end = End {
            error: ended.map(|(_, error)| error),
            guard: self.refused.take().or(spared),
            requests: vec![
                requests_to(SOURCE, &*ends.source.bucket),
                requests_to(DESTINATION, &*ends.destination.bucket),
            ],
            ..End::new(code)
        };
        self.results.finish(end).await
    }

    /// Why objects that were to go are still there, though no guard was asked.
    fn spared(&self, stopped: bool) -> Option<String> {
        let why = if stopped { "the run was stopped" } else { "not all copies succeeded" };
        let what = match self.spared {
            0 => return None,
            1 => "1 object that was".to_owned(),
            count => format!("{count} objects that were"),
        };
        let nothing = if self.results.totals().counts.deleted == 0 { ": nothing was deleted" } else { "" };
        Some(format!("{what} to be deleted stayed, because {why}{nothing}"))
    }
}

/// A line in the log for each object that something was done to.
fn tell(object: &ObjectReport) {
    for there in &object.destinations {
        let because = there.because.as_deref().unwrap_or("no reason is known");
        match &there.outcome {
            Outcome::Copied { verified } => {
                tracing::debug!("{}: copied ({because}), verified by {}", object.key, verified.name());
            }
            Outcome::Deleted => tracing::debug!("{}: deleted ({because})", object.key),
            Outcome::Failed { error } => tracing::error!("{}: {error}", object.key),
            _ => {}
        }
    }
}
