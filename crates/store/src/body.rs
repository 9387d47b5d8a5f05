use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};

use crate::{Error, Result};

/// Bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Makes a stream wait, and changes nothing else of it.
pub type Pace = Arc<dyn Fn(ByteStream) -> ByteStream + Send + Sync>;

/// What to upload: always of a known length.
pub struct Body {
    length: u64,
    pub(crate) content: Content,
    pace: Option<Pace>,
    pub(crate) sent: Option<Arc<AtomicU64>>,
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
        Self {
            length: chunks.iter().map(|c| c.len() as u64).sum(),
            content: Content::Bytes(chunks),
            pace: None,
            sent: None,
        }
    }

    /// A body that arrives. An error in the stream, or an end before `length`, fails the upload.
    pub fn stream(length: u64, stream: ByteStream) -> Self {
        Self { length, content: Content::Stream(stream), pace: None, sent: None }
    }

    /// Its bytes leave at this pace, also where they are in memory. A store that cannot stream waits for all of them
    /// first.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// Adds its bytes to a counter as they go out to a server, also where they are sent again. Of parts for stores other
    /// than S3, and of files, nothing is counted.
    #[must_use]
    pub fn counted(self, sent: Arc<AtomicU64>) -> Self {
        Self { sent: Some(sent), ..self }
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

    /// Whether nothing has to be waited for before it can leave.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.is_in_memory() && self.pace.is_none()
    }

    /// What is sent: a stream where it has to wait.
    pub(crate) fn into_content(self) -> Content {
        if self.pace.is_some() { Content::Stream(self.into_stream()) } else { self.content }
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> ByteStream {
        let stream = match self.content {
            Content::Bytes(chunks) => stream::iter(chunks.into_iter().map(Ok)).boxed(),
            Content::Stream(stream) => stream,
        };
        match self.pace {
            // In smaller pieces nobody would see that the last one is too long.
            Some(pace) => pace(no_longer_than(self.length, stream)),
            None => stream,
        }
    }

    /// The bytes in memory, for stores that cannot stream.
    ///
    /// # Errors
    /// The stream's own, or `Truncated` where it does not hold `len()` bytes.
    pub async fn gather(self) -> Result<Vec<Bytes>> {
        let length = self.length;
        match self.into_content() {
            Content::Bytes(chunks) => Ok(chunks),
            Content::Stream(stream) => gathered(stream, length).await,
        }
    }

    /// The bytes in memory, to be looked at before they leave, and the same body.
    pub(crate) async fn look_into(self) -> Result<(Vec<Bytes>, Self)> {
        let Self { length, content, pace, sent } = self;
        let chunks = Self { length, content, pace: None, sent: None }.gather().await?;
        Ok((chunks.clone(), Self { length, content: Content::Bytes(chunks), pace, sent }))
    }
}

fn no_longer_than(length: u64, stream: ByteStream) -> ByteStream {
    let mut got = 0;
    let mut check = move |chunk: Bytes| {
        got += chunk.len() as u64;
        if got > length { Err(Error::truncated(length, got)) } else { Ok(chunk) }
    };
    stream.map(move |chunk| chunk.and_then(&mut check)).boxed()
}

async fn gathered(mut stream: ByteStream, expected: u64) -> Result<Vec<Bytes>> {
    let (mut chunks, mut got) = (Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        got += chunk.len() as u64;
        chunks.push(chunk);
    }
    if got == expected { Ok(chunks) } else { Err(Error::truncated(expected, got)) }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.length)
    }
}
