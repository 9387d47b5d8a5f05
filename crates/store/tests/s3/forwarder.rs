//! A proxy that takes every name for one server.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

pub(crate) struct Forwarder {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Forwarder {
    /// Connects whoever logs in with this header, if one is asked for, to `server`.
    pub(crate) async fn to(server: SocketAddr, login: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server, login, Arc::clone(&log)));
            }
        });
        Self { address, heads }
    }

    /// The first request's head of each connection.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    login: Option<&str>,
    log: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let lets_in = login.is_none_or(|login| text.to_lowercase().contains(&login.to_lowercase()));
    let tunnels = text.starts_with("CONNECT ");
    log.lock().unwrap().push(text);
    if !lets_in {
        return client.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n").await;
    }
    let mut server = TcpStream::connect(server).await?;
    if tunnels {
        client.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").await?;
    } else {
        // Servers take the absolute form as well.
        server.write_all(&head).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
