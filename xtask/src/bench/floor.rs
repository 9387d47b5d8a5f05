//! The least that the work can cost a client of the same language: bare loops over `object_store`. Nothing is verified,
//! nothing is retried by hand, nothing is reported.

use std::{io::Read as _, process::ExitCode};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, TryStreamExt, future::try_join_all};
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3, path::Path};

use super::{place::Place, stock::open};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What is done with each object
    #[arg(value_enum)]
    deed: Deed,
    /// Objects at once
    #[arg(long, value_name = "N", default_value_t = super::stock::AT_ONCE)]
    at_once: usize,
    /// Where from
    from: Place,
    /// Where to
    to: Vec<Place>,
}

/// What is done with each object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deed {
    /// One GET, and one PUT for each destination
    Copy,
    /// One request to copy it where it is
    Order,
    /// The same as copy, unpacked on the way
    Unpack,
    /// Nothing: both ends are listed
    List,
}

/// Does it with everything below one prefix.
///
/// # Errors
/// The first that a server gives.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(all(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn all(arguments: &Arguments) -> Result<()> {
    let from = &open(&arguments.from)?;
    let prefix = &Path::from(&*arguments.from.prefix);
    let to = arguments.to.iter().map(|place| Ok((open(place)?, Path::from(&*place.prefix))));
    let to = &to.collect::<Result<Vec<_>>>()?;
    if arguments.deed == Deed::List {
        let count = async |store: &AmazonS3, prefix| store.list(Some(prefix)).try_fold(0_u64, one_more).await;
        for (store, prefix) in to {
            println!("{}", count(store, prefix).await?);
        }
        println!("{}", count(from, prefix).await?);
        return Ok(());
    }
    let objects = from.list(Some(prefix)).map(|entry| async move {
        let key = entry?.location;
        let target = |folder: &Path| folder.parts().chain(key.prefix_match(prefix).into_iter().flatten()).collect();
        let (bytes, ending) = match arguments.deed {
            Deed::Order => {
                try_join_all(to.iter().map(|(_, folder)| {
                    let target: Path = target(folder);
                    let key = &key;
                    async move { from.copy(key, &target).await }
                }))
                .await?;
                return Ok(());
            }
            Deed::Unpack => {
                let packed = from.get(&key).await?.bytes().await?;
                (tokio::task::spawn_blocking(|| unpacked(packed)).await??, ".gz")
            }
            Deed::Copy | Deed::List => (from.get(&key).await?.bytes().await?, ""),
        };
        let puts = to.iter().map(|(store, folder)| {
            let target: Path = target(folder);
            let target = Path::from(target.as_ref().trim_end_matches(ending));
            let bytes = bytes.clone();
            async move { store.put(&target, bytes.into()).await }
        });
        try_join_all(puts).await?;
        anyhow::Ok(())
    });
    objects.buffer_unordered(arguments.at_once).try_collect::<()>().await.context("copy")
}

async fn one_more(count: u64, _: object_store::ObjectMeta) -> object_store::Result<u64> {
    Ok(count + 1)
}

fn unpacked(packed: Bytes) -> Result<Bytes> {
    let mut text = Vec::new();
    MultiGzDecoder::new(&packed[..]).read_to_end(&mut text)?;
    Ok(text.into())
}
