//! From an error of `object_store` to an [`Error`]: one line, classified, without addresses or secrets.

use std::{error::Error as StdError, io};

use http::HeaderMap;
use object_store::{
    client::{HttpError, HttpErrorKind},
    path::Error as PathError,
};
use transship_types::ErrorClass;

use super::{listed_names::UnnameableObject, refusal::Refusal};
use crate::{Error, ErrorKind, proxy::ProxyError, silence::Silence};

/// Says what `error` means. Its source is not kept: addresses with signatures in them may be in there.
pub(super) fn explain(error: &object_store::Error) -> Error {
    if let Some(refusal) = find::<Refusal>(error) {
        return refusal.to_error();
    }
    if let Some(proxy) = find::<ProxyError>(error) {
        return proxy.to_error();
    }
    if let Some(name) = find::<UnnameableObject>(error) {
        return Error::new(ErrorKind::UnrepresentableKey, name.to_string());
    }
    if let Some(http) = find::<HttpError>(error) {
        return unanswered(http);
    }
    by_variant(error)
}

fn by_variant(error: &object_store::Error) -> Error {
    use object_store::Error as Theirs;
    let (kind, detail) = match error {
        Theirs::NotFound { .. } => (ErrorKind::NotFound, "there is no such object".into()),
        Theirs::AlreadyExists { .. } => (ErrorKind::PreconditionFailed, "there is an object already".into()),
        Theirs::Precondition { .. } | Theirs::NotModified { .. } => {
            (ErrorKind::PreconditionFailed, "the object is not what was expected".into())
        }
        Theirs::PermissionDenied { .. } => (ErrorKind::AccessDenied, "access denied".into()),
        Theirs::Unauthenticated { .. } => (ErrorKind::Credentials, "the server does not accept the credentials".into()),
        Theirs::NotImplemented { operation, .. } => (ErrorKind::Unsupported, format!("this store has no {operation}")),
        Theirs::NotSupported { source } => (ErrorKind::Unsupported, format!("this store cannot do it: {source}")),
        Theirs::InvalidPath { source } => (ErrorKind::UnrepresentableKey, unnameable(source)),
        Theirs::UnknownConfigurationKey { key, .. } => (ErrorKind::Configuration, format!("unknown setting {key:?}")),
        other => return generic(other),
    };
    Error::new(kind, one_line(&detail))
}

fn unnameable(error: &PathError) -> String {
    match error {
        PathError::NonUnicode { path, .. } => format!("the name {path:?} is not UTF-8"),
        PathError::EmptySegment { path } | PathError::BadSegment { path, .. } => {
            format!("the name {path:?} cannot be carried")
        }
        other => other.to_string(),
    }
}

/// What is left: a file that cannot be used, or a server's answer as text, where an embedder's store speaks HTTP in
/// its own way.
fn generic(error: &object_store::Error) -> Error {
    let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    if let Some(io) = find::<io::Error>(error) {
        // What was done to which file is told by whoever asked; theirs would differ from file to file.
        return Error::new(kind_of_io(io.kind()), one_line(&io.to_string())).with_class(class_of_io(io.kind()));
    }
    if let Some((status, body)) = status_in(&said) {
        return Refusal::new(status, &HeaderMap::new(), body.as_bytes()).to_error();
    }
    // Files and memory speak for themselves (a range beyond the end); others tell of a reply that makes no sense.
    let ours = matches!(error, object_store::Error::Generic { store: "LocalFileSystem" | "InMemory", .. });
    Error::new(if ours { ErrorKind::InvalidRequest } else { ErrorKind::InvalidReply }, one_line(&said))
}

/// `Server returned non-2xx status code: 503 Service Unavailable: <body>` or `... (code: 403)`.
fn status_in(said: &str) -> Option<(u16, &str)> {
    let (_, rest) = said.split_once("status code: ").or_else(|| said.rsplit_once("(code: "))?;
    let status = rest.get(..3)?.parse().ok().filter(|s| (100..600).contains(s))?;
    Some((status, rest.split_once(": ").map_or("", |(_, body)| body)))
}

/// A request without a reply, or with half of one.
fn unanswered(error: &HttpError) -> Error {
    if let Some(silence) = find::<Silence>(error) {
        return Error::new(ErrorKind::Timeout, silence.to_string());
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        let detail = format!("TLS failed: {}", one_line(&tls.to_string()));
        return Error::new(ErrorKind::Connection, detail).with_class(ErrorClass::Permanent);
    }
    let innermost = one_line(&innermost(error));
    match error.kind() {
        HttpErrorKind::Timeout => Error::new(ErrorKind::Timeout, format!("no answer in time: {innermost}")),
        HttpErrorKind::Connect => Error::new(ErrorKind::Connection, format!("cannot connect: {innermost}")),
        HttpErrorKind::Decode => Error::new(ErrorKind::InvalidReply, format!("the reply makes no sense: {innermost}")),
        _ => Error::new(ErrorKind::Connection, format!("the connection broke: {innermost}")),
    }
}

/// A file system's error, in the words of a store.
pub(super) fn io_error(what: &str, error: &io::Error) -> Error {
    Error::new(kind_of_io(error.kind()), format!("{what}: {error}")).with_class(class_of_io(error.kind()))
}

fn kind_of_io(kind: io::ErrorKind) -> ErrorKind {
    match kind {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::AccessDenied,
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
            ErrorKind::UnrepresentableKey
        }
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Io,
    }
}

fn class_of_io(kind: io::ErrorKind) -> ErrorClass {
    match kind {
        io::ErrorKind::TimedOut
        | io::ErrorKind::Interrupted
        | io::ErrorKind::StaleNetworkFileHandle
        | io::ErrorKind::ResourceBusy => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An io::Error hides the error that it wraps from `source`.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| inner.downcast_ref::<T>()) {
            return Some(found);
        }
        current = error.source();
    }
    None
}

fn innermost(error: &dyn StdError) -> String {
    let (mut text, mut current) = (error.to_string(), error.source());
    while let Some(error) = current {
        text = error.to_string();
        current = error.source();
    }
    text
}

/// One line of a log, without what follows the `?` of an address: signatures travel there.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = clean.split(' ').map(|word| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => format!("{address}?***"),
        _ if word.contains("sig=") || word.starts_with("Bearer") => "***".to_owned(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ").chars().take(400).collect::<String>().trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(source: impl StdError + Send + Sync + 'static) -> Error {
        explain(&object_store::Error::Generic { store: "X", source: Box::new(source) })
    }

    #[test]
    fn a_refusal_survives_its_way_through_the_library() {
        let refusal = Refusal::new(429, &HeaderMap::new(), b"<Code>SlowDown</Code>");
        let error = from(HttpError::new(HttpErrorKind::Unknown, refusal));
        assert_eq!((error.kind(), error.status(), error.code()), (ErrorKind::Throttled, Some(429), Some("SlowDown")));
        assert_eq!(error.class(), ErrorClass::Transient);
    }

    #[test]
    fn files_keep_their_names_and_lose_the_stack() {
        let error = from(io::Error::new(io::ErrorKind::PermissionDenied, "Unable to walk dir: /data/secret: denied"));
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        assert_eq!(error.class(), ErrorClass::Permanent);
        assert!(error.to_string().contains("/data/secret"), "{error}");
    }

    #[test]
    fn a_status_in_plain_text_is_understood() {
        let text = "Error performing GET http://x/y?sig=CANARY in 1ms - Server returned non-2xx status code: 503 \
                    Service Unavailable: <Error><Code>ServerBusy</Code></Error>";
        let error = from(io_like(text));
        assert_eq!((error.kind(), error.status()), (ErrorKind::Throttled, Some(503)));
        let error = from(io_like("Bulk delete request failed for key a: Forbidden (code: 403)"));
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
    }

    #[test]
    fn signatures_do_not_come_through() {
        let error = from(io_like("error sending request for url (https://x/y?sv=1&sig=CANARY) Bearer"));
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }

    fn io_like(text: &str) -> PlainText {
        PlainText(text.to_owned())
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct PlainText(String);
}
