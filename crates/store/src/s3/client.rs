//! Signs a request, sends it, and tells what came of it.

use std::{
    borrow::Cow,
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use hyper::body::Incoming;
use transship_types::{ErrorClass, Key};

use super::{
    connect::{self, Pool},
    credentials::Credentials,
    encode,
    endpoint::Endpoint,
    failure::{self, Refusal},
    headers,
    learned::{Learned, Terms},
    message::{Reply, Request},
    sign::{EMPTY_SHA256, Signer, Target, UNSIGNED},
    transmit::RequestBody,
    xml,
};
use crate::{
    Body, Error, ErrorKind, PayloadSigning, RequestCounts, Result, S3Spec,
    capabilities::Tally,
    proxy::Proxies,
    silence::{Silence, unless_silent},
};

pub(super) struct Client {
    pool: Pool,
    proxies: Proxies,
    endpoint: Endpoint,
    bucket: String,
    location: String,
    realm: String,
    credentials: Credentials,
    signer: Signer,
    learned: Learned,
    signing: PayloadSigning,
    /// Objects are encrypted with KMS here: their ETags prove nothing.
    opaque_etags: AtomicBool,
    silence: Duration,
    tally: Tally,
}

enum Answer {
    Success(Reply),
    Refusal(Refusal),
}

impl Client {
    pub(super) fn new(spec: &S3Spec) -> Result<Self> {
        let credentials = Credentials::new(&spec.credentials, spec)?;
        let endpoint =
            Endpoint::new(&spec.bucket, spec.endpoint.as_deref().or(credentials.endpoint()), spec.addressing)?;
        let location = format!("s3://{} at {}", spec.bucket, endpoint.describe());
        let realm = format!("{} {}", endpoint.describe(), credentials.identity());
        let learned = Learned::new(spec.region.as_deref(), credentials.region());
        let proxies = Proxies::new(&spec.proxy)?;
        Ok(Self {
            pool: connect::pool(spec, &proxies)?,
            proxies,
            endpoint,
            bucket: spec.bucket.clone(),
            location,
            realm,
            credentials,
            signer: Signer::default(),
            learned,
            signing: spec.payload_signing,
            opaque_etags: AtomicBool::new(false),
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
    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// Sends one request. Anything but a 2xx is an error.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Reply> {
        let (operation, key) = (request.operation, request.key);
        self.attempt(request).await.map_err(|e| e.during(operation, &self.location, key))
    }

    /// Sends one request whose reply is a document, and hands it on as it arrives.
    pub(super) async fn each(&self, request: Request<'_>, take: impl FnMut(&[u8]) -> Result<()>) -> Result<HeaderMap> {
        let (operation, key) = (request.operation, request.key);
        let read = async {
            let reply = self.attempt(request).await?;
            let headers = reply.headers.clone();
            reply.each(take).await.map(|()| headers)
        };
        read.await.map_err(|e| e.during(operation, &self.location, key))
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
        let refusal = Refusal { status, headers, body: Some(error), about_key: true, signed_for: String::new() };
        let known = refusal.kind() != ErrorKind::InvalidRequest;
        let error = refusal.into_error();
        let error = if known { error } else { error.with_class(ErrorClass::Permanent) };
        Err(error.during(operation, &self.location, key))
    }

    async fn attempt(&self, request: Request<'_>) -> Result<Reply> {
        let terms = self.learned.terms(self.credentials.keys().await?);
        let (method, key) = (request.method.clone(), request.key);
        let refusal = match self.ask(request, &terms).await? {
            Answer::Success(reply) => return Ok(reply),
            Answer::Refusal(refusal) if method == Method::HEAD => self.in_full(refusal, key, &terms).await,
            Answer::Refusal(refusal) => refusal,
        };
        Err(self.refused(refusal, &terms).await)
    }

    async fn ask(&self, request: Request<'_>, terms: &Terms) -> Result<Answer> {
        let (method, about_key) = (request.method.clone(), request.key.is_some());
        self.look_for_kms(&request.headers);
        let body = self.body_to_sign(request.body, request.is_document).await?;
        let http = self.signed(terms, &method, request.key, &request.query, request.headers, body)?;
        self.tally.count(&method);
        let response = self.exchange(http).await?;
        let status = response.status();
        let (parts, body) = response.into_parts();
        self.look_for_kms(&parts.headers);
        let reply = Reply { headers: parts.headers, body, silence: self.silence };
        if status.is_success() {
            return Ok(Answer::Success(reply));
        }
        let headers = reply.headers.clone();
        let document = if method == Method::HEAD { None } else { reply.document().await.ok() };
        let body = document.and_then(|(_, body)| xml::error_body(&body));
        Ok(Answer::Refusal(Refusal { status, headers, body, about_key, signed_for: terms.region.clone() }))
    }

    /// The reply to a HEAD has no body. Whether 400 or 403 mean an expired token, a wrong clock, wrong keys or none of
    /// these is told by a GET of one byte that is refused alike.
    async fn in_full(&self, refusal: Refusal, key: Option<&Key>, terms: &Terms) -> Refusal {
        let unclear = matches!(refusal.status, http::StatusCode::BAD_REQUEST | http::StatusCode::FORBIDDEN);
        if !unclear || terms.keys.is_none() || refusal.kind() == ErrorKind::WrongRegion {
            return refusal;
        }
        let byte = Request::new("look at", Method::GET, key).header("range", HeaderValue::from_static("bytes=0-0"));
        match self.ask(byte, terms).await {
            Ok(Answer::Refusal(full)) if full.status == refusal.status => full,
            _ => refusal,
        }
    }

    fn look_for_kms(&self, headers: &HeaderMap) {
        if headers::opaque_etag(headers) {
            self.opaque_etags.store(true, Ordering::Relaxed);
        }
    }

    /// The body, and the hash to sign for it.
    async fn body_to_sign(&self, body: Body, is_document: bool) -> Result<(Body, Cow<'static, str>)> {
        if body.is_empty() {
            return Ok((body, EMPTY_SHA256.into()));
        }
        let unproven = is_document || self.opaque_etags.load(Ordering::Relaxed);
        let signed = match self.signing {
            PayloadSigning::Always => true,
            PayloadSigning::Auto => self.endpoint.scheme() == "http" && unproven && body.is_in_memory(),
        };
        if !signed {
            return Ok((body, UNSIGNED.into()));
        }
        let (chunks, body) = body.look_into().await?;
        let hash = move || {
            let mut context = ring::digest::Context::new(&ring::digest::SHA256);
            chunks.iter().for_each(|c| context.update(c));
            hex::encode(context.finish())
        };
        let hash = tokio::task::spawn_blocking(hash)
            .await
            .map_err(|e| Error::new(ErrorKind::Io, "hashing was interrupted").caused_by(e))?;
        Ok((body, hash.into()))
    }

    fn signed(
        &self,
        terms: &Terms,
        method: &Method,
        key: Option<&Key>,
        query: &[(&'static str, String)],
        mut headers: HeaderMap,
        (body, payload_sha256): (Body, Cow<'static, str>),
    ) -> Result<http::Request<RequestBody>> {
        let host = self.endpoint.host(&self.bucket, &terms.region);
        let path = self.endpoint.path(&self.bucket, &key.map(|k| encode::path(k.as_str())).unwrap_or_default());
        let query: Vec<_> = query.iter().map(|(n, v)| (encode::query(n), encode::query(v))).collect();
        headers.insert(header::HOST, headers::value("the host", &host)?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("transship/", env!("CARGO_PKG_VERSION"))));
        if let Some(keys) = &terms.keys {
            let target =
                Target { method: method.as_str(), path: &path, query: &query, payload_sha256: &payload_sha256 };
            self.signer.sign(keys, &terms.region, terms.time(), &target, &mut headers);
        }
        if !body.is_empty() || matches!(*method, Method::PUT | Method::POST) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let mut uri = [self.endpoint.scheme(), "://", &host, &path].concat();
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
    async fn exchange(&self, mut request: http::Request<RequestBody>) -> Result<http::Response<Incoming>> {
        let uri = request.uri().clone();
        self.proxies.log_in(&uri, request.headers_mut());
        let (moved, failure) = (request.body().moved(), request.body().failure());
        match unless_silent(&moved, self.silence, self.pool.request(request)).await {
            Ok(Ok(response)) => match self.proxies.refusal(&uri, response.status()) {
                Some(refusal) => Err(refusal.to_error()),
                None => Ok(response),
            },
            Ok(Err(error)) => {
                let own = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(own.unwrap_or_else(|| failure::no_reply(&error)))
            }
            Err(Silence(limit)) => {
                Err(Error::new(ErrorKind::Timeout, format!("no answer for {} s", limit.as_secs_f32())))
            }
        }
    }

    /// What can be learned from a refusal is learned; the error is then worth another try.
    async fn refused(&self, refusal: Refusal, terms: &Terms) -> Error {
        let kind = refusal.kind();
        let learned = match (kind, &terms.keys) {
            (ErrorKind::WrongRegion, _) => self.learned.region_from(&refusal, terms, &self.location),
            (ErrorKind::ClockSkew, _) => self.learned.clock_from(&refusal, terms, &self.location),
            (ErrorKind::ExpiredToken, Some(keys)) => self.credentials.refresh(keys).await,
            _ => false,
        };
        let region = refusal.region();
        let error = refusal.into_error();
        match (kind, region) {
            _ if learned => error.with_class(ErrorClass::Transient),
            (ErrorKind::WrongRegion, Some(region)) => {
                let signed_for = &terms.region;
                Error::new(kind, format!("the bucket is in region {region}, the request was signed for {signed_for}"))
                    .answered(error.status().unwrap_or_default(), error.code())
            }
            _ => error,
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("location", &self.location).finish_non_exhaustive()
    }
}
