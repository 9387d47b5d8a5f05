use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use transship_store::{Condition, Failures};
use transship_types::ErrorClass;

use super::Flight;
use crate::{Done, Failure, Placed, Target, pass::Landed, read::cancelled, write::Writer};

/// One target on its way to an outcome.
pub(crate) struct Lane {
    pub(super) target: Target,
    pub(super) outcome: Option<Landed>,
    /// How often its bytes were sent.
    pub(super) attempts: u32,
    pub(super) failures: Failures,
    /// How often the server was asked to copy by itself.
    pub(super) asked: u32,
    /// See [`Writer::tags_lost`].
    pub(super) tags_lost: Arc<AtomicBool>,
}

impl Lane {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, outcome: None, attempts: 0, failures: Failures::default(), asked: 0, tags_lost: Arc::default() }
    }

    pub(crate) fn destination(&self) -> usize {
        self.target.destination
    }

    pub(super) fn end(&mut self, outcome: impl Into<Landed>) {
        self.outcome = Some(outcome.into());
    }

    pub(crate) fn placed(self, flight: &Flight<'_>, started: Instant) -> Placed {
        let writer = flight.writer_to(&self, Condition::Always);
        let Landed { result, at } = self.outcome.unwrap_or_else(|| Err(cancelled()).into());
        let not_kept = match (&result, &flight.info, writer) {
            (Ok(Done::Copied { .. }), Some(info), Some(writer)) => writer.not_kept(info),
            _ => Vec::new(),
        };
        let result = result.map_err(|error| match error.class() {
            ErrorClass::Cancelled => Failure::Cancelled,
            _ => Failure::Error(error.into()),
        });
        Placed { target: self.target, result, attempts: self.attempts + self.asked, duration: at - started, not_kept }
    }
}

/// A lane that is to be written, and by whom.
pub(super) type Ready<'l> = (&'l mut Lane, Writer);

/// What is to become of a target.
pub(super) enum Verdict {
    /// It is written.
    Write(Writer),
    /// What is there is newer: of this time.
    Keep(time::OffsetDateTime),
}
