use super::settings::Settings;
use crate::{ConfigError, Result, error::nearest};

/// How a provider of S3 wants a bucket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// In the path, unless told otherwise.
    Path,
    /// In the host's name, where it can be part of one.
    Host,
}

/// As rclone 1.75 sends requests to each of them.
const PROVIDERS: [(&str, Naming); 54] = [
    ("AWS", Naming::Host),
    ("Alibaba", Naming::Host),
    ("ArvanCloud", Naming::Path),
    ("BizflyCloud", Naming::Path),
    ("Ceph", Naming::Path),
    ("ChinaMobile", Naming::Path),
    ("Cloudflare", Naming::Path),
    ("Cubbit", Naming::Host),
    ("DigitalOcean", Naming::Host),
    ("Dreamhost", Naming::Host),
    ("Exaba", Naming::Path),
    ("Fastly", Naming::Path),
    ("FileLu", Naming::Path),
    ("FlashBlade", Naming::Path),
    ("GCS", Naming::Host),
    ("HCP", Naming::Path),
    ("Hetzner", Naming::Path),
    ("HuaweiOBS", Naming::Host),
    ("IBMCOS", Naming::Path),
    ("IDrive", Naming::Path),
    ("IONOS", Naming::Path),
    ("ImpossibleCloud", Naming::Host),
    ("Intercolo", Naming::Host),
    ("Leviia", Naming::Host),
    ("Liara", Naming::Path),
    ("Linode", Naming::Host),
    ("LyveCloud", Naming::Host),
    ("Magalu", Naming::Path),
    ("Mega", Naming::Path),
    ("Minio", Naming::Path),
    ("Netease", Naming::Host),
    ("OVHcloud", Naming::Host),
    ("Other", Naming::Path),
    ("Outscale", Naming::Path),
    ("Petabox", Naming::Host),
    ("Qiniu", Naming::Path),
    ("Rabata", Naming::Host),
    ("RackCorp", Naming::Host),
    ("Rclone", Naming::Path),
    ("Scaleway", Naming::Host),
    ("Scality", Naming::Path),
    ("SeaweedFS", Naming::Path),
    ("Selectel", Naming::Host),
    ("Servercore", Naming::Host),
    ("SpectraLogic", Naming::Path),
    ("StackPath", Naming::Path),
    ("Storj", Naming::Host),
    ("Synology", Naming::Host),
    ("TencentCOS", Naming::Host),
    ("US3", Naming::Path),
    ("Wasabi", Naming::Host),
    ("Zadara", Naming::Path),
    ("Zata", Naming::Host),
    ("ZeroServices", Naming::Path),
];

/// Who serves S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// Amazon; also who names neither provider nor endpoint.
    Aws,
    /// Somebody else, whose endpoint must be known.
    Other(Naming),
}

/// # Errors
/// The provider is unknown and nothing says where it is.
pub(super) fn provider(settings: &Settings<'_>, warnings: &mut Vec<String>) -> Result<Provider> {
    let has_endpoint = settings.get("endpoint").is_some();
    let Some(setting) = settings.get("provider") else {
        return Ok(if has_endpoint { Provider::Other(Naming::Path) } else { Provider::Aws });
    };
    let name = setting.text();
    match PROVIDERS.iter().find(|(known, _)| *known == name) {
        Some(("AWS", _)) => Ok(Provider::Aws),
        Some((_, naming)) => Ok(Provider::Other(*naming)),
        None => {
            let close = PROVIDERS.iter().map(|(known, _)| *known).find(|known| known.eq_ignore_ascii_case(name));
            let close = close.or_else(|| nearest(name, PROVIDERS.iter().map(|(known, _)| *known)));
            let unknown = ConfigError::new(format!("{name:?} is no provider that is known")).nearest(close);
            if !has_endpoint {
                return Err(setting.error(unknown.expected("a known provider, or endpoint beside it")));
            }
            warnings.push(format!("{}; taken for Other", setting.error(unknown)));
            Ok(Provider::Other(Naming::Path))
        }
    }
}
