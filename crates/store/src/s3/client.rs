//! Signs a request, sends it, and tells what came of it.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Method, header};
use hyper::body::Incoming;
use time::OffsetDateTime;
use transship_types::{ErrorClass, Key};

use super::{
    connect::{self, Pool},
    credentials::{Credentials, Keys},
    encode,
    endpoint::Endpoint,
    failure::{self, Refusal},
    headers,
    sign::{EMPTY_SHA256, Signer, Target, UNSIGNED},
    transmit::{ReplyBody, RequestBody},
    xml,
};
use crate::{Body, Error, ErrorKind, PayloadSigning, RequestCounts, Result, S3Spec, capabilities::Tally};

/// More than any listing page, error or tag set needs.
const DOCUMENT_LIMIT: usize = 32 << 20;

/// A difference between clocks that servers accept; AWS allows 15 minutes.
const TOLERATED_SKEW: i64 = 60;

pub(super) struct Client {
    pool: Pool,
    endpoint: Endpoint,
    bucket: String,
    location: String,
    credentials: Credentials,
    signer: Signer,
    /// The region to sign for, and whether the user gave it.
    region: RwLock<String>,
    region_given: bool,
    /// The server's clock minus this machine's, in seconds.
    clock: AtomicI64,
    signing: PayloadSigning,
    silence: Duration,
    tally: Tally,
}

/// One request, before it is signed.
pub(super) struct Request<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) key: Option<&'a Key>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl<'a> Request<'a> {
    pub(super) fn new(operation: &'static str, method: Method, key: Option<&'a Key>) -> Self {
        let (query, headers) = (Vec::new(), HeaderMap::new());
        Self { operation, method, key, query, headers, body: Body::chunks(Vec::new()) }
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
}

/// A success, its body still to be read.
pub(super) struct Reply {
    pub(super) headers: HeaderMap,
    body: Incoming,
    silence: Duration,
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

    /// The whole body, for documents.
    pub(super) async fn document(self) -> Result<(HeaderMap, Bytes)> {
        let headers = self.headers.clone();
        let mut stream = self.stream();
        let mut first = match stream.next().await {
            None => return Ok((headers, Bytes::new())),
            Some(chunk) => BytesMut::from(chunk?),
        };
        while let Some(chunk) = stream.next().await {
            first.extend_from_slice(&chunk?);
            if first.len() > DOCUMENT_LIMIT {
                return Err(Error::new(ErrorKind::InvalidReply, "the reply is too long to be a document"));
            }
        }
        Ok((headers, first.freeze()))
    }
}

impl Client {
    pub(super) fn new(spec: &S3Spec) -> Result<Self> {
        let credentials = Credentials::new(&spec.credentials, spec)?;
        let endpoint =
            Endpoint::new(&spec.bucket, spec.endpoint.as_deref().or(credentials.endpoint()), spec.addressing)?;
        let location = format!("s3://{} at {}", spec.bucket, endpoint.describe());
        let region = spec.region.clone().or_else(|| credentials.region().map(Into::into));
        let region_given = spec.region.is_some();
        Ok(Self {
            pool: connect::pool(spec)?,
            endpoint,
            bucket: spec.bucket.clone(),
            location,
            credentials,
            signer: Signer::default(),
            region: RwLock::new(region.unwrap_or_else(|| "us-east-1".to_owned())),
            region_given,
            clock: AtomicI64::new(0),
            signing: spec.payload_signing,
            silence: spec.read_timeout,
            tally: Tally::default(),
        })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(super) fn location(&self) -> &str {
        &self.location
    }

    pub(super) fn requests(&self) -> RequestCounts {
        self.tally.counts()
    }

    /// Endpoint and credentials: where they agree, one bucket can be copied to another on the server.
    pub(super) fn realm(&self) -> String {
        format!("{} {}", self.endpoint.describe(), self.credentials.identity())
    }

    /// Sends one request. Anything but a 2xx is an error.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Reply> {
        let (operation, key) = (request.operation, request.key);
        self.attempt(request).await.map_err(|e| e.during(operation, &self.location, key))
    }

    /// Sends one request whose reply is a document.
    pub(super) async fn document(&self, request: Request<'_>) -> Result<(HeaderMap, Bytes)> {
        let (operation, key) = (request.operation, request.key);
        let read = async { self.attempt(request).await?.document().await };
        read.await.map_err(|e| e.during(operation, &self.location, key))
    }

    /// As [`Client::document`], for the operations that many servers answer with an error inside a 200.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
    pub(super) async fn document_or_error(&self, request: Request<'_>) -> Result<(HeaderMap, Bytes)> {
        let (operation, key) = (request.operation, request.key);
        let (headers, body) = self.document(request).await?;
        let Some(error) = xml::error_body(&body) else { return Ok((headers, body)) };
        let status = http::StatusCode::OK;
        let refusal = Refusal { status, headers, body: Some(error), about_key: true };
        let known = refusal.kind() != ErrorKind::InvalidRequest;
        let error = refusal.into_error();
        let error = if known { error } else { error.with_class(ErrorClass::Permanent) };
        Err(error.during(operation, &self.location, key))
    }

    async fn attempt(&self, request: Request<'_>) -> Result<Reply> {
        let keys = self.credentials.keys().await?;
        let about_key = request.key.is_some();
        let method = request.method.clone();
        let body = self.body_to_sign(request.body).await?;
        let http = self.signed(keys.as_deref(), &request.method, request.key, &request.query, request.headers, body)?;
        self.tally.count(&method);
        let response = self.exchange(http).await?;
        let status = response.status();
        let (parts, body) = response.into_parts();
        let reply = Reply { headers: parts.headers, body, silence: self.silence };
        if status.is_success() {
            return Ok(reply);
        }
        let headers = reply.headers.clone();
        let document = if method == Method::HEAD { None } else { reply.document().await.ok() };
        let body = document.and_then(|(_, body)| xml::error_body(&body));
        Err(self.refused(Refusal { status, headers, body, about_key }, keys.as_deref()).await)
    }

    /// The body, and the hash to sign for it.
    async fn body_to_sign(&self, body: Body) -> Result<(Body, std::borrow::Cow<'static, str>)> {
        if body.is_empty() {
            return Ok((body, EMPTY_SHA256.into()));
        }
        if self.signing == PayloadSigning::Auto {
            return Ok((body, UNSIGNED.into()));
        }
        let chunks = body.gather().await?;
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        chunks.iter().for_each(|c| context.update(c));
        Ok((Body::chunks(chunks), hex::encode(context.finish()).into()))
    }

    fn signed(
        &self,
        keys: Option<&Keys>,
        method: &Method,
        key: Option<&Key>,
        query: &[(&'static str, String)],
        mut headers: HeaderMap,
        (body, payload_sha256): (Body, std::borrow::Cow<'static, str>),
    ) -> Result<http::Request<RequestBody>> {
        let region = self.region();
        let host = self.endpoint.host(&self.bucket, &region);
        let path = self.endpoint.path(&self.bucket, &key.map(|k| encode::path(k.as_str())).unwrap_or_default());
        let query: Vec<_> = query.iter().map(|(n, v)| (encode::query(n), encode::query(v))).collect();
        headers.insert(header::HOST, headers::value("the host", &host)?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("transship/", env!("CARGO_PKG_VERSION"))));
        if let Some(keys) = keys {
            let now = OffsetDateTime::now_utc() + time::Duration::seconds(self.clock.load(Ordering::Relaxed));
            let target =
                Target { method: method.as_str(), path: &path, query: &query, payload_sha256: &payload_sha256 };
            self.signer.sign(keys, &region, now, &target, &mut headers);
        }
        if !body.is_empty() || matches!(*method, Method::PUT | Method::POST) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let mut uri = format!("{}://{host}{path}", self.endpoint.scheme());
        for (n, (name, value)) in query.iter().enumerate() {
            uri.push(if n == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.push_str(value);
        }
        let mut http = http::Request::builder()
            .method(method)
            .uri(uri)
            .body(RequestBody::new(body))
            .map_err(|e| Error::new(ErrorKind::InvalidRequest, format!("the request cannot be built: {e}")))?;
        *http.headers_mut() = headers;
        Ok(http)
    }

    /// Waits for the reply's head: as long as bytes move, then for one limit of silence.
    async fn exchange(&self, request: http::Request<RequestBody>) -> Result<http::Response<Incoming>> {
        let (moved, failure) = (request.body().moved(), request.body().failure());
        let mut exchange = std::pin::pin!(self.pool.request(request));
        let mut seen = 0;
        loop {
            match tokio::time::timeout(self.silence, exchange.as_mut()).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => {
                    let own = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Err(own.unwrap_or_else(|| failure::no_reply(&error)));
                }
                Err(_) => {
                    let now = moved.load(Ordering::Relaxed);
                    if now == seen {
                        let seconds = self.silence.as_secs_f32();
                        return Err(Error::new(ErrorKind::Timeout, format!("no answer for {seconds} s")));
                    }
                    seen = now;
                }
            }
        }
    }

    /// What can be learned from a refusal is learned; the error is then worth another try.
    async fn refused(&self, refusal: Refusal, keys: Option<&Keys>) -> Error {
        let learned = match (refusal.kind(), keys) {
            (ErrorKind::WrongRegion, _) => self.learn_region(&refusal),
            (ErrorKind::ClockSkew, _) => self.learn_clock(&refusal),
            (ErrorKind::ExpiredToken, Some(keys)) => self.credentials.refresh(keys).await,
            _ => false,
        };
        let region = refusal.region();
        let kind = refusal.kind();
        let error = refusal.into_error();
        match (kind, region) {
            _ if learned => error.with_class(ErrorClass::Transient),
            (ErrorKind::WrongRegion, Some(region)) => Error::new(
                kind,
                format!("the bucket is in region {region}, the request was signed for {}", self.region()),
            )
            .answered(error.status().unwrap_or_default(), error.code()),
            _ => error,
        }
    }

    fn region(&self) -> String {
        self.region.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn_region(&self, refusal: &Refusal) -> bool {
        let Some(told) = refusal.region().filter(|told| !self.region_given && *told != self.region()) else {
            return false;
        };
        tracing::debug!(location = %self.location, region = told, "the bucket is in another region");
        *self.region.write().unwrap_or_else(PoisonError::into_inner) = told;
        true
    }

    fn learn_clock(&self, refusal: &Refusal) -> bool {
        let server = refusal.body.as_ref().and_then(|b| b.server_time);
        let dated = || headers::text(&refusal.headers, header::DATE).and_then(|d| headers::http_date(&d));
        let Some(server) = server.or_else(dated) else { return false };
        let offset = (server - OffsetDateTime::now_utc()).whole_seconds();
        let before = self.clock.swap(offset, Ordering::Relaxed);
        let learned = (offset - before).abs() > TOLERATED_SKEW;
        if learned {
            tracing::warn!(location = %self.location, seconds = offset, "this machine's clock is wrong: signing with the server's");
        }
        learned
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("location", &self.location).finish_non_exhaustive()
    }
}
