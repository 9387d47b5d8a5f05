//! `solgate transfer`

use futures::{StreamExt, stream};
use transship::{
    Route, RunOptions,
    store::{ErrorKind, retry},
    types::{Entry, Key},
};
use transship_support::{ExitCode, Failure, cancel_on_signals};

use crate::{
    cli::{Cli, TransferArgs},
    list,
    listing::Listing,
    outcome::{self, Results},
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &TransferArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let route = settings::route(&config)?;
    let cancel = cancel_on_signals()?;
    let mut options = settings::run_options(cli, &args.copy, cancel);
    options.hints = true;
    let entries = match (&args.key, &args.listing_file) {
        (_, Some(path)) => {
            let mut listing = Listing::open(path).map_err(Failure::usage)?;
            if listing.count == 0 {
                return Ok(list::nothing(&config));
            }
            let prefix = route.source.prefix.clone();
            let items = listing.items()?.filter_map(Result::ok).map(move |item| Ok(item.entry(&prefix)));
            stream::iter(items).boxed()
        }
        (Some(key), None) => stream::iter([Ok(one(&route, key, &options).await?)]).boxed(),
        (None, None) => stream::empty().boxed(),
    };
    let header = settings::header("transfer", &args.copy, &config, &route);
    let results = Results::open(cli, &args.copy, header)?;
    outcome::carry_out(cli, route, entries, options, results).await
}

/// A key alone says nothing of its object: the store is asked. What is not there fails like anything else, later.
async fn one(route: &Route, key: &str, options: &RunOptions) -> anyhow::Result<Entry> {
    let key = Key::from(key).prefixed(&route.source.prefix);
    let unknown = Entry {
        key: key.clone(),
        size: 0,
        last_modified: time::OffsetDateTime::UNIX_EPOCH,
        etag: None,
        storage_class: None,
    };
    match retry(&options.copy.retry, |_| route.source.bucket.head(&key)).await {
        Ok(info) => Ok(Entry { size: info.size, last_modified: info.last_modified, etag: info.etag, ..unknown }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(unknown),
        Err(error) => Err(error.into()),
    }
}
