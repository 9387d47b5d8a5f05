//! The layer between hyper and `s3s`: logs every request, makes faults happen, refuses what `s3s` cannot judge.

use super::admission::{WrongRegion, check_clock, check_delete_body, check_region};
use super::bodies::{ReplyBody, RequestBody};
use super::documents::{is_document, with_control_characters_escaped, with_etag};
use super::effect::Effect;
use super::fault::Faults;
use super::log::{Entry, RequestLog};
use super::operation::{Operation, Subject};
use super::refusal::Refusal;
use super::store::Store;
use super::wire::Ending;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::service::S3Service;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request's body is read and thrown away up to this size, so that a client that writes before it reads sees the
/// error and not a closed connection.
const DRAIN_UP_TO: usize = 64 << 20;

/// Everything that a request passes on its way to the operations.
pub(crate) struct Front {
    pub(crate) service: S3Service,
    pub(crate) store: Arc<Store>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) log: Arc<RequestLog>,
    pub(crate) region: String,
    pub(crate) wrong_region: WrongRegion,
    pub(crate) base_domain: Option<String>,
}

/// The connection ends without a reply. Returned to hyper, which then closes it.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was dropped by a fault of the testbed")
    }
}

impl std::error::Error for Dropped {}

type Reply = Response<s3s::Body>;

impl Front {
    pub(crate) async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        ending: Arc<Ending>,
    ) -> Result<Response<ReplyBody>, Dropped> {
        let in_flight = self.log.enter();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let subject = Subject::of(&method, &uri, request.headers(), self.base_domain.as_deref());
        let entry = self.log.arrived(&method, &target(&uri), &subject, request.headers());
        if !self.faults.survives() {
            ending.reset();
            return Err(Dropped);
        }
        let effects = self.faults.effects(&method, &subject);
        let mut reply = self.reply(request, &subject, &entry, &effects, &ending).await?;
        if effects.iter().any(|effect| matches!(effect, Effect::LoseReply)) {
            return Err(Dropped);
        }
        self.sign_off(&mut reply, &entry);
        if is_document(&reply) {
            reply = reply.map(with_control_characters_escaped);
        }
        if let Some(etag) = effects.iter().find_map(wrong_etag) {
            reply = with_etag(reply, etag).await;
        }
        entry.answered(reply.status().as_u16());
        let reply =
            reply.map(|body| ReplyBody::new(body, entry, self.faults.clone(), ending.clone(), in_flight, &effects));
        if reply.body().is_cut_before_its_body() {
            ending.reset();
            return Err(Dropped);
        }
        Ok(reply)
    }

    async fn reply(
        &self,
        request: Request<Incoming>,
        subject: &Subject,
        entry: &Arc<Entry>,
        effects: &[Effect],
        ending: &Ending,
    ) -> Result<Reply, Dropped> {
        let broken = Arc::new(AtomicBool::new(false));
        let (parts, body) = request.into_parts();
        let body = RequestBody::new(body, entry.clone(), effects, broken.clone());
        let mut request = Request::from_parts(parts, body);
        for effect in effects {
            match effect {
                Effect::Delay(delay) => tokio::time::sleep(*delay).await,
                Effect::Before(action) => action(&self.store),
                Effect::Answer { .. } | Effect::ErrorInOk { .. } => {
                    drain(request).await;
                    return Ok(fault_answer(effect, subject));
                }
                Effect::Page(fault) => {
                    request.extensions_mut().insert(*fault);
                }
                _ => {}
            }
        }
        let reply = match self.admit(subject, request.uri(), request.headers()) {
            Ok(()) => self.serve(request, subject).await,
            Err(refusal) => {
                drain(request).await;
                Ok(refusal.into_response())
            }
        };
        if broken.load(Ordering::SeqCst) {
            ending.reset();
            return Err(Dropped);
        }
        reply
    }

    fn admit(&self, subject: &Subject, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        check_clock(headers, self.store.now())?;
        check_region(self.wrong_region, &self.region, subject.bucket.as_deref(), uri, headers)
    }

    async fn serve(&self, request: Request<RequestBody>, subject: &Subject) -> Result<Reply, Dropped> {
        let (parts, body) = request.into_parts();
        let body = if subject.operation == Operation::DeleteObjects {
            let bytes = body.collect().await.map_err(|_| Dropped)?.to_bytes();
            if let Err(refusal) = check_delete_body(&parts.headers, &bytes) {
                return Ok(refusal.into_response());
            }
            s3s::Body::from(bytes)
        } else {
            s3s::Body::http_body(body)
        };
        self.service.call(Request::from_parts(parts, body)).await.map_err(|_| Dropped)
    }

    fn sign_off(&self, reply: &mut Reply, entry: &Entry) {
        // `s3s` sees to this for GetObject, not for HeadObject.
        if reply.status() == StatusCode::OK && reply.headers().contains_key(header::CONTENT_RANGE) {
            *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        let headers = reply.headers_mut();
        if let Ok(id) = HeaderValue::try_from(format!("{:016X}", entry.sequence())) {
            headers.insert("x-amz-request-id", id);
        }
        // hyper dates the reply itself, but knows nothing of a clock that has been set.
        let format = time::macros::format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        if let Some(date) = self.store.shifted_now().and_then(|now| now.format(format).ok())
            && let Ok(date) = HeaderValue::try_from(date)
        {
            headers.insert(header::DATE, date);
        }
    }
}

/// The request target as it was sent. `http::Uri` keeps the bytes; only an absolute form has more than path and query.
fn target(uri: &Uri) -> String {
    match uri.path_and_query() {
        Some(target) if uri.scheme().is_none() => target.as_str().to_owned(),
        _ => uri.to_string(),
    }
}

async fn drain(request: Request<RequestBody>) {
    // A client that waits for `100 Continue` has not sent its body, and need not.
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let _ = http_body_util::Limited::new(request.into_body(), DRAIN_UP_TO).collect().await;
}

fn fault_answer(effect: &Effect, subject: &Subject) -> Reply {
    match effect {
        Effect::Answer { status, code, retry_after } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let refusal = Refusal::new(status, code, "Answered by a fault of the testbed.");
            let refusal = refusal.element("Resource", subject.key.clone().unwrap_or_default());
            match retry_after {
                Some(wait) => refusal.header(header::RETRY_AFTER, wait.as_secs().to_string()).into_response(),
                None => refusal.into_response(),
            }
        }
        Effect::ErrorInOk { code } => {
            Refusal::new(StatusCode::OK, code, "Answered by a fault of the testbed.").into_response()
        }
        _ => Response::new(s3s::Body::empty()),
    }
}

fn wrong_etag(effect: &Effect) -> Option<&str> {
    match effect {
        Effect::WrongEtag(etag) => Some(etag),
        _ => None,
    }
}
