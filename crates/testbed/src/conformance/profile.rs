use std::sync::Arc;

use transship_store::Bucket;

/// What is known of one store on one server.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The suite's name, such as `Ceph RGW`.
    pub name: String,
    /// The cases in which the server behaves differently, all of them.
    pub deviations: &'static [Deviation],
    /// Whether every operation must be offered. Where not, a case that meets `Unsupported` is not counted.
    pub offers_all: bool,
    /// Other ways in.
    pub doors: Doors,
}

/// A case that a server does not pass.
#[derive(Clone, Copy, Debug)]
pub struct Deviation {
    /// The case's name.
    pub case: &'static str,
    /// What the server does instead: a sentence that `docs/stores.md` holds, too.
    pub observed: &'static str,
    /// Whether it is so in every run.
    pub always: bool,
}

impl Deviation {
    /// The server never passes `case`.
    pub const fn always(case: &'static str, observed: &'static str) -> Self {
        Self { case, observed, always: true }
    }

    /// The server passes `case` in some runs.
    pub const fn sometimes(case: &'static str, observed: &'static str) -> Self {
        Self { case, observed, always: false }
    }
}

/// Buckets beside the one under test. Cases that need one that is not there are not chosen.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Another bucket of the same server and credentials.
    pub neighbour: Option<Arc<dyn Bucket>>,
    /// A bucket that does not exist.
    pub missing: Option<Arc<dyn Bucket>>,
    /// The same bucket with a secret key that is wrong.
    pub wrong_secret: Option<Arc<dyn Bucket>>,
    /// A bucket behind a port that nothing listens on.
    pub unreachable: Option<Arc<dyn Bucket>>,
}

/// One of the [`Doors`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    Neighbour,
    Missing,
    WrongSecret,
    Unreachable,
}

impl Profile {
    /// A store that keeps every promise and has no other doors.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), deviations: &[], offers_all: false, doors: Doors::default() }
    }

    pub(super) fn deviation(&self, case: &str) -> Option<&'static Deviation> {
        self.deviations.iter().find(|deviation| deviation.case == case)
    }
}

impl Doors {
    pub(super) fn get(&self, door: Door) -> Option<&Arc<dyn Bucket>> {
        match door {
            Door::Neighbour => &self.neighbour,
            Door::Missing => &self.missing,
            Door::WrongSecret => &self.wrong_secret,
            Door::Unreachable => &self.unreachable,
        }
        .as_ref()
    }

    pub(super) fn open(&self, door: Option<Door>) -> bool {
        door.is_none_or(|door| self.get(door).is_some())
    }
}
