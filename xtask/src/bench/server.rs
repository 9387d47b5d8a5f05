//! The in-memory S3 server as a process of its own, asked through its standard input what it was asked.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    process::ExitCode,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use transship_testbed::s3::{Effect, Fault, LogDetail, LoggedRequest, Operation, S3Server, StoredObject, WrongRegion};

use super::{
    contender::SOURCE,
    end::{ACCESS_KEY, BUCKET, EMPTY, SECRET_KEY, Seen, TWIN},
    holding::{Archives, Holding},
    stock::Stock,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What it is like, as JSON
    setup: Setup,
}

/// What a server is like.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Setup {
    /// Digests the bodies of uploads and drops them.
    pub(crate) discard: bool,
    /// Keeps every request, and not only their number.
    pub(crate) log: bool,
    /// Milliseconds before each upload of an object or a part is read.
    pub(crate) upload_delay: u64,
    /// Milliseconds before each page of a listing.
    pub(crate) page_delay: u64,
    /// Requests a second beyond which it answers 503.
    pub(crate) refuses_above: Option<u32>,
    /// Large objects that it holds from the start, and their bytes.
    pub(crate) holding: Option<(Holding, u64)>,
    /// What it holds from the start.
    pub(crate) stock: Option<Stock>,
}

impl FromStr for Setup {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// Serves until standard input ends. The first line printed is the endpoint; each line read is answered: `counts` with
/// the number of requests of each operation so far, `seen` with those that came since it was asked last, `listed` with the
/// number of different keys of each bucket, of those that are made up, that were listed since then, `unpinned` with the
/// number of reads and copies so far that would not notice that the object is another one than was listed.
///
/// # Errors
/// It cannot start, or whoever started it reads no more.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let setup = &arguments.setup;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let mut builder = S3Server::builder()
        .bucket(BUCKET)
        .bucket(TWIN)
        .bucket(EMPTY)
        .key(ACCESS_KEY, SECRET_KEY)
        .wrong_region(WrongRegion::Accept)
        .log(if setup.log { LogDetail::Requests } else { LogDetail::Counts });
    if setup.discard {
        builder = builder.discard_bodies();
    }
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let server = runtime.block_on(builder.start())?;
    furnish(&server, setup)?;
    let (mut out, mut told) = (io::stdout(), 0);
    writeln!(out, "{}", server.endpoint())?;
    for line in io::stdin().lock().lines() {
        let answer = match &*line? {
            "seen" => {
                let fresh: Vec<_> = server.requests().into_iter().filter(|request| request.sequence >= told).collect();
                told = fresh.last().map_or(told, |request| request.sequence + 1);
                serde_json::to_string(&fresh.into_iter().map(|request| seen(request, started)).collect::<Vec<_>>())?
            }
            "listed" => {
                let listed = [BUCKET, TWIN].map(|bucket| (bucket, server.store().take_listed(bucket)));
                serde_json::to_string(&BTreeMap::from(listed))?
            }
            "unpinned" => server.unpinned().to_string(),
            _ => {
                let counts = server.counts().into_iter();
                let counts: BTreeMap<_, _> = counts.map(|(operation, n)| (format!("{operation:?}"), n)).collect();
                serde_json::to_string(&counts)?
            }
        };
        writeln!(out, "{answer}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn seen(request: LoggedRequest, started: Duration) -> Seen {
    Seen {
        operation: format!("{:?}", request.operation),
        key: request.key.unwrap_or_default(),
        arrived: (started + request.arrived).as_secs_f64(),
        answered: (started + request.answered.unwrap_or(request.arrived)).as_secs_f64(),
    }
}

fn furnish(server: &S3Server, setup: &Setup) -> Result<()> {
    if let Some((holding, size)) = setup.holding {
        for (key, object) in holding.objects(size)? {
            server.put(BUCKET, &key, object);
        }
    }
    if let Some(stock) = setup.stock {
        plant(server, stock)?;
    }
    let delays = [
        (setup.page_delay, vec![Operation::ListObjectsV2, Operation::ListObjects]),
        (setup.upload_delay, vec![Operation::PutObject, Operation::UploadPart]),
    ];
    for (delay, operations) in delays.into_iter().filter(|(delay, _)| *delay > 0) {
        for operation in operations {
            server.faults().add(Fault::new(Effect::Delay(Duration::from_millis(delay))).on(operation));
        }
    }
    if let Some(rate) = setup.refuses_above {
        server.faults().add(Fault::above_rate(rate, rate.div_ceil(10)));
    }
    Ok(())
}

fn plant(server: &S3Server, stock: Stock) -> Result<()> {
    if let Stock::Numbered { count, padding, size } = stock {
        // Equal times at both: otherwise whoever compares them finds every object changed.
        let object = StoredObject::synthetic(size, 0).modified_at(server.now());
        object.etag();
        [BUCKET, TWIN].into_iter().for_each(|bucket| server.store().number(bucket, count, padding, object.clone()));
        return Ok(());
    }
    let archives = match stock {
        Stock::Archives { size, .. } => Some(Archives::new(size)?),
        _ => None,
    };
    for n in 0..stock.count() {
        let object = match (&archives, stock) {
            (Some(archives), _) => StoredObject::new(archives.packed(n)?),
            (None, Stock::Parts { size, part, .. }) => StoredObject::synthetic_in_parts(size, part, n),
            (None, _) => StoredObject::synthetic(stock.size(n), n),
        };
        // Now, and not while somebody waits for the first listing.
        object.etag();
        server.put(BUCKET, &format!("{SOURCE}/{}", stock.key(n)), object);
    }
    Ok(())
}
