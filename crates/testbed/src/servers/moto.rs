use std::process::Command;

use anyhow::Result;

use super::{Server, ServerKind, guard::Guarded, place, ports};

/// One `moto_server` process: S3, STS, Secrets Manager and all else that moto imitates, on one port.
/// It takes any keys and checks no signature.
pub(super) fn launch() -> Result<Option<Server>> {
    let Some(program) = place::program("moto_server") else { return Ok(None) };
    let data = tempfile::Builder::new().prefix("transship-moto-").tempdir()?;
    let [port] = ports::free()?;
    let mut command = Command::new(program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).current_dir(data.path());
    let moto = Guarded::start(&command, &data.path().join("moto.log"))?;
    Ok(Some(Server::started(ServerKind::Moto, format!("http://127.0.0.1:{port}"), vec![moto], data)))
}
