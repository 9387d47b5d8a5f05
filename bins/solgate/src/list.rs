//! `solgate list`

use std::io::Write;

use anyhow::{Context, anyhow};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transship::{
    Place,
    listings::ListOptions,
    report::OutputFile,
    types::{Entry, Key},
};
use transship_config::SolgateConfig;
use transship_support::{ExitCode, Failure, LISTERS_ALONE, Output, cancel_on_signals, default_memory, next_or_pause};

use crate::{
    cli::{Cli, ListArgs},
    copying,
    listing::Item,
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let config = settings::load(cli)?;
    let source = settings::source(&config)?;
    let cancel = cancel_on_signals()?;
    let mut sink = Sink::open(args).map_err(Failure::usage)?;
    let mut found = 0u64;
    let listers = default_memory().listers_alone(LISTERS_ALONE);
    let listing = ListOptions { listers, ..ListOptions::default() };
    let entries = modified_lately(&source, &config, args.backfill, &listing);
    let mut entries = std::pin::pin!(entries.take_until(cancel.cancelled()));
    while let Some(entry) = next_or_pause(&mut entries, || sink.show()).await? {
        let entry = entry.map_err(copying::failure)?;
        let relative = entry.key.strip_prefix(&source.prefix).unwrap_or_else(|| entry.key.clone());
        sink.add(&Item::new(&relative, &entry))?;
        found += 1;
    }
    if cancel.is_cancelled() {
        return Err(Failure::new(ExitCode::Stopped, anyhow!("stopped before the listing was complete")));
    }
    sink.commit()?;
    tracing::info!(objects = found, source = source.describe(), "listed");
    if found > 0 {
        return Ok(ExitCode::Done);
    }
    tell_nothing(&config, &source, args.backfill);
    Ok(nothing(&config))
}

/// The objects of the source that count: all, or those modified within `timedelta`, its border included. The marker of
/// the base path's own folder (`base/`) is not one of them: it has no key below the base path.
pub(crate) fn modified_lately(
    source: &Place,
    config: &SolgateConfig,
    backfill: bool,
    options: &ListOptions,
) -> impl Stream<Item = transship::Result<Entry>> + Send + use<> {
    let oldest = if backfill { None } else { oldest(config) };
    let folder = Key::from(&*source.prefix);
    let counts = move |entry: &Entry| entry.key != folder && oldest.is_none_or(|oldest| entry.last_modified >= oldest);
    transship::list(source, options).try_filter(move |entry| std::future::ready(counts(entry)))
}

/// The same entries; where there are none, the log says so.
pub(crate) fn told_when_empty<S: Stream<Item = transship::Result<Entry>> + Send>(
    entries: S,
    config: &SolgateConfig,
    source: &Place,
    backfill: bool,
    cancel: &CancellationToken,
) -> impl Stream<Item = transship::Result<Entry>> + Send + use<S> {
    let (config, source, cancel) = (config.clone(), source.clone(), cancel.clone());
    let mut any = false;
    let end = stream::once(std::future::ready(None));
    entries.map(Some).chain(end).filter_map(move |entry| {
        any |= entry.is_some();
        if !any && !cancel.is_cancelled() {
            tell_nothing(&config, &source, backfill);
        }
        std::future::ready(entry)
    })
}

fn tell_nothing(config: &SolgateConfig, source: &Place, backfill: bool) {
    let when = if backfill { "" } else { " that was modified within timedelta" };
    let line = format!("nothing to do: there is no object{when} at {}", source.describe());
    if config.ignore_no_files { tracing::info!("{line}") } else { tracing::warn!("{line}") }
}

/// How old a listed object may be; `None` where the window reaches back further than time itself.
pub(crate) fn oldest(config: &SolgateConfig) -> Option<OffsetDateTime> {
    OffsetDateTime::now_utc().checked_sub(config.timedelta.value.try_into().ok()?)
}

/// What finding nothing means.
pub(crate) fn nothing(config: &SolgateConfig) -> ExitCode {
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
        let line = || serde_json::to_string(item);
        match self {
            Self::File(file) => {
                writeln!(file, "{}", line()?).with_context(|| format!("write {}", file.path().display()))?;
            }
            Self::Stdout(stdout) => writeln!(stdout, "{}", line()?)?,
            Self::Nowhere => {}
        }
        Ok(())
    }

    /// Whoever reads stdout has what there is; a file is written in no hurry.
    fn show(&mut self) -> anyhow::Result<()> {
        if let Self::Stdout(stdout) = self {
            stdout.flush()?;
        }
        Ok(())
    }

    fn commit(mut self) -> anyhow::Result<()> {
        self.show()?;
        match self {
            Self::File(file) => Ok(file.commit()?),
            Self::Stdout(_) | Self::Nowhere => Ok(()),
        }
    }
}
