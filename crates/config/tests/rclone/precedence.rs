//! <https://rclone.org/docs/#precedence>

use transship_config::RcloneConfig;

use super::{HERE, config, directory, ignored, remote, s3};

const CEPH: &str = "[ceph]\ntype = s3\nprovider = Ceph\nendpoint = http://c\nregion = file\n";

fn region(text: &str, pairs: &[(&str, &str)], flag: Option<&str>, typed: &str) -> Option<String> {
    let flags = flag.map(|value| ("s3-region".to_owned(), value.to_owned()));
    let remote = config(text, pairs).with_flags(flags).remote(typed, HERE.as_ref()).unwrap();
    s3(&remote).region.clone()
}

#[test]
fn each_place_wins_over_those_behind_it() {
    const OWN: (&str, &str) = ("RCLONE_CONFIG_CEPH_REGION", "own");
    const BACKEND: (&str, &str) = ("RCLONE_S3_REGION", "backend");
    let typed = "ceph,region=typed:b";
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(region(CEPH, &[OWN, BACKEND], Some("flag"), typed), some("typed"));
    assert_eq!(region(CEPH, &[OWN, BACKEND], Some("flag"), "ceph:b"), some("flag"));
    assert_eq!(region(CEPH, &[OWN, BACKEND], None, "ceph:b"), some("own"));
    assert_eq!(region(CEPH, &[BACKEND], None, "ceph:b"), some("backend"));
    assert_eq!(region(CEPH, &[], None, "ceph:b"), some("file"));
    assert_eq!(region(&CEPH.replace("region = file", ""), &[], None, "ceph:b"), some("us-east-1"));
}

#[test]
fn an_empty_value_hides_those_behind_it_except_in_the_file() {
    let default = Some("us-east-1".to_owned());
    assert_eq!(region(CEPH, &[("RCLONE_CONFIG_CEPH_REGION", "")], None, "ceph:b"), default);
    assert_eq!(region(CEPH, &[], None, "ceph,region=:b"), default);
    let empty = CEPH.replace("= file", "=");
    assert_eq!(region(&empty, &[("RCLONE_S3_REGION", "backend")], None, "ceph:b"), Some("backend".into()));
}

#[test]
fn a_remote_may_be_in_the_environment_alone_in_any_case() {
    let pairs = [("RCLONE_CONFIG_NEW_TYPE", "alias"), ("RCLONE_CONFIG_NEW_REMOTE", "/data")];
    for typed in ["new:x", "NEW:x", "nEw:x"] {
        assert_eq!(directory(&remote("", &pairs, typed)), std::path::Path::new("/data/x"));
    }
    assert_eq!(config(CEPH, &pairs).remotes(), ["ceph", "new"]);
}

#[test]
fn a_hyphen_is_an_underscore_in_variables_unless_another_remote_has_that_name() {
    let aliases = "[my-rem]\ntype = alias\nremote = /file\n";
    let (exact, plain) = (("RCLONE_CONFIG_MY-REM_REMOTE", "/exact"), ("RCLONE_CONFIG_MY_REM_REMOTE", "/plain"));
    assert_eq!(directory(&remote(aliases, &[exact, plain], "my-rem:")).to_str(), Some("/exact"));
    assert_eq!(directory(&remote(aliases, &[plain], "my-rem:")).to_str(), Some("/plain"));
    let both = format!("{aliases}[my_rem]\ntype = alias\nremote = /other\n");
    assert_eq!(directory(&remote(&both, &[plain], "my-rem:")).to_str(), Some("/file"));
    assert_eq!(directory(&remote(&both, &[plain], "my_rem:")).to_str(), Some("/plain"));
}

#[test]
fn the_type_too_can_be_overridden() {
    assert_eq!(directory(&remote("[x]\ntype = local\n", &[], "x,type=alias,remote='/a':b")).to_str(), Some("/a/b"));
    let pairs = [("RCLONE_CONFIG_X_TYPE", "local")];
    assert_eq!(directory(&remote("[x]\ntype = memory\n", &pairs, "x:b")).to_str(), Some("/here/b"));
}

#[test]
fn what_is_ignored_says_who_said_it() {
    let text = format!("{CEPH}list_chunk = 100\nencoding = Slash\ndescription = mine\n");
    let flags = [("s3-upload-concurrency".to_owned(), "8".to_owned())];
    let config = config(&text, &[("RCLONE_S3_DISABLE_HTTP2", "true")]).with_flags(flags);
    let remote = config.remote("ceph,no_head:b", HERE.as_ref()).unwrap();
    assert_eq!(
        ignored(&remote),
        [
            "disable_http2 (RCLONE_S3_DISABLE_HTTP2)",
            "encoding (rclone.conf:7)",
            "list_chunk (rclone.conf:6)",
            "no_head (connection string)",
            "upload_concurrency (--s3-upload-concurrency)",
        ]
    );
}

#[test]
fn flags_of_backends_are_known_by_name() {
    let flags: Vec<_> = RcloneConfig::backend_flags().collect();
    for flag in ["s3-region", "s3-sse-kms-key-id", "gcs-service-account-file", "azureblob-sas-url", "local-encoding"] {
        assert!(flags.iter().any(|known| known.name == flag && !known.is_switch), "{flag}");
    }
    assert!(flags.iter().any(|known| known.name == "s3-env-auth" && known.is_switch));
}
