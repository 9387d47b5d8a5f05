//! Before a target is written to.

use std::{sync::atomic::Ordering, time::Instant};

use transship_store::{Condition, Error, ErrorKind, Result};
use transship_types::ErrorClass;

use super::{Flight, Lane, Ready, Verdict};
use crate::{Done, lag::keeping_up, newest, write::Writer};

impl Flight<'_> {
    /// Makes targets ready. Those that keep the others waiting for too long come back.
    pub(super) async fn writers<'l>(&self, lanes: Vec<&'l mut Lane>) -> (Vec<Ready<'l>>, Vec<&'l mut Lane>) {
        let (mut ready, mut slow, begun) = (Vec::new(), Vec::new(), Instant::now());
        let verdicts = keeping_up(self.options.longest_lag, lanes.iter().map(|lane| self.writer(lane))).await;
        for (lane, verdict) in lanes.into_iter().zip(verdicts) {
            match verdict {
                Some(Ok(Verdict::Write(writer))) => ready.push((lane, writer)),
                Some(Ok(Verdict::Keep(time))) => {
                    lane.end(Ok(Done::KeptNewer(time)));
                    self.ends.lands(lane.destination());
                }
                Some(Err(error)) => {
                    lane.end(Err(error));
                    self.ends.lands(lane.destination());
                }
                None => {
                    if let Some(site) = self.site(lane) {
                        site.answers.lags(begun);
                    }
                    slow.push(lane);
                }
            }
        }
        (ready, slow)
    }

    /// Makes a target ready: its key can be held, and it is not newer already.
    pub(super) async fn writer(&self, lane: &Lane) -> Result<Verdict> {
        let Some(mut writer) = self.writer_to(lane, Condition::Always) else {
            let detail = format!("there is no destination {}", lane.target.destination);
            return Err(Error::new(ErrorKind::Configuration, detail));
        };
        let bucket = &*writer.destination.bucket;
        bucket.check_key(writer.key())?;
        if writer.target.newest_wins {
            let decision = newest::decide(bucket, writer.key(), &self.listed, self.options);
            let begun = Instant::now();
            let decided = self.source.unless_stopped(decision).await;
            if decided.is_err() {
                writer.site.answers.note(begun, &decided);
            }
            writer.condition = match decided? {
                newest::Verdict::Keep(time) => return Ok(Verdict::Keep(time)),
                newest::Verdict::Write(Condition::IfMatch(_)) if writer.site.is_unconditional() => Condition::Always,
                newest::Verdict::Write(condition) => condition,
            };
        }
        Ok(Verdict::Write(writer))
    }

    pub(super) fn writer_to(&self, lane: &Lane, condition: Condition) -> Option<Writer> {
        let target = lane.target.clone();
        let destination = self.destinations.get(target.destination)?.clone();
        let site = self.sites.get(target.destination)?.clone();
        let (tags_lost, ends, last) = (lane.tags_lost.clone(), self.ends.clone(), self.last.clone());
        Some(Writer { destination, target, condition, site, tags_lost, ends, last })
    }

    /// A condition that failed although it holds will never be met: Ceph RGW 16 compares ETags with their quotes.
    /// Writing without it is as good as on stores that know no conditions.
    pub(super) fn without_vain_condition(&self, before: &Writer, again: Writer, error: &Error) -> Writer {
        let source_changed = self.source.changed.swap(false, Ordering::Relaxed);
        let same = matches!(again.condition, Condition::IfMatch(_)) && again.condition == before.condition;
        if !same || source_changed || error.class() != ErrorClass::Conflict {
            return again;
        }
        tracing::debug!(%error, "the server takes no condition for fulfilled: writing without");
        again.site.becomes_unconditional();
        Writer { condition: Condition::Always, ..again }
    }
}
