//! `solgate sync`

use futures::StreamExt;
use transship_support::{ExitCode, cancel_on_signals};

use crate::{
    cli::{Cli, SyncArgs},
    list::modified_lately,
    outcome::{self, Results},
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &SyncArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let route = settings::route(&config)?;
    let cancel = cancel_on_signals()?;
    let entries = modified_lately(&route.source, &config, args.backfill).boxed();
    let header = settings::header("sync", &args.copy, &config, &route);
    let options = settings::run_options(cli, &args.copy, cancel);
    let results = Results::open(cli, &args.copy, header)?;
    outcome::carry_out(cli, route, entries, options, results).await
}
