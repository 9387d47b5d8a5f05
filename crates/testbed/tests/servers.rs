//! Each real server starts, takes a signed request, makes a bucket, and ends without leaving a process behind.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::{net::TcpStream, time::sleep};
use transship_testbed::servers::{Server, ServerKind};

async fn starts_and_ends(kind: ServerKind) -> Result<()> {
    let name = kind.name();
    let Some(server) = Server::start_or_skip(kind, &format!("{name} starts and ends")).await? else { return Ok(()) };
    server.create_bucket("first-bucket").await?;
    server.create_bucket("first-bucket").await.context("once more")?;
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    TcpStream::connect(&address).await?;
    if !server.is_ours() {
        return Ok(());
    }
    drop(server);
    for _ in 0..250 {
        if TcpStream::connect(&address).await.is_err() {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("{name} still listens")
}

#[tokio::test]
async fn ceph_starts_and_ends() -> Result<()> {
    starts_and_ends(ServerKind::Ceph).await
}

#[tokio::test]
async fn seaweedfs_starts_and_ends() -> Result<()> {
    starts_and_ends(ServerKind::SeaweedFs).await
}

#[tokio::test]
async fn moto_starts_and_ends() -> Result<()> {
    starts_and_ends(ServerKind::Moto).await
}

#[tokio::test]
async fn azurite_starts_and_ends() -> Result<()> {
    starts_and_ends(ServerKind::Azurite).await
}
