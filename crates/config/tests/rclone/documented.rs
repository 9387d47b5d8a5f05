use std::path::Path;

use transship_config::{RcloneConfig, RemotePlace};
use transship_store::Addressing;

use super::{HERE, config, keys, remote, s3};

const PIPELINE: &str = "\
[source]
type = s3
provider = AWS
env_auth = false
access_key_id = CHANGEME
secret_access_key = CHANGEME
acl = private

[destination]
type = s3
provider = Ceph
env_auth = false
access_key_id = CHANGEME
secret_access_key = CHANGEME
acl = private
endpoint = https://s3.upshift.redhat.com/
";

#[test]
fn the_pipelines_own_example_is_understood() {
    let source = remote(PIPELINE, &[("AWS_SESSION_TOKEN", "t"), ("AWS_ENDPOINT_URL", "http://x")], "source:data");
    assert_eq!(keys(&source), ("CHANGEME", "CHANGEME", None));
    let spec = s3(&source);
    assert_eq!((spec.bucket.as_str(), &spec.endpoint, &spec.region), ("data", &None, &None));
    assert_eq!(spec.addressing, Addressing::Auto);

    let destination = remote(PIPELINE, &[], "destination:lake/tables");
    let spec = s3(&destination);
    assert_eq!((spec.bucket.as_str(), spec.addressing), ("lake", Addressing::Path));
    assert_eq!(spec.endpoint.as_deref(), Some("https://s3.upshift.redhat.com"));
    assert_eq!(destination.location().unwrap().prefix, "tables/");
    assert_eq!(destination.object.as_deref(), Some("tables"), "it may be an object");
    assert_eq!(destination.write.acl.as_deref(), Some("private"));
    assert_eq!((destination.ignored.len(), destination.warnings.len()), (0, 0));
}

#[test]
fn a_remote_without_a_bucket_names_all_and_says_so_when_one_is_needed() {
    let all = remote(PIPELINE, &[], "source:");
    assert_eq!(all.place, RemotePlace::AllBuckets);
    let error = all.location().unwrap_err().to_string();
    assert_eq!(error, "\"source:\" names no bucket: expected source:bucket or source:bucket/path");
}

#[test]
fn the_path_is_a_bucket_and_a_folder_in_it() {
    for (typed, bucket, prefix, object) in [
        ("source:data", "data", "", None),
        ("source:data/", "data", "", None),
        ("source:data//", "data", "", None),
        ("source:/data/a", "data", "a/", Some("a")),
        ("source:data/a/b", "data", "a/b/", Some("a/b")),
        ("source:data/a/b/", "data", "a/b/", None),
        ("source:data/a//b", "data", "a//b/", Some("a//b")),
        ("source:data/a/../b", "data", "a/../b/", Some("a/../b")),
        ("source:data/a:b,c", "data", "a:b,c/", Some("a:b,c")),
    ] {
        let remote = remote(PIPELINE, &[], typed);
        let location = remote.location().unwrap();
        assert_eq!((s3(&remote).bucket.as_str(), location.prefix.as_str()), (bucket, prefix), "{typed}");
        assert_eq!((remote.object.as_deref(), remote.name.as_str()), (object, typed));
    }
}

const PAGE: &str = include_str!("../../../../docs/mirror-configuration.md");

#[test]
fn the_page_knows_every_option() {
    for flag in RcloneConfig::backend_flags() {
        let whole = flag.name.replace('-', "_");
        let (_, option) = whole.split_once('_').unwrap();
        assert!([&whole, option].iter().any(|option| PAGE.contains(&format!("`{option}`"))), "{}", flag.name);
    }
}

#[test]
fn the_pages_examples_work() {
    let text: String = PAGE.split("```ini\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let config = config(&text, &[]);
    for name in config.remotes() {
        config
            .remote(&format!("{name}:bucket/path"), Path::new(HERE))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let typed: Vec<_> = PAGE.lines().filter_map(|line| line.strip_prefix("- `")?.split_once('`')).collect();
    assert!(typed.len() > 5, "{typed:?}");
    for (typed, _) in typed {
        config.remote(typed, Path::new(HERE)).unwrap_or_else(|error| panic!("{typed}: {error}"));
    }
}
