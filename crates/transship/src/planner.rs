use std::path::Path;

use futures::{Stream, TryStreamExt};
use transship_spill::Spool;

use crate::{Plan, Result, Route, found::Found, names::Names};

/// Looks at every object before the first is copied: who wins a shared key, and whether two would get one key by
/// mistake. What it remembers goes to disk where it is much.
#[derive(Debug)]
pub(crate) struct Planner {
    found: Spool<Found>,
    names: Names,
}

impl Planner {
    /// Whether a route needs this at all: where every key stays as it is and every destination has a place of its own,
    /// objects can be copied as they are listed.
    pub(crate) fn is_needed(route: &Route) -> bool {
        Names::may_collide(route)
    }

    /// A planner that may use `work_dir`.
    pub(crate) fn new(route: &Route, work_dir: &Path) -> Self {
        Self { found: Spool::new(work_dir), names: Names::new(route, work_dir) }
    }

    /// Takes note of a listing.
    ///
    /// # Errors
    /// The listing's own; `Collision`, naming two objects that would get one key; and `WorkDir`.
    pub(crate) async fn add_all(&mut self, route: &Route, found: impl Stream<Item = Result<Found>>) -> Result<()> {
        let mut found = std::pin::pin!(found);
        while let Some(found) = found.try_next().await? {
            self.add(route, found)?;
        }
        Ok(())
    }

    fn add(&mut self, route: &Route, found: Found) -> Result<()> {
        // What is not there takes no key from anything else.
        if found.failure.is_none() {
            let relative = route.relative(&found.entry.key);
            for (at, leg) in route.legs.iter().enumerate() {
                // A key that does not match fails later, as an outcome.
                let Ok(mapped) = leg.keys.map(relative.as_str()) else { continue };
                self.names.give(&route.legs, at, mapped, &found.entry, &relative)?;
            }
        }
        Ok(self.found.push(found)?)
    }

    /// Tells the plan who wins, and gives the objects again, in the order of the listing.
    ///
    /// # Errors
    /// `WorkDir`.
    pub(crate) fn finish(self, plan: &Plan) -> Result<impl Iterator<Item = Result<Found>> + Send + use<>> {
        let _ = plan.winners.set(self.names.winners()?);
        Ok(self.found.read()?.map(|found| Ok(found?)))
    }
}
