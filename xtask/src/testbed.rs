//! `cargo xtask testbed`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use transship_testbed::{
    s3::{StandaloneOptions, serve_standalone},
    servers::{Packages, install},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an S3 server with its objects in memory until Ctrl-C; prints its endpoint and keys
    S3(S3Arguments),
    /// Install the servers that the tests run against
    Install {
        /// The tools that benchmarks compare with, too
        #[arg(long)]
        bench: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct S3Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// A bucket to start with; may be given several times
    #[arg(long, value_name = "NAME")]
    bucket: Vec<String>,
    /// Files to start with, and where they are to be, such as examples/quickstart/input=lake/input; may be given
    /// several times
    #[arg(long, value_name = "DIR=BUCKET/PREFIX", value_parser = load)]
    load: Vec<(PathBuf, String)>,
    /// Region
    #[arg(long, value_name = "NAME", default_value = "us-east-1")]
    region: String,
    /// Serve HTTPS, and write the certificate to trust into this file
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// Digest the bodies of uploads and drop them: for measurements
    #[arg(long)]
    discard: bool,
    /// Answer 503 to more requests a second than this
    #[arg(long, value_name = "N")]
    requests_per_second: Option<u32>,
}

/// Does what the command says.
///
/// # Errors
/// The server cannot start, or an installer failed.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::S3(arguments) => serve(arguments),
        Command::Install { bench } => bring(if bench { Packages::ServersAndPeers } else { Packages::Servers }),
    }
}

fn serve(arguments: S3Arguments) -> Result<ExitCode> {
    let options = StandaloneOptions {
        port: arguments.port,
        region: arguments.region,
        buckets: arguments.bucket,
        load: arguments.load,
        authority_file: arguments.tls,
        discard_bodies: arguments.discard,
        requests_per_second: arguments.requests_per_second,
        ..StandaloneOptions::default()
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(serve_standalone(options))?;
    Ok(ExitCode::SUCCESS)
}

fn load(text: &str) -> Result<(PathBuf, String), &'static str> {
    let (directory, place) = text.rsplit_once('=').ok_or("expected DIR=BUCKET or DIR=BUCKET/PREFIX")?;
    Ok((directory.into(), place.to_owned()))
}

fn bring(packages: Packages) -> Result<ExitCode> {
    let missing = install(packages, |step| println!("{step}"))?;
    for thing in &missing {
        println!("missing: {thing}");
    }
    if missing.is_empty() {
        println!("the testbed is complete");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
