//! What a server can copy by itself.

use std::{sync::atomic::AtomicU32, time::Instant};

use futures::future::join_all;

use super::{Flight, Ready};
use crate::{
    on_server::{self, ServerCopy},
    pass::Seen,
    read::insist,
    write::Writer,
};

impl Flight<'_> {
    /// What the server can copy by itself, it does; the others come back.
    pub(super) async fn on_server<'l>(&mut self, ready: Vec<Ready<'l>>) -> Vec<Ready<'l>> {
        let able = |writer: &Writer| on_server::copy_source(&self.source, &self.listed, writer).is_some();
        if !ready.iter().any(|(_, writer)| able(writer)) {
            return ready;
        }
        if self.hint && !self.is_confirmed().await {
            return ready;
        }
        let this = &*self;
        let copies = ready.into_iter().map(|(lane, writer)| async move {
            let Some(from) = on_server::copy_source(&this.source, &this.listed, &writer) else {
                return Some((lane, writer));
            };
            let asked = AtomicU32::new(1);
            let (source, entry) = (&this.source, &this.listed);
            let begun = Instant::now();
            let copied = ServerCopy { source, entry, from: &from, writer: &writer, asked: &asked }.run().await;
            writer.site.answers.note(begun, &copied);
            lane.asked = asked.into_inner();
            match copied {
                Err(error) if on_server::should_stream_instead(&error, &writer.condition) => {
                    tracing::debug!(%error, "the server does not copy this: its bytes are read instead");
                    return Some((lane, writer));
                }
                outcome => lane.end(outcome),
            }
            this.ends.lands(lane.destination());
            None
        });
        join_all(copies).await.into_iter().flatten().collect()
    }

    /// Replaces a hint by what is there. No reading will do so where the server copies by itself.
    async fn is_confirmed(&mut self) -> bool {
        let look = insist(self.retry(), |_| self.source.bucket.head(&self.source.key));
        match self.source.unless_stopped(look).await {
            Ok(info) => {
                let seen = Seen::of(&self.listed, info, false);
                self.saw(seen);
                self.hint = false;
                true
            }
            Err(error) => {
                tracing::debug!(%error, "the source cannot be looked at");
                false
            }
        }
    }
}
