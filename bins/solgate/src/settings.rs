//! From the configuration to what the libraries want.

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use transship::{
    Leg, Place, Route, RunOptions, keys::Defaults, report::Header, store::PayloadSigning, transfer::CopyOptions,
};
use transship_config::{ConfigPath, DestinationConfig, LocationConfig, SolgateConfig};
use transship_support::{Failure, default_memory, environment};

use crate::cli::{Cli, CopyArgs, SignPayload};

/// Where the command line says that the configuration is.
pub(crate) fn place(cli: &Cli) -> ConfigPath {
    ConfigPath { path: cli.config.clone(), folder: cli.config_folder.clone(), filename: cli.config_filename.clone() }
}

/// Finds and reads the configuration.
pub(crate) fn load(cli: &Cli) -> anyhow::Result<SolgateConfig> {
    let file = place(cli).find().map_err(Failure::usage)?;
    let mut config = SolgateConfig::load(&file, &environment()).map_err(Failure::usage)?;
    match cli.sign_payload {
        Some(SignPayload::Auto) => config.sign_payloads(PayloadSigning::Auto),
        Some(SignPayload::Always) => config.sign_payloads(PayloadSigning::Always),
        None => {}
    }
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for location in std::iter::once(&config.source).chain(config.destinations.iter().map(|d| &d.place)) {
        let endpoint = location.endpoint.as_ref().map(|e| format!("{} ({})", e.value, e.origin));
        tracing::debug!(name = location.name, endpoint, credentials = %location.credentials, "location");
    }
    Ok(config)
}

/// Opens the source alone.
pub(crate) fn source(config: &SolgateConfig) -> anyhow::Result<Place> {
    open(&config.source)
}

/// Opens everything; nothing is sent yet.
pub(crate) fn route(config: &SolgateConfig) -> anyhow::Result<Route> {
    let defaults = Defaults::at(time::OffsetDateTime::now_utc());
    let leg = |destination: &DestinationConfig| -> anyhow::Result<Leg> {
        Ok(Leg {
            name: destination.place.name.clone(),
            place: open(&destination.place)?,
            keys: destination.key_map(defaults),
            storage_class: destination.storage_class.clone(),
            encryption: destination.encryption.clone(),
        })
    };
    let legs = config.destinations.iter().map(leg).collect::<anyhow::Result<_>>()?;
    Ok(Route { source: source(config)?, legs })
}

fn open(location: &LocationConfig) -> anyhow::Result<Place> {
    let named = |error| anyhow::Error::new(error).context(format!("{} ({})", location.name, location.origin));
    Place::at(&location.location).map_err(|error| Failure::usage(named(error)))
}

/// The engine's options, from the flags.
///
/// # Errors
/// A folder for the plan that takes no file.
pub(crate) fn run_options(args: &CopyArgs, cancel: CancellationToken) -> anyhow::Result<RunOptions> {
    let memory = args.run.memory.unwrap_or_else(default_memory);
    let mut copy = CopyOptions {
        memory: memory.for_data(),
        transfers: usize::from(args.transfers),
        split_above: args.split_above.0,
        bandwidth: args.run.bandwidth(),
        ..CopyOptions::default()
    };
    copy.retry.attempts = u32::from(args.attempts);
    if let Some(folder) = &args.work_dir {
        // The file has no name, or loses it again.
        let tried = tempfile::tempfile_in(folder).map_err(|error| std::io::Error::from(error.kind()));
        tried.with_context(|| format!("--work-dir {folder:?}: create a file there")).map_err(Failure::usage)?;
    }
    Ok(RunOptions {
        copy,
        skip_existing: args.skip_existing,
        listers: memory.listers(RunOptions::default().listers),
        work_dir: args.work_dir.clone().unwrap_or_else(std::env::temp_dir),
        cancel,
        ..RunOptions::default()
    })
}

/// The head of the run's report.
pub(crate) fn header(command: &str, args: &CopyArgs, config: &SolgateConfig, route: &Route) -> Header {
    use transship::report::Place as Named;
    let mut header = Header::new("solgate", env!("CARGO_PKG_VERSION"), command);
    header.dry_run = args.dry_run;
    let source = Named { name: config.source.name.clone(), location: route.source.describe() };
    header.source = Some(source);
    header.destinations =
        route.legs.iter().map(|leg| Named { name: leg.name.clone(), location: leg.place.describe() }).collect();
    header
}
