//! A client that writes requests byte by byte: no library between the test and the socket that could repair anything.

#![allow(dead_code, reason = "each test program uses its part")]

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use std::io;
use std::time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use transship_testbed::s3::S3Server;

/// SigV4's unreserved characters stay, everything else is encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request to be signed and sent.
#[derive(Clone)]
pub(crate) struct RawRequest {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) region: String,
    pub(crate) token: Option<String>,
    pub(crate) host: Option<String>,
    /// `x-amz-content-sha256`.
    pub(crate) payload: String,
}

/// What came back, and how the connection ended.
#[derive(Debug)]
pub(crate) struct RawReply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// `None` where the server closed in good order.
    pub(crate) broken: Option<io::ErrorKind>,
}

impl RawReply {
    /// The status; panics where there was no reply.
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no reply: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content of the first such element of an XML document.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        elements(&self.text(), name).into_iter().next()
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap_or_default().trim_matches('"').to_owned()
    }
}

/// The contents of all such elements of an XML document, as they are written.
pub(crate) fn elements(document: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = document.split(&open).skip(1);
    parts.filter_map(|part| part.split_once(&close)).map(|(content, _)| content.to_owned()).collect()
}

pub(crate) fn encode_key(key: &str) -> String {
    key.split('/').map(|part| utf8_percent_encode(part, UNRESERVED).to_string()).collect::<Vec<_>>().join("/")
}

/// A request on an object; `""` as key is the bucket itself.
pub(crate) fn request(server: &S3Server, method: &'static str, bucket: &str, key: &str) -> RawRequest {
    RawRequest {
        method,
        path: format!("/{bucket}/{}", encode_key(key)),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        access_key: server.access_key().to_owned(),
        secret_key: server.secret_key().to_owned(),
        region: server.region().to_owned(),
        token: None,
        host: None,
        payload: "UNSIGNED-PAYLOAD".to_owned(),
    }
}

impl RawRequest {
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn query_string(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let mut pairs: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.sort();
        pairs.join("&")
    }

    /// The target as it goes on the wire.
    pub(crate) fn target(&self) -> String {
        match self.query_string() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    /// Head and body, signed.
    pub(crate) fn to_bytes(&self, server: &S3Server) -> Vec<u8> {
        let now = OffsetDateTime::now_utc();
        let stamp = now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap();
        let host = self.host.clone().unwrap_or_else(|| server.address().to_string());
        let mut signed = vec![
            ("host".to_owned(), host),
            ("x-amz-content-sha256".to_owned(), self.payload.clone()),
            ("x-amz-date".to_owned(), stamp.clone()),
        ];
        signed.extend(self.token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone())));
        signed.extend(self.headers.iter().filter(|(name, _)| name.starts_with("x-amz-")).cloned());
        signed.sort();
        let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical =
            format!("{}\n{}\n{}\n{lines}\n{names}\n{}", self.method, self.path, self.query_string(), self.payload);
        let scope = format!("{}/{}/s3/aws4_request", &stamp[..8], self.region);
        let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hash}");
        let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let seed = format!("AWS4{}", self.secret_key).into_bytes();
        let key = scope.split('/').fold(seed, |key, part| mac(&key, part).as_ref().to_vec());
        let signature = hex::encode(mac(&key, &to_sign));
        let credential = format!("{}/{scope}", self.access_key);

        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target());
        for (name, value) in signed.iter().chain(self.headers.iter().filter(|(name, _)| !name.starts_with("x-amz-"))) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!(
            "authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}\r\n"
        ));
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len()));
        [head.into_bytes(), self.body.clone()].concat()
    }

    /// Sends it on a connection of its own and reads to the end.
    pub(crate) async fn send(&self, server: &S3Server) -> RawReply {
        let mut stream = match TcpStream::connect(server.address()).await {
            Ok(stream) => stream,
            Err(error) => return RawReply { head: String::new(), body: Vec::new(), broken: Some(error.kind()) },
        };
        let written = stream.write_all(&self.to_bytes(server)).await;
        read_reply(&mut stream, self.method, written.err().map(|error| error.kind())).await
    }
}

/// Reads until the connection ends.
pub(crate) async fn read_reply(
    stream: &mut (impl AsyncReadExt + Unpin),
    method: &str,
    mut broken: Option<io::ErrorKind>,
) -> RawReply {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut buffer)).await;
        match read.expect("the server neither answers nor closes") {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) => {
                broken = Some(error.kind());
                break;
            }
        }
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    let body = bytes.split_off(end);
    let head = String::from_utf8(bytes).unwrap();
    assert!(method != "HEAD" || body.is_empty(), "a reply to HEAD has no body");
    RawReply { head, body, broken }
}
