//! One target by itself: one that was left behind, or is to be tried again.

use transship_store::{Error, Result};

use super::{Flight, Lane, Verdict};
use crate::{
    Done,
    answers::Permission,
    pass::{Landed, Passed, Seen},
    read::cancelled,
    site::Site,
    write::Writer,
};

impl Flight<'_> {
    /// One destination's own tries: each reads the source by itself. What arrived comes back.
    pub(super) async fn alone(&self, lane: &mut Lane, mut before: Option<(Writer, Error)>) -> Option<Seen> {
        loop {
            let permission = match self.turn(lane, before.as_ref().map(|(_, error)| error)).await {
                Ok(permission) => permission,
                Err(error) => {
                    lane.end(Err(error));
                    return None;
                }
            };
            let writer = match self.writer(lane).await {
                Ok(Verdict::Write(again)) => match &before {
                    Some((before, error)) => self.without_vain_condition(before, again, error),
                    None => again,
                },
                Ok(Verdict::Keep(time)) => {
                    lane.end(Ok(Done::KeptNewer(time)));
                    return None;
                }
                Err(failed) => {
                    lane.end(Err(failed));
                    return None;
                }
            };
            // What was read before is what all destinations are to get, as long as it is there.
            let pinned = !self.hint || self.info.is_some();
            let Passed { seen, landed } = self.pass(std::slice::from_ref(&writer), pinned, None).await;
            lane.attempts += 1;
            drop(permission);
            let Landed { result, at } = landed.into_iter().next()?;
            match result {
                Err(failed) if self.is_worth_retrying(lane, &failed) && !writer.site.answers.is_given_up() => {
                    before = Some((writer, failed));
                }
                result => {
                    let arrived = result.is_ok();
                    lane.end(Landed { result, at });
                    return seen.filter(|_| arrived);
                }
            }
        }
    }

    /// Waits for the next try after this failure.
    async fn turn(&self, lane: &Lane, failed: Option<&Error>) -> Result<Permission> {
        // Nothing is tried again then, and nothing should say so.
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        if let Some(error) = failed {
            // A conflict has nothing to wait for, but two writers should not meet again at once.
            let wait = self.retry().wait(&lane.failures, error).unwrap_or(self.retry().first_wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancel.cancelled() => return Err(cancelled()),
            }
        }
        let Some(site) = self.site(lane) else { return Err(cancelled()) };
        self.permission(site).await
    }

    /// Waits until this destination may be written to.
    async fn permission(&self, site: &Site) -> Result<Permission> {
        tokio::select! {
            biased;
            permission = site.answers.admit(self.cancel) => permission,
            error = self.is_in_the_way(site) => Err(error),
        }
    }

    /// Who waits for a silent destination waits aside. Where there is no place any more, and others could go on, it
    /// does not wait.
    async fn is_in_the_way(&self, site: &Site) -> Error {
        // An outage that its own requests would outlast costs nothing.
        let lag = self.options.longest_lag.max(self.options.retry.patience);
        let aside = async {
            self.admitted.step_aside().await;
            std::future::pending::<()>().await;
        };
        let blocked = async {
            let others_go_on = || self.sites.iter().any(|site| !site.answers.is_silent());
            while site.answers.silent_for() < lag || !others_go_on() {
                tokio::time::sleep(lag / 8).await;
            }
            if self.admitted.is_aside() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = aside => {}
            () = blocked => {}
        }
        site.answers.not_tried()
    }
}
