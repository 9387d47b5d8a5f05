//! `solgate notify`

use std::collections::BTreeMap;

use anyhow::anyhow;
use transship_alert::{Error, WorkflowStatus};
use transship_config::{AlertsConfig, ConfigError, Origin, SolgateConfig};
use transship_support::{ExitCode, Failure, environment};

use crate::{
    cli::{Cli, NotifyArgs},
    settings,
};

pub(crate) async fn run(cli: &Cli, args: &NotifyArgs) -> anyhow::Result<ExitCode> {
    let said = |error: &ConfigError| Failure::usage(anyhow!(by_flag(args, error)));
    let alerts = configured(cli)?.with_variables(&variables(args)).map_err(|error| said(&error))?;
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
    let (from, to) = (flag_or(args, alerts.from.origin), flag_or(args, alerts.to.origin));
    let message = status.message(alerts.from.value, alerts.to.value);
    message.check().map_err(|error| match &error {
        Error::Address { role: "sender", .. } => Failure::usage(anyhow!("{from}: {error}")),
        Error::Address { .. } => Failure::usage(anyhow!("{to}: {error}")),
        _ => error.into(),
    })?;
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

/// The flags that come before variables: name, value, and the variable that the configuration knows them by.
fn flags(args: &NotifyArgs) -> [(&'static str, Option<&String>, &'static str); 3] {
    [
        ("--from", set(&args.from), "ALERT_SENDER"),
        ("--to", set(&args.to), "ALERT_RECIPIENT"),
        ("--smtp", set(&args.smtp), "SMTP_SERVER"),
    ]
}

/// What is empty says nothing, as in the environment.
fn set(value: &Option<String>) -> Option<&String> {
    value.as_ref().filter(|value| !value.is_empty())
}

/// The environment, with the flags over it.
fn variables(args: &NotifyArgs) -> BTreeMap<String, String> {
    let mut variables = environment();
    for (_, value, variable) in flags(args) {
        variables.extend(value.map(|value| (variable.to_owned(), value.clone())));
    }
    variables
}

/// The flag that stands for this variable here.
fn flag(args: &NotifyArgs, variable: &str) -> Option<&'static str> {
    flags(args).into_iter().find(|(_, value, name)| value.is_some() && *name == variable).map(|(flag, ..)| flag)
}

/// Who said it: a flag, a variable, or a file and its line.
fn flag_or(args: &NotifyArgs, origin: Origin) -> String {
    let flag = match &origin {
        Origin::Variable(name) => flag(args, name),
        _ => None,
    };
    flag.map_or_else(|| origin.to_string(), str::to_owned)
}

/// The error, with the flag in place of the variable that it was handed on as.
fn by_flag(args: &NotifyArgs, error: &ConfigError) -> String {
    let text = error.to_string();
    let Some(variable) = error.key().filter(|_| error.file().is_none()) else { return text };
    match (flag(args, variable), text.strip_prefix(&format!("{variable}: "))) {
        (Some(flag), Some(rest)) => format!("{flag}: {rest}"),
        _ => text,
    }
}
