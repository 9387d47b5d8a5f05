//! `solgate notify`

use std::collections::BTreeMap;

use transship_alert::WorkflowStatus;
use transship_config::{AlertsConfig, SolgateConfig};
use transship_support::{ExitCode, Failure, environment};

use crate::{
    cli::{Cli, NotifyArgs},
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &NotifyArgs) -> anyhow::Result<ExitCode> {
    let alerts = configured(cli)?.with_variables(&variables(args)).map_err(Failure::usage)?;
    let smtp = alerts.smtp();
    smtp.check().map_err(Failure::usage)?;
    let status = WorkflowStatus {
        name: args.name.clone(),
        namespace: args.namespace.clone(),
        status: args.status.clone(),
        timestamp: args.timestamp.clone(),
        host: args.host.clone(),
        failures: args.failures.clone(),
    };
    let message = status.message(alerts.from.value, alerts.to.value);
    transship_alert::send(&smtp, &message).await?;
    tracing::info!(server = smtp.server, to = message.to.join(", "), "mail sent");
    Ok(ExitCode::Done)
}

/// No configuration is needed; one that is named must be there.
fn configured(cli: &Cli) -> anyhow::Result<AlertsConfig> {
    let named = cli.config.is_some() || cli.config_folder.is_some() || cli.config_filename.is_some();
    match settings::place(cli).find() {
        Ok(file) => SolgateConfig::load_alerts(&file).map_err(Failure::usage),
        Err(_) if !named => Ok(AlertsConfig::default()),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// The environment, with the flags over it.
fn variables(args: &NotifyArgs) -> BTreeMap<String, String> {
    let mut variables = environment();
    let flags = [("ALERT_SENDER", &args.from), ("ALERT_RECIPIENT", &args.to), ("SMTP_SERVER", &args.smtp)];
    for (name, flag) in flags {
        variables.extend(flag.clone().map(|value| (name.to_owned(), value)));
    }
    variables
}
