//! `solgate list`

use std::io::Write;

use anyhow::Context;
use futures::{Stream, StreamExt, TryStreamExt};
use time::OffsetDateTime;
use transship::{Place, report::OutputFile, types::Entry};
use transship_config::SolgateConfig;
use transship_support::{ExitCode, Output, cancel_on_signals};

use crate::{
    cli::{Cli, ListArgs},
    listing::Item,
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let source = settings::source(&config)?;
    let cancel = cancel_on_signals()?;
    let mut sink = Sink::open(args)?;
    let mut found = 0u64;
    let entries = modified_lately(&source, &config, args.backfill);
    let mut entries = std::pin::pin!(entries.take_until(cancel.cancelled()));
    while let Some(entry) = entries.try_next().await? {
        let relative = entry.key.strip_prefix(&source.prefix).unwrap_or_else(|| entry.key.clone());
        sink.add(&Item::new(&relative, &entry))?;
        found += 1;
    }
    if cancel.is_cancelled() {
        tracing::error!("stopped before the listing was complete: no list was written");
        return Ok(ExitCode::Stopped);
    }
    sink.commit()?;
    tracing::info!(objects = found, source = source.describe(), "listed");
    Ok(if found == 0 { nothing(&config) } else { ExitCode::Done })
}

/// The objects of the source that count: all, or those modified within `timedelta`, its border included.
pub(crate) fn modified_lately(
    source: &Place,
    config: &SolgateConfig,
    backfill: bool,
) -> impl Stream<Item = transship::Result<Entry>> + Send + use<> {
    let oldest = if backfill { None } else { oldest(config) };
    transship::list(source, &Default::default())
        .map_err(Into::into)
        .try_filter(move |entry| std::future::ready(oldest.is_none_or(|oldest| entry.last_modified >= oldest)))
}

/// How old a listed object may be; `None` where the window reaches back further than time itself.
pub(crate) fn oldest(config: &SolgateConfig) -> Option<OffsetDateTime> {
    OffsetDateTime::now_utc().checked_sub(config.timedelta.value.try_into().ok()?)
}

/// What finding nothing means.
pub(crate) fn nothing(config: &SolgateConfig) -> ExitCode {
    tracing::warn!("no object was modified within timedelta");
    if config.ignore_no_files { ExitCode::Done } else { ExitCode::NothingToDo }
}

/// Where the list goes: a file that appears when it is whole, stdout, or nowhere.
enum Sink {
    File(OutputFile),
    Stdout(Output),
    Nowhere,
}

impl Sink {
    fn open(args: &ListArgs) -> anyhow::Result<Self> {
        Ok(match &args.output_file {
            Some(path) => Self::File(OutputFile::create(path)?),
            None if args.silent => Self::Nowhere,
            None => Self::Stdout(Output::stdout()),
        })
    }

    fn add(&mut self, item: &Item) -> anyhow::Result<()> {
        let out: &mut dyn Write = match self {
            Self::File(file) => file,
            Self::Stdout(stdout) => stdout,
            Self::Nowhere => return Ok(()),
        };
        let mut line = serde_json::to_vec(item)?;
        line.push(b'\n');
        out.write_all(&line).context("write the list")
    }

    fn commit(self) -> anyhow::Result<()> {
        match self {
            Self::File(file) => Ok(file.commit()?),
            Self::Stdout(mut stdout) => Ok(stdout.flush()?),
            Self::Nowhere => Ok(()),
        }
    }
}
