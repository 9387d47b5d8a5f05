//! A small HTTP server on a real socket that stands in for STS, a container's endpoint or instance metadata.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    headers: String,
    pub(super) body: String,
}

pub(super) struct StandIn {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The access key that signed it.
    pub(super) fn signer(&self) -> String {
        let (_, rest) = self.header("authorization").unwrap().split_once("Credential=").unwrap();
        rest.split('/').next().unwrap().to_owned()
    }

    /// A field of a form.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }
}

impl StandIn {
    /// Answers every request with what `answer` gives for it: status and body.
    pub(super) async fn start(answer: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let _ = serve(stream, &log, &*answer).await;
                });
            }
        });
        Self { address, asked, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(&Asked) -> (u16, String) + Send + Sync),
) -> std::io::Result<()> {
    let mut raw = Vec::new();
    let head = loop {
        if stream.read_buf(&mut raw).await? == 0 {
            return Ok(());
        }
        if let Some(at) = raw.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8_lossy(&raw[..head]).into_owned();
    let (first, headers) = text.split_once("\r\n").unwrap_or((&text, ""));
    let mut words = first.split(' ');
    let mut asked = Asked {
        method: words.next().unwrap_or_default().into(),
        path: words.next().unwrap_or_default().into(),
        headers: headers.into(),
        body: String::new(),
    };
    let length: usize = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    while raw.len() < head + 4 + length {
        if stream.read_buf(&mut raw).await? == 0 {
            return Ok(());
        }
    }
    asked.body = String::from_utf8_lossy(&raw[head + 4..]).into_owned();
    let (status, body) = answer(&asked);
    log.lock().unwrap().push(asked);
    let reply = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

/// A time as JSON and XML have it, `seconds` from now.
pub(super) fn in_seconds(seconds: i64) -> String {
    let time = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    time.format(&time::format_description::well_known::Rfc3339).unwrap()
}

/// The JSON of containers and instance metadata.
pub(super) fn document(id: &str, seconds: i64) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"canary-{id}","Token":"canary-token-{id}",
        "Expiration":"{}"}}"#,
        in_seconds(seconds)
    )
}

/// The XML of STS.
pub(super) fn assumed(id: &str, seconds: i64) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
         <Arn>a</Arn></AssumedRoleUser><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>canary-{id}\
         </SecretAccessKey><SessionToken>canary-token-{id}</SessionToken><Expiration>{}</Expiration></Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>",
        in_seconds(seconds)
    )
}

/// An STS error.
pub(super) fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    )
}
