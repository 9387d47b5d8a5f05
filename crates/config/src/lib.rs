//! File formats and variables into typed job descriptions: what was written, then what it means.
//!
//! [`SolgateConfig`] is Solgate's configuration, of every generation: INI, TOML or YAML, files of keys beside it, and
//! the environment, which the caller hands in. [`ConfigPath`] finds the file. Every error is one line with file, line,
//! section and key, and never holds a secret; settings remember where they came from ([`Origin`]).
//!
//! [`RcloneConfig`] is rclone's: `rclone.conf`, its variables, and what is typed for a remote ([`Remote`]).
//!
//! ```
//! use std::{collections::BTreeMap, path::Path};
//! use transship_config::SolgateConfig;
//!
//! let text = "
//! [source_lab]
//! url = file:///data/lab      ; comments follow white space
//!
//! [destination_ceph]
//! base_path = DH-PLAYPEN/lab
//! aws_access_key_id = KEY_ID
//! aws_secret_access_key = SECRET
//! unpack = yes
//! ";
//! let config = SolgateConfig::from_text(Path::new("config.ini"), text, &BTreeMap::new())?;
//! assert_eq!(config.destinations[0].place.location.prefix, "lab/");
//! # Ok::<(), transship_config::ConfigError>(())
//! ```

mod error;
mod ini;
mod layers;
mod origin;
mod rclone;
mod solgate;
mod timedelta;
mod written;

pub use error::{ConfigError, Result};
pub use origin::{At, Origin, Sourced};
pub use rclone::{BackendFlag, Ignored, RcloneConfig, Remote, RemotePlace, WriteOptions};
pub use solgate::{AlertsConfig, ConfigPath, CredentialsFrom, DestinationConfig, LocationConfig, SolgateConfig};
pub use timedelta::parse_timedelta;
