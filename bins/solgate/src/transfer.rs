//! `solgate transfer`

use futures::{StreamExt, TryStreamExt, stream};
use transship::{
    Place,
    store::{ErrorKind, RetryOptions, retry},
    types::{Entry, ErrorClass, Key},
};
use transship_support::{End, ExitCode, Failure, cancel_on_signals};

use crate::{
    cli::{Cli, TransferArgs},
    copying::{self, Entries},
    list,
    listing::Listing,
    results::Results,
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &TransferArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let route = settings::route(&config)?;
    let mut options = settings::run_options(&args.copy, cancel_on_signals()?)?;
    options.hints = true;
    let listing = match &args.listing_file {
        Some(path) => Some(Listing::open(path, &options.work_dir).map_err(Failure::usage)?),
        None => None,
    };
    let header = settings::header("transfer", &args.copy, &config, &route);
    let results = Results::open(&args.copy, header, &options.cancel).await?;
    let (source, policy) = (route.source.clone(), options.copy.retry.clone());
    let entries = match (&args.key, listing) {
        (_, Some(listing)) if listing.count == 0 => {
            tracing::warn!("nothing to do: the list {} is empty", listing.name());
            return results.finish(End::new(list::nothing(&config))).await;
        }
        (_, Some(listing)) => listed(listing, source, policy).map_err(copying::failure)?,
        (Some(key), None) => one(key, source, policy),
        (None, None) => stream::empty().boxed(),
    };
    copying::carry_out(args.copy.run.shown(), route, entries, options, results).await
}

/// The objects of a list, once the source has been found to be there.
fn listed(listing: Listing, source: Place, policy: RetryOptions) -> transship::Result<Entries> {
    let prefix = source.prefix.clone();
    let items = listing.items()?.map(move |item| Ok(item?.entry(&prefix)));
    let first = async move { probe(&source, &policy).await.map(|()| stream::iter(items)) };
    Ok(stream::once(first).try_flatten().boxed())
}

/// A key alone says nothing of its object: the store is asked. What is not there fails like anything else, later.
fn one(key: &str, source: Place, policy: RetryOptions) -> Entries {
    let key = Key::from(key).prefixed(&source.prefix);
    let look = async move {
        probe(&source, &policy).await?;
        let unknown = Entry {
            key: key.clone(),
            size: 0,
            last_modified: time::OffsetDateTime::UNIX_EPOCH,
            etag: None,
            storage_class: None,
        };
        match retry(&policy, |_| source.bucket.head(&key)).await {
            Ok(info) => Ok(Entry { size: info.size, last_modified: info.last_modified, etag: info.etag, ..unknown }),
            Err(error) if concerns_run(&error) => Err(error.into()),
            Err(_) => Ok(unknown),
        }
    };
    stream::once(look).boxed()
}

/// A source that cannot be read at all ends the run at once, and not once for each object. One that only must not be
/// listed is fine.
async fn probe(source: &Place, policy: &RetryOptions) -> transship::Result<()> {
    match retry(&policy.at_first_contact(), |_| source.bucket.probe()).await {
        Err(error) if concerns_run(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn concerns_run(error: &transship::store::Error) -> bool {
    let of_object = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnrepresentableKey);
    !of_object && (error.concerns_bucket() || error.class() == ErrorClass::Transient)
}
