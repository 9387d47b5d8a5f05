//! The in-memory S3 server as a process of its own, asked through its standard input what it was asked.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use transship_testbed::s3::{Effect, Fault, LogDetail, Operation, S3Server, StoredObject, WrongRegion};

use super::{
    end::{ACCESS_KEY, BUCKET, SECRET_KEY},
    holding::Holding,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Digest the bodies of uploads and drop them
    #[arg(long)]
    discard: bool,
    /// Milliseconds before each upload of an object or a part is read
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// What it holds from the start
    #[arg(long, value_enum)]
    holding: Option<Holding>,
    /// The bytes of that
    #[arg(long, default_value_t = 0)]
    size: u64,
    /// So many objects that are listed without being held
    #[arg(long)]
    numbered: Option<u64>,
    /// Milliseconds before each page of a listing
    #[arg(long, default_value_t = 0)]
    page_delay: u64,
}

/// Serves until standard input ends. The first line printed is the endpoint; each line read is answered with the number
/// of requests of each operation so far.
///
/// # Errors
/// It cannot start, or whoever started it reads no more.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let mut builder = S3Server::builder()
        .bucket(BUCKET)
        .key(ACCESS_KEY, SECRET_KEY)
        .wrong_region(WrongRegion::Accept)
        .log(LogDetail::Counts);
    if arguments.discard {
        builder = builder.discard_bodies();
    }
    let server = runtime.block_on(builder.start())?;
    if let Some(holding) = arguments.holding {
        for (key, object) in holding.objects(arguments.size)? {
            server.put(BUCKET, &key, object);
        }
    }
    if let Some(count) = arguments.numbered {
        server.store().number(BUCKET, count, StoredObject::new("content"));
    }
    if arguments.page_delay > 0 {
        let delay = Duration::from_millis(arguments.page_delay);
        server.faults().add(Fault::new(Effect::Delay(delay)).on(Operation::ListObjectsV2));
    }
    if arguments.delay > 0 {
        let delay = Duration::from_millis(arguments.delay);
        for operation in [Operation::PutObject, Operation::UploadPart] {
            server.faults().add(Fault::new(Effect::Delay(delay)).on(operation));
        }
    }
    let mut out = io::stdout();
    writeln!(out, "{}", server.endpoint())?;
    for line in io::stdin().lock().lines() {
        line?;
        let counts = server.counts().into_iter();
        let counts: BTreeMap<_, _> = counts.map(|(operation, n)| (format!("{operation:?}"), n)).collect();
        writeln!(out, "{}", serde_json::to_string(&counts)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
