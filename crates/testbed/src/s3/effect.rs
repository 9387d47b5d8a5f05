//! What a test can make go wrong with a request.

use super::store::Store;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something that goes wrong with a request.
#[derive(Clone)]
#[non_exhaustive]
pub enum Effect {
    /// Answers an S3 error instead of doing the work.
    Answer {
        /// HTTP status.
        status: u16,
        /// S3 error code, such as `SlowDown`.
        code: String,
        /// `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// Answers 503 `SlowDown` to what exceeds a rate.
    AboveRate {
        /// Requests a second.
        per_second: u32,
        /// How many may come at once.
        burst: u32,
    },
    /// Waits before doing anything else.
    Delay(Duration),
    /// Does the work, then closes the connection without a word.
    LoseReply,
    /// Resets the connection (TCP RST) after so many bytes of the reply's body.
    ResetReply {
        /// Bytes that are sent before.
        after: u64,
    },
    /// Promises the whole reply in `Content-Length`, sends so many bytes of its body and closes in good order.
    TruncateReply {
        /// Bytes that are sent before.
        after: u64,
    },
    /// Sends the reply's body at so many bytes a second, in small pieces.
    DripReply {
        /// Bytes a second, at least 20.
        bytes_per_second: u64,
    },
    /// Flips one bit of the reply's body.
    CorruptReply {
        /// Offset of the byte.
        at: u64,
    },
    /// Resets the connection after so many bytes of the request's body. Nothing is stored.
    ResetRequest {
        /// Bytes that are read before.
        after: u64,
    },
    /// Flips one bit of the request's body before it is digested and stored.
    CorruptRequest {
        /// Offset of the byte.
        at: u64,
    },
    /// Answers 200 with an `<Error>` document, as S3 does where a long operation fails late; does no work.
    ErrorInOk {
        /// S3 error code, such as `InternalError`.
        code: String,
    },
    /// Does the work and reports this ETag, without quotes, in place of the true one.
    WrongEtag(String),
    /// Runs before the request is handled, for example to change an object between a listing and a read.
    Before(Arc<dyn Fn(&Store) + Send + Sync>),
    /// Spoils one page of a listing.
    Page(PageFault),
}

/// How a page of a listing is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageFault {
    /// `start-after` has no effect.
    IgnoreStartAfter,
    /// The continuation token leads to this same page again.
    Repeat,
    /// The continuation token leads to the page after the next.
    Skip,
    /// The entries come in reverse order.
    OutOfOrder,
    /// `IsTruncated` without a token to go on with.
    NoToken,
    /// No entries, and a continuation token that leads to this same page again.
    Stuck,
    /// No entries, and a continuation token to go on with, each time another one.
    Empty,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { status, code, .. } => write!(f, "Answer({status} {code})"),
            Self::AboveRate { per_second, burst } => write!(f, "AboveRate({per_second}/s, {burst} at once)"),
            Self::Delay(delay) => write!(f, "Delay({delay:?})"),
            Self::LoseReply => f.write_str("LoseReply"),
            Self::ResetReply { after } => write!(f, "ResetReply(after {after})"),
            Self::TruncateReply { after } => write!(f, "TruncateReply(after {after})"),
            Self::DripReply { bytes_per_second } => write!(f, "DripReply({bytes_per_second}/s)"),
            Self::CorruptReply { at } => write!(f, "CorruptReply(at {at})"),
            Self::ResetRequest { after } => write!(f, "ResetRequest(after {after})"),
            Self::CorruptRequest { at } => write!(f, "CorruptRequest(at {at})"),
            Self::ErrorInOk { code } => write!(f, "ErrorInOk({code})"),
            Self::WrongEtag(etag) => write!(f, "WrongEtag({etag})"),
            Self::Before(_) => f.write_str("Before(..)"),
            Self::Page(fault) => write!(f, "Page({fault:?})"),
        }
    }
}
