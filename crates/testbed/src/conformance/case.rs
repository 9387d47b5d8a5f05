use futures::future::BoxFuture;
use transship_store::Capabilities;

use super::{profile::Door, scene::Scene};

/// One promise.
pub(super) struct Case {
    /// A sentence.
    pub(super) name: String,
    /// Which stores must keep it.
    pub(super) needs: fn(&Capabilities) -> bool,
    /// The second way in that it needs.
    pub(super) door: Option<Door>,
    /// It writes keys outside its own prefix.
    pub(super) at_root: bool,
    /// Plays it out.
    pub(super) play: Box<dyn Fn(Scene) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>,
}

impl Case {
    pub(super) fn new<F>(name: impl Into<String>, play: impl Fn(Scene) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let play = Box::new(move |scene| -> BoxFuture<'static, anyhow::Result<()>> { Box::pin(play(scene)) });
        Self { name: name.into(), needs: |_| true, door: None, at_root: false, play }
    }

    /// Only stores for which this holds keep the promise.
    pub(super) fn needs(mut self, needs: fn(&Capabilities) -> bool) -> Self {
        self.needs = needs;
        self
    }

    /// Only where the profile has this door.
    pub(super) fn through(mut self, door: Door) -> Self {
        self.door = Some(door);
        self
    }

    /// Only where the whole bucket is the suite's.
    pub(super) fn at_root(mut self) -> Self {
        self.at_root = true;
        self
    }
}

/// A case from a function whose name is the sentence.
macro_rules! case {
    ($name:ident) => {
        super::case::Case::new(stringify!($name).replace('_', " "), $name)
    };
}
pub(super) use case;
