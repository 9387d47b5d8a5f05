use std::fmt;

use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};

use crate::{Error, Result};

/// Bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// What to upload: always of a known length.
pub struct Body {
    length: u64,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Bytes(Vec<Bytes>),
    Stream(ByteStream),
}

impl Body {
    /// A body that is in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::chunks(vec![bytes.into()])
    }

    /// A body that is in memory, in pieces.
    pub fn chunks(chunks: Vec<Bytes>) -> Self {
        Self { length: chunks.iter().map(|c| c.len() as u64).sum(), content: Content::Bytes(chunks) }
    }

    /// A body that arrives. An error in the stream, or an end before `length`, fails the upload.
    pub fn stream(length: u64, stream: ByteStream) -> Self {
        Self { length, content: Content::Stream(stream) }
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.content, Content::Bytes(_))
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> ByteStream {
        match self.content {
            Content::Bytes(chunks) => stream::iter(chunks.into_iter().map(Ok)).boxed(),
            Content::Stream(stream) => stream,
        }
    }

    /// The bytes in memory, for stores that cannot stream.
    ///
    /// # Errors
    /// The stream's own, or `Truncated` where it does not hold `len()` bytes.
    pub async fn gather(self) -> Result<Vec<Bytes>> {
        let expected = self.length;
        let mut stream = match self.content {
            Content::Bytes(chunks) => return Ok(chunks),
            Content::Stream(stream) => stream,
        };
        let (mut chunks, mut got) = (Vec::new(), 0);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            got += chunk.len() as u64;
            chunks.push(chunk);
        }
        if got == expected { Ok(chunks) } else { Err(Error::truncated(expected, got)) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.length)
    }
}
