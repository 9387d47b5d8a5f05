//! What is asked, and what comes back.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Method, header};
use hyper::body::Incoming;
use transship_types::Key;

use super::{headers, transmit::ReplyBody};
use crate::{Body, Error, ErrorKind, Result};

/// More than any listing page, error or tag set needs.
const DOCUMENT_LIMIT: usize = 32 << 20;

/// One request, before it is signed.
pub(super) struct Request<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) key: Option<&'a Key>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// Whether the body says what to do, and is no object: no ETag will prove that it arrived as it was sent.
    pub(super) is_document: bool,
}

impl<'a> Request<'a> {
    pub(super) fn new(operation: &'static str, method: Method, key: Option<&'a Key>) -> Self {
        let (query, headers) = (Vec::new(), HeaderMap::new());
        Self { operation, method, key, query, headers, body: Body::chunks(Vec::new()), is_document: false }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    pub(super) fn document(mut self, xml: String) -> Self {
        (self.body, self.is_document) = (Body::bytes(xml), true);
        self.header("content-type", HeaderValue::from_static("application/xml"))
    }
}

/// A success, its body still to be read.
pub(super) struct Reply {
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
    pub(super) silence: Duration,
}

impl Reply {
    /// The announced length of the body.
    pub(super) fn length(&self) -> Option<u64> {
        headers::text(&self.headers, header::CONTENT_LENGTH).and_then(|n| n.parse().ok())
    }

    pub(super) fn stream(self) -> ReplyBody {
        let length = self.length();
        ReplyBody::new(self.body, length, self.silence)
    }

    /// The body of a document, as it arrives.
    pub(super) async fn each(self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (mut stream, mut length) = (self.stream(), 0);
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            length += piece.len();
            if length > DOCUMENT_LIMIT {
                return Err(Error::new(ErrorKind::InvalidReply, "the reply is too long to be a document"));
            }
            take(&piece)?;
        }
        Ok(())
    }

    /// The whole body of a document.
    pub(super) async fn document(self) -> Result<(HeaderMap, Bytes)> {
        let (headers, mut document) = (self.headers.clone(), BytesMut::new());
        self.each(|piece| {
            document.extend_from_slice(piece);
            Ok(())
        })
        .await?;
        Ok((headers, document.freeze()))
    }
}
