//! The least that a copy can cost a client of the same language: a listing, and one GET and one PUT an object. Nothing
//! is verified, nothing is retried by hand, nothing is reported.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};

use super::stock::{AT_ONCE, open};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Endpoint to read from
    from: String,
    /// Prefix there
    from_prefix: String,
    /// Endpoint to write to
    to: String,
    /// Prefix there
    to_prefix: String,
}

/// Copies everything below one prefix.
///
/// # Errors
/// The first that a server gives.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(copy(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn copy(arguments: &Arguments) -> Result<()> {
    let (from, to) = (open(&arguments.from)?, open(&arguments.to)?);
    let (source, destination) = (Path::from(&*arguments.from_prefix), Path::from(&*arguments.to_prefix));
    let (from, to, source, destination) = (&from, &to, &source, &destination);
    let copies = from.list(Some(source)).map(|entry| async move {
        let key = entry?.location;
        let target = destination.parts().chain(key.prefix_match(source).into_iter().flatten()).collect::<Path>();
        let bytes = from.get(&key).await?.bytes().await?;
        to.put(&target, bytes.into()).await.map(drop)
    });
    copies.buffer_unordered(AT_ONCE).try_collect::<()>().await.context("copy")
}
