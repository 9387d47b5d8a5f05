use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use object_store::{
    aws::{AwsAuthorizer, AwsCredential},
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::{HttpRequest, HttpRequestBody},
};

use super::Server;

/// Signs and sends one request without a body. What is signed here must not depend on the code under test, so the
/// signatures are `object_store`'s.
pub(crate) struct Wire {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends to `path_and_query` on `server`, signed for S3.
    pub(crate) async fn s3(
        &self,
        server: &Server,
        method: Method,
        path_and_query: &str,
    ) -> Result<(StatusCode, String)> {
        let credential = AwsCredential {
            key_id: server.access_key_id().into(),
            secret_key: server.secret_access_key().expose().into(),
            token: None,
        };
        let mut request = request(server, method, path_and_query)?;
        AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut request, None)?;
        self.send(request).await
    }

    /// Sends to `path_and_query` on `server`, signed with an Azure account's shared key.
    pub(crate) async fn azure(
        &self,
        server: &Server,
        method: Method,
        path_and_query: &str,
    ) -> Result<(StatusCode, String)> {
        let key = AzureAccessKey::try_new(server.secret_access_key().expose())?;
        let mut request = request(server, method, path_and_query)?;
        request.headers_mut().insert(http::header::CONTENT_LENGTH, 0.into());
        AzureAuthorizer::new(&AzureCredential::AccessKey(key), server.access_key_id()).try_authorize(&mut request)?;
        self.send(request).await
    }

    async fn send(&self, request: HttpRequest) -> Result<(StatusCode, String)> {
        let uri = request.uri().clone();
        let exchange = async {
            let reply = self.client.request(request.map(|_| Full::default())).await?;
            let status = reply.status();
            let body = reply.into_body().collect().await?.to_bytes();
            anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
        };
        // A gateway that is still starting may accept a connection long before it answers.
        match tokio::time::timeout(Duration::from_secs(30), exchange).await {
            Ok(answer) => answer.with_context(|| format!("ask {uri}")),
            Err(_) => bail!("{uri} gave no answer"),
        }
    }
}

fn request(server: &Server, method: Method, path_and_query: &str) -> Result<HttpRequest> {
    let uri = format!("{}{path_and_query}", server.endpoint());
    Request::builder().method(method).uri(&uri).body(HttpRequestBody::empty()).with_context(|| format!("ask {uri}"))
}
