//! A stream, cut into parts.

use bytes::Bytes;
use futures::TryStreamExt;
use transship_store::{ByteStream, Result};

pub(crate) struct Chunks {
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) bytes: u64,
}

/// Cuts a stream into parts.
pub(crate) struct Filler {
    stream: ByteStream,
    /// What was left of a chunk that crossed a border.
    rest: Bytes,
}

impl Filler {
    pub(crate) fn of(stream: ByteStream) -> Self {
        Self { stream, rest: Bytes::new() }
    }

    /// The next `size` bytes, or what there is.
    pub(crate) async fn fill(&mut self, size: u64) -> Result<Chunks> {
        let mut content = Chunks { chunks: Vec::new(), bytes: 0 };
        while content.bytes < size {
            if self.rest.is_empty() {
                let Some(chunk) = self.stream.try_next().await? else { break };
                self.rest = chunk;
            }
            let room = usize::try_from(size - content.bytes).unwrap_or(usize::MAX);
            let chunk = self.rest.split_to(room.min(self.rest.len()));
            content.bytes += chunk.len() as u64;
            content.chunks.push(chunk);
        }
        Ok(content)
    }
}
