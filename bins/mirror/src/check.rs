//! `transship-mirror check`

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use futures::TryStreamExt;
use transship::{
    diff::{Criterion, Policy, Reason},
    mirror::{Change, Content, Deletion, Ends, MirrorOptions, changes},
    types::Entry,
};
use transship_support::{ExitCode, Failure, Output, cancel_on_signals, default_memory};

use crate::{
    cli::{CheckArgs, Cli},
    remotes::Between,
    sync,
};

pub(crate) async fn run(cli: &Cli, args: &CheckArgs) -> Result<ExitCode> {
    let Between { ends, filter, .. } = Between::open(cli, &args.source, &args.destination, &args.filters).await?;
    let cancel = cancel_on_signals()?;
    let mut told = Told::open(args)?;
    let mut options = MirrorOptions {
        policy: Policy(match args.size_only {
            true => vec![Criterion::Size],
            false => vec![Criterion::Size, Criterion::Digest, Criterion::ETag],
        }),
        content: match (args.size_only, args.download) {
            (true, _) => Content::AsListed,
            (false, true) => Content::Read,
            (false, false) => Content::Hashed,
        },
        filter: Arc::new(filter),
        deletion: Deletion::Nothing,
        cancel,
        ..MirrorOptions::default()
    };
    options.sort = args.sort_listings;
    options.list.listers = default_memory().listers_of_two(args.checkers.wanted());
    options.copy.transfers = args.checkers.wanted();
    let mut found = changes(&ends, &options).stream;
    loop {
        let change = tokio::select! {
            change = found.try_next() => change,
            () = options.cancel.cancelled() => return told.finish(Some(ExitCode::Stopped)),
        };
        match change {
            Ok(Some(change)) => told.take(&change, &ends, args)?,
            Ok(None) => return told.finish(None),
            Err(error) => {
                told.finish(Some(ExitCode::RunFailed))?;
                return Err(Failure::new(ExitCode::RunFailed, sync::told(&error, &ends, false)));
            }
        }
    }
}

/// How the two ends compare at one key, as rclone marks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Match,
    MissingOnSource,
    MissingOnDestination,
    Differ,
    Error,
}

impl Mark {
    const ALL: [Self; 5] = [Self::Match, Self::MissingOnSource, Self::MissingOnDestination, Self::Differ, Self::Error];

    fn sign(self) -> char {
        match self {
            Self::Match => '=',
            Self::MissingOnSource => '-',
            Self::MissingOnDestination => '+',
            Self::Differ => '*',
            Self::Error => '!',
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::MissingOnSource => "missing on the source",
            Self::MissingOnDestination => "missing on the destination",
            Self::Differ => "differ",
            Self::Error => "could not be compared",
        }
    }
}

/// Where what is found is written down.
struct Told {
    files: BTreeMap<Mark, Lines>,
    combined: Option<Lines>,
    counts: BTreeMap<Mark, u64>,
    by_size: u64,
}

/// A file of paths; `-` is stdout.
struct Lines {
    path: PathBuf,
    out: Box<dyn Write>,
}

impl Lines {
    fn create(path: &Path, flag: &str) -> Result<Self> {
        let out: Box<dyn Write> = if path == Path::new("-") {
            Box::new(std::io::stdout())
        } else {
            let file = File::create(path).with_context(|| format!("{flag} {}", path.display()));
            Box::new(BufWriter::new(file.map_err(Failure::usage)?))
        };
        Ok(Self { path: path.to_owned(), out })
    }

    fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").with_context(|| format!("write {}", self.path.display()))
    }
}

impl Told {
    fn open(args: &CheckArgs) -> Result<Self> {
        let named = [
            (Mark::Match, &args.match_file, "--match"),
            (Mark::MissingOnSource, &args.missing_on_src, "--missing-on-src"),
            (Mark::MissingOnDestination, &args.missing_on_dst, "--missing-on-dst"),
            (Mark::Differ, &args.differ, "--differ"),
            (Mark::Error, &args.error, "--error"),
        ];
        let mut files = BTreeMap::new();
        for (mark, path, flag) in named {
            if let Some(path) = path {
                files.insert(mark, Lines::create(path, flag)?);
            }
        }
        let combined = args.combined.as_ref().map(|path| Lines::create(path, "--combined")).transpose()?;
        Ok(Self { files, combined, counts: BTreeMap::new(), by_size: 0 })
    }

    fn take(&mut self, change: &Change, ends: &Ends, args: &CheckArgs) -> Result<()> {
        let here = |entry: &Entry| entry.key.strip_prefix(&ends.source.prefix).unwrap_or_else(|| entry.key.clone());
        let there =
            |entry: &Entry| entry.key.strip_prefix(&ends.destination.prefix).unwrap_or_else(|| entry.key.clone());
        let (mark, key, why) = match change {
            Change::Same { source, reason } => {
                self.by_size += u64::from(*reason == Reason::SizeOnly);
                (Mark::Match, here(source), None)
            }
            Change::Copy { source, replaces: None } | Change::Impossible { source, .. } => {
                (Mark::MissingOnDestination, here(source), None)
            }
            Change::Copy { source, replaces: Some((_, Reason::Unreadable)) } => {
                (Mark::Error, here(source), Some(Reason::Unreadable.to_string()))
            }
            Change::Copy { source, replaces: Some((_, reason)) } | Change::Immutable { source, reason } => {
                (Mark::Differ, here(source), Some(reason.to_string()))
            }
            Change::Delete { destination, .. } | Change::Extra { destination } if !args.one_way => {
                (Mark::MissingOnSource, there(destination), None)
            }
            Change::Delete { .. } | Change::Extra { .. } => return Ok(()),
        };
        *self.counts.entry(mark).or_default() += 1;
        if mark != Mark::Match {
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            tracing::error!("{key}: {}{why}", mark.meaning());
        }
        if let Some(lines) = self.files.get_mut(&mark) {
            lines.line(key.as_str())?;
        }
        match &mut self.combined {
            Some(lines) => lines.line(&format!("{} {key}", mark.sign())),
            None => Ok(()),
        }
    }

    /// What was found, in one line, and the exit code: 4 where anything differs.
    fn finish(mut self, ended: Option<ExitCode>) -> Result<ExitCode> {
        for lines in self.files.values_mut().chain(&mut self.combined) {
            lines.out.flush().with_context(|| format!("write {}", lines.path.display()))?;
        }
        if ended == Some(ExitCode::RunFailed) && self.counts.is_empty() {
            return Ok(ExitCode::RunFailed);
        }
        let count = |mark| self.counts.get(&mark).copied().unwrap_or(0);
        let all: Vec<String> =
            Mark::ALL.into_iter().map(|mark| format!("{} {}", count(mark), mark.meaning())).collect();
        let by_size = match self.by_size {
            0 => String::new(),
            count => format!("; of {count} only the size could be compared, --download reads them"),
        };
        let whole = if ended.is_some() { "not all was compared: " } else { "" };
        Output::stdout().line(&format_args!("{whole}{}{by_size}", all.join(", ")))?;
        let differs = Mark::ALL.into_iter().any(|mark| mark != Mark::Match && count(mark) > 0);
        let found = if differs { ExitCode::ObjectsFailed } else { ExitCode::Done };
        Ok(ended.map_or(found, |ended| found.and(ended)))
    }
}
