use std::process::Command;

use anyhow::Result;

use super::{Server, ServerKind, guard::Guarded, place, ports};

/// The emulator's account: <https://learn.microsoft.com/en-us/azure/storage/common/storage-use-azurite>.
pub(super) const ACCOUNT: &str = "devstoreaccount1";
/// Its published key.
pub(super) const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// One `azurite-blob` process.
pub(super) fn launch() -> Result<Option<Server>> {
    let Some(program) = place::program("azurite-blob") else { return Ok(None) };
    let data = tempfile::Builder::new().prefix("transship-azurite-").tempdir()?;
    let [port] = ports::free()?;
    let mut command = Command::new(program);
    command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--silent", "--skipApiVersionCheck"]);
    command.arg("--disableTelemetry").arg("--location").arg(data.path());
    let azurite = Guarded::start(&command, &data.path().join("azurite.log"))?;
    Ok(Some(Server::started(ServerKind::Azurite, format!("http://127.0.0.1:{port}"), vec![azurite], data)))
}
