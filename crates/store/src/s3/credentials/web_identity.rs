//! A role that is assumed with an identity provider's token: EKS service accounts, CI systems.

use std::path::PathBuf;

use transship_types::Secret;

use super::{
    Keys,
    profiles::Profile,
    sts::{AssumedRole, Sts},
    variables::Variables,
    wire::Wire,
};
use crate::{Error, ErrorKind, Result};

const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// A role and the file that holds the token, which is read for every request: it is rewritten before it expires.
#[derive(Debug)]
pub(super) struct WebIdentity {
    role: AssumedRole,
    token_file: PathBuf,
}

impl WebIdentity {
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN` and `AWS_ROLE_SESSION_NAME`.
    ///
    /// # Errors
    /// `Configuration`, where the role is missing.
    pub(super) fn of_environment(variables: &Variables) -> Result<Option<Self>> {
        let Some(file) = variables.get(FILE) else { return Ok(None) };
        let Some(arn) = variables.get("AWS_ROLE_ARN") else {
            return Err(Error::new(ErrorKind::Configuration, format!("{FILE} is set, but AWS_ROLE_ARN is not")));
        };
        let session_name = variables.get("AWS_ROLE_SESSION_NAME");
        let role = AssumedRole::new(arn, session_name, "AWS_ROLE_ARN");
        Ok(Some(Self { role, token_file: variables.path(file) }))
    }

    /// `web_identity_token_file` and what belongs to it.
    ///
    /// # Errors
    /// `Configuration`, where the role is missing.
    pub(super) fn of_profile(variables: &Variables, profile: Profile<'_>) -> Result<Option<Self>> {
        let Some(file) = profile.get("web_identity_token_file") else { return Ok(None) };
        let Some(arn) = profile.get("role_arn") else {
            return Err(file.wrong("web_identity_token_file is set, but role_arn is not"));
        };
        Ok(Some(Self { role: AssumedRole::of_profile(profile, arn)?, token_file: variables.path(file.value) }))
    }

    /// Reads the token and assumes the role.
    pub(super) async fn fetch(&self, sts: &Sts, wire: &Wire) -> Result<Keys> {
        let wrong = |what: String| {
            let path = self.token_file.display();
            Error::new(ErrorKind::Credentials, format!("the web identity token {path} {what}"))
        };
        let read = tokio::fs::read_to_string(&self.token_file).await;
        let token = Secret::new(read.map_err(|e| wrong(format!("cannot be read: {e}")))?.trim());
        if token.expose().is_empty() {
            return Err(wrong("is empty".into()));
        }
        sts.assume_role_with_web_identity(&self.role, &token, wire).await
    }
}
