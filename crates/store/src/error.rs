use std::{fmt, time::Duration};

use transship_types::{ErrorClass, Key};

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such object.
    NotFound,
    /// No such bucket, container or directory.
    NoSuchBucket,
    /// No such multipart upload.
    NoSuchUpload,
    /// The credentials are known and may not do this.
    AccessDenied,
    /// The credentials are wrong, or there are none.
    Credentials,
    /// The session token has expired.
    ExpiredToken,
    /// The machine's clock and the server's differ by too much.
    ClockSkew,
    /// The bucket lives in another region than the request was signed for.
    WrongRegion,
    /// A condition of the request does not hold.
    PreconditionFailed,
    /// The store cannot hold an object under this key.
    UnrepresentableKey,
    /// The store cannot do this at all.
    Unsupported,
    /// The server asks to slow down.
    Throttled,
    /// No answer in time.
    Timeout,
    /// No connection: refused, reset, name not found, TLS.
    Connection,
    /// A body that ended too early or too late.
    Truncated,
    /// The server computed another digest than was sent.
    DigestMismatch,
    /// The server failed (5xx).
    Server,
    /// The server's answer makes no sense.
    InvalidReply,
    /// The request is wrong in itself: the store says so, or we know.
    InvalidRequest,
    /// The specification of the bucket is wrong.
    Configuration,
    /// Reading or writing a file failed.
    Io,
}

/// One operation on one store failed.
///
/// Prints as one line: operation, location, key, what happened.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    class: ErrorClass,
    operation: &'static str,
    location: String,
    key: Option<Key>,
    detail: String,
    status: Option<u16>,
    code: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
}

impl Error {
    /// An error of `kind`; `detail` says what happened, on one line and without secrets.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            class: kind.class(),
            operation: "",
            location: String::new(),
            key: None,
            detail: detail.into(),
            status: None,
            code: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// A body of `got` bytes where `expected` were announced.
    pub fn truncated(expected: u64, got: u64) -> Self {
        Self::new(ErrorKind::Truncated, format!("the body has {got} bytes, {expected} were announced"))
    }

    pub(crate) fn unsupported(what: &str) -> Self {
        Self::new(ErrorKind::Unsupported, format!("this store cannot {what}"))
    }

    /// Adds what was being done and where. What an inner layer already said stays.
    #[must_use]
    pub fn during(mut self, operation: &'static str, location: &str, key: Option<&Key>) -> Self {
        if self.0.operation.is_empty() {
            self.0.operation = operation;
            location.clone_into(&mut self.0.location);
            self.0.key = key.cloned();
        }
        self
    }

    #[must_use]
    pub(crate) fn while_probing(mut self) -> Self {
        self.0.operation = "open";
        self
    }

    /// Adds the HTTP status and the store's own error code.
    #[must_use]
    pub fn answered(mut self, status: u16, code: Option<&str>) -> Self {
        self.0.status = Some(status);
        self.0.code = code.map(str::to_owned);
        self
    }

    /// Adds the wait that the server asked for.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Overrides the class that the kind implies.
    #[must_use]
    pub fn with_class(mut self, class: ErrorClass) -> Self {
        self.0.class = class;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether it may be tried again.
    pub fn class(&self) -> ErrorClass {
        self.0.class
    }

    /// Where it happened; empty where that is not known.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The store's own code, such as `NoSuchBucket`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether no other object of this bucket can fare better: the bucket, the credentials or the connection is bad.
    pub fn concerns_bucket(&self) -> bool {
        use ErrorKind::{ClockSkew, Configuration, Connection, Credentials, ExpiredToken, NoSuchBucket, WrongRegion};
        matches!(
            self.kind(),
            NoSuchBucket | Credentials | ExpiredToken | ClockSkew | WrongRegion | Configuration | Connection
        )
    }
}

impl ErrorKind {
    /// Whether a failure of this kind may be tried again.
    pub fn class(self) -> ErrorClass {
        match self {
            Self::PreconditionFailed => ErrorClass::Conflict,
            Self::Throttled
            | Self::Timeout
            | Self::Connection
            | Self::Truncated
            | Self::DigestMismatch
            | Self::Server
            | Self::InvalidReply => ErrorClass::Transient,
            _ => ErrorClass::Permanent,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, location, key, detail, status, code, .. } = &*self.0;
        if !operation.is_empty() {
            write!(f, "{operation} {location}")?;
            if let Some(key) = key {
                write!(f, " {:?}", key.as_str())?;
            }
            f.write_str(": ")?;
        }
        f.write_str(detail)?;
        match (status, code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})"),
            (Some(status), None) => write!(f, " ({status})"),
            (None, Some(code)) => write!(f, " ({code})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|c| c as &(dyn std::error::Error + 'static))
    }
}
