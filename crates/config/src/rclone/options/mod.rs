//! The options of rclone's backends, as of rclone 1.75: which are read, which have no meaning here, and which would
//! change what happens to data and are refused.

mod s3;

use self::s3::S3;

/// A backend and its options.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) kind: Kind,
    /// As `type` says it.
    pub(super) name: &'static str,
    /// As variables and flags begin.
    pub(super) prefix: &'static str,
    pub(super) read: &'static [&'static str],
    pub(super) ignored: &'static [&'static str],
    pub(super) refused: &'static [Refused],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Azure,
    Google,
    Local,
    Alias,
    Memory,
}

/// An option that is not supported, and the values that it may have all the same: those that ask for nothing.
pub(super) type Refused = (&'static str, &'static [&'static str]);

const OFF: &[&str] = &["false", "0", "f", "F", "FALSE", "False"];
const EMPTY: &[&str] = &[];

pub(super) fn backend(name: &str) -> Option<&'static Backend> {
    backends().find(|backend| [backend.name, backend.prefix].contains(&name) || backend.name.replace(' ', "") == name)
}

pub(super) fn backends() -> impl Iterator<Item = &'static Backend> {
    [&S3, &AZURE, &GOOGLE, &LOCAL, &ALIAS, &MEMORY].into_iter()
}

/// Options whose flags need no value, as variables and flags name them.
const SWITCHES: &[&str] = &[
    "azureblob_archive_tier_delete",
    "azureblob_client_send_certificate_chain",
    "azureblob_decompress",
    "azureblob_directory_markers",
    "azureblob_disable_checksum",
    "azureblob_disable_instance_discovery",
    "azureblob_env_auth",
    "azureblob_no_check_container",
    "azureblob_no_head_object",
    "azureblob_use_arrow_list",
    "azureblob_use_az",
    "azureblob_use_copy_blob",
    "azureblob_use_emulator",
    "azureblob_use_msi",
    "gcs_anonymous",
    "gcs_bucket_policy_only",
    "gcs_client_credentials",
    "gcs_decompress",
    "gcs_directory_markers",
    "gcs_env_auth",
    "gcs_no_check_bucket",
    "local_case_insensitive",
    "local_case_sensitive",
    "local_copy_links",
    "local_fatal_if_no_space",
    "local_links",
    "local_metadata_restore_special_bits",
    "local_no_check_updated",
    "local_no_clone",
    "local_no_preallocate",
    "local_no_set_modtime",
    "local_no_sparse",
    "local_nounc",
    "local_one_file_system",
    "local_skip_links",
    "local_skip_specials",
    "local_unicode_normalization",
    "local_zero_size_links",
    "memory_discard",
    "s3_bucket_object_lock_enabled",
    "s3_bypass_governance_retention",
    "s3_decompress",
    "s3_directory_bucket",
    "s3_directory_markers",
    "s3_disable_checksum",
    "s3_disable_http2",
    "s3_env_auth",
    "s3_force_path_style",
    "s3_leave_parts_on_error",
    "s3_no_check_bucket",
    "s3_no_head",
    "s3_no_head_object",
    "s3_no_system_metadata",
    "s3_object_lock_set_after_upload",
    "s3_requester_pays",
    "s3_use_accelerate_endpoint",
    "s3_use_arn_region",
    "s3_use_dual_stack",
    "s3_use_presigned_request",
    "s3_v2_auth",
    "s3_version_deleted",
    "s3_versions",
];

impl Backend {
    /// Whether an option's flag needs no value.
    pub(super) fn is_switch(&self, option: &str) -> bool {
        SWITCHES.contains(&format!("{}_{option}", self.prefix).as_str())
    }

    /// An option's flag, without dashes before it. Those about links have no prefix.
    pub(super) fn flag(&self, option: &str) -> String {
        let name = match (self.kind, option) {
            (Kind::Local, "copy_links" | "skip_links" | "one_file_system") => option.to_owned(),
            _ => format!("{}_{option}", self.prefix),
        };
        name.replace('_', "-")
    }

    pub(super) fn options(&self) -> impl Iterator<Item = &'static str> {
        let refused = self.refused.iter().map(|(option, _)| *option);
        self.read.iter().chain(self.ignored).copied().chain(refused)
    }

    pub(super) fn is_ignored(&self, option: &str) -> bool {
        self.ignored.contains(&option)
    }

    /// The values that a refused option may have.
    pub(super) fn harmless(&self, option: &str) -> Option<&'static [&'static str]> {
        self.refused.iter().find(|(refused, _)| *refused == option).map(|(_, harmless)| *harmless)
    }
}

/// <https://rclone.org/azureblob/#standard-options>
static AZURE: Backend = Backend {
    kind: Kind::Azure,
    name: "azureblob",
    prefix: "azureblob",
    read: &[
        "account",
        "env_auth",
        "key",
        "sas_url",
        "connection_string",
        "tenant",
        "client_id",
        "client_secret",
        "endpoint",
        "use_emulator",
        "chunk_size",
        "no_check_container",
    ],
    ignored: &[
        "copy_concurrency",
        "copy_cutoff",
        "copy_total_concurrency",
        "directory_markers",
        "disable_checksum",
        "disable_instance_discovery",
        "encoding",
        "list_chunk",
        "list_parallelism",
        "memory_pool_flush_time",
        "memory_pool_use_mmap",
        "no_head_object",
        "public_access",
        "upload_concurrency",
        "upload_cutoff",
        "use_arrow_list",
        "use_copy_blob",
    ],
    refused: &[
        ("access_tier", EMPTY),
        ("archive_tier_delete", OFF),
        ("client_certificate_password", EMPTY),
        ("client_certificate_path", EMPTY),
        ("client_send_certificate_chain", OFF),
        ("decompress", OFF),
        ("delete_snapshots", EMPTY),
        ("msi_client_id", EMPTY),
        ("msi_mi_res_id", EMPTY),
        ("msi_object_id", EMPTY),
        ("password", EMPTY),
        ("service_principal_file", EMPTY),
        ("use_az", OFF),
        ("use_msi", OFF),
        ("username", EMPTY),
    ],
};

/// <https://rclone.org/googlecloudstorage/#standard-options>
static GOOGLE: Backend = Backend {
    kind: Kind::Google,
    name: "google cloud storage",
    prefix: "gcs",
    read: &[
        "anonymous",
        "env_auth",
        "service_account_file",
        "service_account_credentials",
        "token",
        "access_token",
        "endpoint",
        "storage_class",
        "no_check_bucket",
    ],
    ignored: &[
        "auth_url",
        "bucket_acl",
        "bucket_policy_only",
        "client_id",
        "client_secret",
        "directory_markers",
        "encoding",
        "location",
        "project_number",
        "token_url",
    ],
    refused: &[
        ("client_credentials", OFF),
        ("decompress", OFF),
        ("object_acl", &["private", "projectPrivate"]),
        ("user_project", EMPTY),
    ],
};

/// <https://rclone.org/local/#standard-options>
pub(super) static LOCAL: Backend = Backend {
    kind: Kind::Local,
    name: "local",
    prefix: "local",
    read: &["copy_links", "skip_links"],
    ignored: &[
        "case_insensitive",
        "case_sensitive",
        "encoding",
        "fatal_if_no_space",
        "hashes",
        "metadata_restore_special_bits",
        "no_check_updated",
        "no_clone",
        "no_preallocate",
        "no_set_modtime",
        "no_sparse",
        "nounc",
        "skip_specials",
        "zero_size_links",
    ],
    refused: &[("links", OFF), ("one_file_system", OFF), ("time_type", &["mtime"]), ("unicode_normalization", OFF)],
};

/// <https://rclone.org/alias/#standard-options>
static ALIAS: Backend =
    Backend { kind: Kind::Alias, name: "alias", prefix: "alias", read: &["remote"], ignored: &[], refused: &[] };

/// <https://rclone.org/memory/#standard-options>
static MEMORY: Backend = Backend {
    kind: Kind::Memory,
    name: "memory",
    prefix: "memory",
    read: &[],
    ignored: &[],
    refused: &[("discard", OFF)],
};
