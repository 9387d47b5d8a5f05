use crate::written::Kind;

const GENERAL: [&str; 9] = [
    "alerts_smtp_server",
    "alerts_smtp_security",
    "alerts_smtp_username",
    "alerts_smtp_password",
    "alerts_smtp_ca_bundle",
    "alerts_from",
    "alerts_to",
    "timedelta",
    "ignore_alerts",
];

pub(super) const ACCESS_KEY_ID: &str = "aws_access_key_id";
pub(super) const SECRET_ACCESS_KEY: &str = "aws_secret_access_key";
pub(super) const SESSION_TOKEN: &str = "aws_session_token";

/// Source and destinations know the same keys: files are written by copying sections.
const LOCATION: [&str; 23] = [
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    "base_path",
    "url",
    "endpoint_url",
    "region",
    "ca_bundle",
    "addressing_style",
    "sign_payload",
    "formatter",
    "unpack",
    "storage_class",
    "sse",
    "sse_kms_key_id",
    "azure_storage_connection_string",
    "azure_storage_key",
    "azure_storage_sas_token",
    "azure_client_id",
    "azure_tenant_id",
    "azure_client_secret",
    "google_application_credentials",
    "google_service_account_key",
];

const KEYS: [&str; 2] = [ACCESS_KEY_ID, SECRET_ACCESS_KEY];

/// The keys that a section may hold.
pub(crate) fn known_keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::General => &GENERAL,
        Kind::Source | Kind::Destination => &LOCATION,
        Kind::Keys => &KEYS,
    }
}

/// Whether any section may hold this key.
pub(crate) fn known_anywhere(key: &str) -> bool {
    GENERAL.contains(&key) || LOCATION.contains(&key)
}
