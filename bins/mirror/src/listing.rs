//! `transship-mirror ls` and `size`

use std::{io::Write, pin::Pin, sync::Arc};

use anyhow::Result;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream, Peekable},
};
use time::OffsetDateTime;
use transship::{
    listings::{Error, KeyRange, ListOptions, Side, entries, pieces},
    mirror::excluded,
    types::Entry,
};
use transship_support::{ExitCode, Failure, Output, OutputFormat, cancel_on_signals, default_memory, next_or_pause};

use crate::{
    cli::{Cli, ListArgs},
    filters::of_source,
    remotes::Remotes,
};

/// `ls`: size and path of every object, as rclone prints them; or JSON lines.
pub(crate) async fn ls(cli: &Cli, args: &ListArgs) -> Result<ExitCode> {
    let mut out = Output::stdout();
    let code = each(cli, args, Order::OfKeys, |told| {
        match (told, args.output) {
            (Told::Entry(path, entry), OutputFormat::Text) => writeln!(out, "{:>9} {path}", entry.size)?,
            (Told::Entry(path, entry), OutputFormat::Json) => {
                let mut object = serde_json::to_value(entry)?;
                object["key"] = path.into();
                writeln!(out, "{object}")?;
            }
            (Told::Pause, _) => out.flush()?,
        }
        Ok(())
    })
    .await?;
    out.flush()?;
    Ok(code)
}

/// `size`: how many objects, and their bytes.
pub(crate) async fn size(cli: &Cli, args: &ListArgs) -> Result<ExitCode> {
    let (mut count, mut bytes) = (0_u64, 0_u64);
    let code = each(cli, args, Order::Any, |told| {
        if let Told::Entry(_, entry) = told {
            (count, bytes) = (count + 1, bytes + entry.size);
        }
        Ok(())
    })
    .await?;
    let mut out = Output::stdout();
    match args.output {
        OutputFormat::Json => out.line(&serde_json::json!({ "count": count, "bytes": bytes }))?,
        OutputFormat::Text => {
            out.line(&format_args!("Total objects: {count}"))?;
            out.line(&format_args!("Total size: {} ({bytes} Byte)", bytesize::ByteSize(bytes).display().iec()))?;
        }
    }
    Ok(code)
}

/// In which order entries are wanted.
#[derive(Clone, Copy)]
enum Order {
    OfKeys,
    /// Nobody waits for another range then, and no page waits in memory for those before it.
    Any,
}

impl Order {
    fn listing(self, side: &Side, options: &ListOptions) -> Peekable<BoxStream<'static, Result<Entry, Error>>> {
        let (side, options, range) = (side.clone(), options.clone(), KeyRange::ALL);
        let listed = match self {
            Self::OfKeys => entries(side, range, options).boxed(),
            Self::Any => {
                let listers = options.listers;
                let pages = pieces([side], range, options).map(|piece| {
                    let [pages] = piece.listings();
                    pages.boxed()
                });
                let pages = pages.flatten_unordered(listers);
                pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten().boxed()
            }
        };
        listed.peekable()
    }
}

/// What a listing tells.
enum Told<'a> {
    /// An object, and its path.
    Entry(&'a str, &'a Entry),
    /// Nothing more for now: whoever reads the output is not to wait for what is there.
    Pause,
}

async fn each(
    cli: &Cli,
    args: &ListArgs,
    order: Order,
    mut take: impl FnMut(Told<'_>) -> Result<()>,
) -> Result<ExitCode> {
    // Mistakes of the command line come before the first request. Filters are read once: they may stand on stdin.
    let filter = args.filters.filter(OffsetDateTime::now_utc())?;
    let source = Remotes::of(cli)?.source(&args.remote).await?;
    let (filter, place) = (Arc::new(of_source(filter, &source)?), source.place);
    let cancel = cancel_on_signals()?;
    let listers = default_memory().listers_alone(args.checkers.wanted_alone());
    let options = ListOptions { listers, skip: excluded(&filter), ..ListOptions::default() };
    let side = Side::new(place.bucket.clone(), place.prefix.clone());
    let side = match side.bucket.capabilities().ordered_listing && !args.sort_listings {
        true => side,
        false => side.sorted(&options, &std::env::temp_dir()).await.map_err(failed)?,
    };
    let mut side = side;
    let mut listed = order.listing(&side, &options);
    // A store that is known to list in another order says so with its first page.
    if let Some(Err(Error::Unordered { .. })) = Pin::new(&mut listed).peek().await {
        side = side.sorted(&options, &std::env::temp_dir()).await.map_err(failed)?;
        listed = order.listing(&side, &options);
    }
    let mut listed = std::pin::pin!(listed.take_until(cancel.clone().cancelled_owned()));
    while let Some(entry) = next_or_pause(&mut listed, || take(Told::Pause)).await? {
        let entry = entry.map_err(failed)?;
        let path = side.relative(&entry.key);
        if filter.includes(path, &entry) {
            take(Told::Entry(path, &entry))?;
        }
    }
    Ok(if cancel.is_cancelled() { ExitCode::Stopped } else { ExitCode::Done })
}

fn failed(error: Error) -> anyhow::Error {
    let advice = match error {
        Error::OutOfOrder { .. } | Error::StartIgnored { .. } => "; --sort-listings takes no order for granted",
        _ => "",
    };
    Failure::new(ExitCode::RunFailed, anyhow::anyhow!("{error}{advice}"))
}
