use anyhow::{Context, Result};
use testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt, bollard::Docker, core::IntoContainerPort,
    runners::AsyncRunner,
};

use super::{
    Server, ServerKind, seaweed,
    server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};

/// A container that is removed when this is dropped.
pub(super) type Container = ContainerAsync<GenericImage>;

/// Runs a server in a container, or gives `None` where no engine answers.
pub(super) async fn launch(kind: ServerKind) -> Result<Option<Server>> {
    let engine = match Docker::connect_with_defaults() {
        Ok(docker) => docker.ping().await,
        Err(error) => Err(error),
    };
    if let Err(error) = engine {
        tracing::debug!(%error, "no container engine answers");
        return Ok(None);
    }
    let (port, request) = request(kind);
    let container = request.start().await.with_context(|| format!("run {} in a container", kind.name()))?;
    let endpoint = format!("http://{}:{}", container.get_host().await?, container.get_host_port_ipv4(port).await?);
    Ok(Some(Server::contained(kind, endpoint, container)))
}

/// The port that the server has inside its container, and how to run it. None waits for a line in the log: whoever
/// starts a server waits until it answers a signed request.
fn request(kind: ServerKind) -> (u16, ContainerRequest<GenericImage>) {
    let image = |name: &str, tag: &str, port: u16| (port, GenericImage::new(name, tag).with_exposed_port(port.tcp()));
    match kind {
        ServerKind::Ceph => {
            let (port, image) = image("quay.io/ceph/demo", "main", 8080);
            let request = image
                .with_env_var("MON_IP", "127.0.0.1")
                .with_env_var("CEPH_PUBLIC_NETWORK", "0.0.0.0/0")
                .with_env_var("DEMO_DAEMONS", "mon,mgr,osd,rgw")
                .with_env_var("RGW_FRONTEND_PORT", port.to_string())
                .with_env_var("CEPH_DEMO_UID", "testbed")
                .with_env_var("CEPH_DEMO_ACCESS_KEY", ACCESS_KEY_ID)
                .with_env_var("CEPH_DEMO_SECRET_KEY", SECRET_ACCESS_KEY);
            (port, request)
        }
        ServerKind::SeaweedFs => {
            let (port, image) = image("chrislusf/seaweedfs", "4.48", 8333);
            let identities = seaweed::identities_json().into_bytes();
            (
                port,
                image.with_copy_to("/etc/s3.json", identities).with_cmd(["server", "-s3", "-s3.config=/etc/s3.json"]),
            )
        }
        ServerKind::Moto => {
            let (port, image) = image("motoserver/moto", "5.2.5", 5000);
            (port, image.into())
        }
        ServerKind::Azurite => {
            let (port, image) = image("mcr.microsoft.com/azure-storage/azurite", "3.35.0", 10000);
            (port, image.with_cmd(["azurite-blob", "--blobHost", "0.0.0.0", "--skipApiVersionCheck"]))
        }
    }
}
