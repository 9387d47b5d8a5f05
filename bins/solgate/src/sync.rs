//! `solgate sync`

use futures::StreamExt;
use transship_support::{ExitCode, cancel_on_signals};

use crate::{
    cli::{Cli, SyncArgs},
    copying, list,
    results::Results,
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &SyncArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let route = settings::route(&config)?;
    let options = settings::run_options(&args.copy, cancel_on_signals()?)?;
    let header = settings::header("sync", &args.copy, &config, &route);
    let results = Results::open(&args.copy, header, &options.cancel).await?;
    let listed = list::modified_lately(&route.source, &config, args.backfill, &options.listing());
    // Where the listing is read to its end before the first copy, a signal must end it, too.
    let entries = listed.take_until(options.cancel.clone().cancelled_owned());
    let entries = list::told_when_empty(entries, &config, &route.source, args.backfill, &options.cancel);
    copying::carry_out(args.copy.run.shown(), route, entries.boxed(), options, results).await
}
