//! Accepts connections and hands them to hyper.

use super::front::Front;
use super::wire::{Ending, Wire};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Serves until it is aborted; its connections end with it.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, front: Arc<Front>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, tls.clone(), front.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, front: Arc<Front>) {
    // Without it small replies wait for the client's delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let (wire, ending) = Wire::new(stream);
    if front.faults.is_killed() {
        return ending.reset();
    }
    match tls {
        None => speak(wire, ending, front).await,
        Some(tls) => match tls.accept(wire).await {
            Ok(stream) => speak(stream, ending, front).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

async fn speak<S>(stream: S, ending: Arc<Ending>, front: Arc<Front>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| front.clone().handle(request, ending.clone()));
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}
