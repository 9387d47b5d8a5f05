//! A proxy that passes bytes on to a server no faster than it is told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

const TICK: Duration = Duration::from_millis(10);

/// Stops when dropped.
pub(crate) struct Throttle {
    address: SocketAddr,
    bytes_per_second: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Throttle {
    /// In front of `server`, at first as fast as it goes.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        // A small buffer, so that what the kernel holds does not hide the pace.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let pace = Arc::new(AtomicU64::new(u64::MAX));
        let task = tokio::spawn(serve(listener, server, pace.clone()));
        Self { address, bytes_per_second: pace, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How fast each connection's requests go from now on, in bytes a second.
    pub(crate) fn pace(&self, bytes_per_second: u64) {
        self.bytes_per_second.store(bytes_per_second, Ordering::SeqCst);
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, pace: Arc<AtomicU64>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let pace = pace.clone();
        connections.spawn(async move {
            if let Ok(server) = TcpStream::connect(server).await {
                connect(client, server, &pace).await;
            }
        });
    }
}

async fn connect(client: TcpStream, server: TcpStream, pace: &AtomicU64) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let pace = pace.load(Ordering::SeqCst);
            let slow = pace < u64::MAX;
            let most = if slow { usize::try_from(pace / 100).unwrap().clamp(1, buffer.len()) } else { buffer.len() };
            match from_client.read(&mut buffer[..most]).await {
                Ok(0) | Err(_) => return,
                Ok(read) if to_server.write_all(&buffer[..read]).await.is_err() => return,
                Ok(_) if slow => tokio::time::sleep(TICK).await,
                Ok(_) => {}
            }
        }
    };
    let replies = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        () = requests => {}
        _ = replies => {}
    }
}
