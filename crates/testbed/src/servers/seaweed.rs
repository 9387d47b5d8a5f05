use std::{path::Path, process::Command};

use anyhow::Result;
use serde_json::json;

use super::{
    Server, ServerKind,
    guard::Guarded,
    place, ports,
    server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};

/// One `weed server` process: master, volume server, filer and S3 gateway.
pub(super) fn launch() -> Result<Option<Server>> {
    let Some(program) = place::program("weed") else { return Ok(None) };
    let data = tempfile::Builder::new().prefix("transship-seaweedfs-").tempdir()?;
    let identities = data.path().join("s3.json");
    std::fs::write(&identities, identities_json())?;
    // Each service's gRPC port is 10000 above its own unless given, which need not be free.
    let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports::free()?;
    let mut command = Command::new(program);
    command.args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=100", "-master.volumeSizeLimitMB=1024"]);
    // Unless told otherwise it creates a missing bucket with the first object, and no test could miss one.
    command.args(["-master.telemetry=false", "-s3.autoCreateBucket=false"]);
    command.args([
        directory("-dir=", data.path()),
        directory("-s3.config=", &identities),
        // The sockets' default names are in /tmp and fixed by the port.
        directory("-filer.localSocket=", &data.path().join("filer.sock")),
        directory("-s3.localSocket=", &data.path().join("s3.sock")),
        format!("-master.port={master}"),
        format!("-master.port.grpc={master_grpc}"),
        format!("-volume.port={volume}"),
        format!("-volume.port.grpc={volume_grpc}"),
        format!("-filer.port={filer}"),
        format!("-filer.port.grpc={filer_grpc}"),
        format!("-s3.port={s3}"),
        format!("-s3.port.grpc={s3_grpc}"),
    ]);
    let weed = Guarded::start(&command, &data.path().join("weed.log"))?;
    Ok(Some(Server::started(ServerKind::SeaweedFs, format!("http://127.0.0.1:{s3}"), vec![weed], data)))
}

fn directory(option: &str, path: &Path) -> String {
    format!("{option}{}", path.display())
}

/// One identity that may do everything.
pub(super) fn identities_json() -> String {
    let credentials = json!([{ "accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY }]);
    let actions = ["Admin", "Read", "Write", "List", "Tagging"];
    json!({ "identities": [{ "name": "testbed", "credentials": credentials, "actions": actions }] }).to_string()
}
