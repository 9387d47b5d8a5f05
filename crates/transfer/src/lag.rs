//! An object that only waits for some of its destinations makes room for others.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{sync::Notify, time::timeout_at};

use crate::{CopyOptions, admission::Admitted, flight::Lane, site::Site};

/// How far one object is at its targets.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    begun: Notify,
    landed: Notify,
    /// The destinations where an attempt has ended.
    destinations: Mutex<Vec<usize>>,
}

impl Ends {
    pub(crate) fn begins(&self) {
        self.begun.notify_one();
    }

    pub(crate) fn lands(&self, destination: usize) {
        self.destinations.lock().unwrap_or_else(PoisonError::into_inner).push(destination);
        self.landed.notify_one();
    }

    fn is_landed(&self, destination: usize) -> bool {
        self.destinations.lock().unwrap_or_else(PoisonError::into_inner).contains(&destination)
    }
}

/// Watches over one object on its way.
pub(crate) struct Watch<'a> {
    pub(crate) ends: Arc<Ends>,
    /// Where the object goes.
    pub(crate) destinations: Vec<usize>,
    /// Whether it is so small that a destination that answers at all answers soon.
    pub(crate) small: bool,
    /// One for each destination there is.
    pub(crate) sites: &'a [Arc<Site>],
    pub(crate) admitted: &'a Admitted,
    pub(crate) options: &'a CopyOptions,
}

impl<'a> Watch<'a> {
    pub(crate) fn over(
        lanes: &[Lane],
        size: u64,
        ends: &Arc<Ends>,
        sites: &'a [Arc<Site>],
        admitted: &'a Admitted,
        options: &'a CopyOptions,
    ) -> Self {
        let destinations = lanes.iter().map(Lane::destination).collect();
        let (ends, small) = (Arc::clone(ends), size <= options.first_part());
        Self { ends, destinations, small, sites, admitted, options }
    }

    /// Steps aside when one destination has had the object for so long that the others must not be held up any more.
    pub(crate) async fn keep(&self) -> Infallible {
        match (&self.destinations[..], self.sites.len()) {
            // It holds up objects for other destinations, if any.
            ([_], 2..) if self.small => self.ends.begun.notified().await,
            _ => self.ends.landed.notified().await,
        }
        let begun = Instant::now();
        // While bytes wait for the limit on bandwidth, as many pass as may: nothing is held up.
        self.options.bandwidth.sleep(self.options.longest_lag).await;
        for destination in self.destinations.iter().filter(|at| self.small && !self.ends.is_landed(**at)) {
            let Some(site) = self.sites.get(*destination) else { continue };
            site.answers.lags(begun);
        }
        self.admitted.step_aside().await;
        std::future::pending().await
    }
}

/// What comes of each piece of work. Those that take longer than the first one by more than `lag` are dropped.
pub(crate) async fn keeping_up<W: Future>(lag: Duration, work: impl Iterator<Item = W>) -> Vec<Option<W::Output>> {
    let numbered = work.enumerate().map(|(at, work)| async move { (at, work.await) });
    let mut under_way: FuturesUnordered<_> = numbered.collect();
    let mut results: Vec<_> = (0..under_way.len()).map(|_| None).collect();
    let mut end = None;
    loop {
        let next = match end {
            None => under_way.next().await,
            Some(end) => timeout_at(end, under_way.next()).await.unwrap_or(None),
        };
        let Some((at, result)) = next else { return results };
        results[at] = Some(result);
        end.get_or_insert(tokio::time::Instant::now() + lag);
    }
}
