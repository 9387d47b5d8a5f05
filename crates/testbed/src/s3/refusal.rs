//! Error documents written by ourselves, where `s3s` has no word for what AWS says.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// An S3 error reply.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
    elements: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { status, code, message, elements: Vec::new(), headers: Vec::new() }
    }

    /// Adds an element to the error document.
    pub(crate) fn element(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.elements.push((name, value.into()));
        self
    }

    /// Adds a header to the reply.
    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn into_response(self) -> Response<s3s::Body> {
        let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        let fixed = [("Code", self.code), ("Message", self.message)];
        for (name, value) in fixed.into_iter().chain(self.elements) {
            let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            document.push_str(&format!("<{name}>{value}</{name}>"));
        }
        document.push_str("</Error>");
        let mut response = Response::new(s3s::Body::from(document));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl From<s3s::S3Error> for Refusal {
    fn from(error: s3s::S3Error) -> Self {
        let status = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, error.code().as_str(), error.message().unwrap_or_default())
    }
}
