//! What Solgate's users have: its documented example, and each later form of the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say where")]

use std::{collections::BTreeMap, path::Path, time::Duration};

use time::macros::datetime;
use transship_config::{CredentialsFrom, Origin, SolgateConfig};
use transship_keys::Defaults;
use transship_store::{Addressing, BucketSpec, PayloadSigning, S3Credentials, S3Spec};

/// The documented example's keys and values, with comments of every kind that such files have.
const EXAMPLE: &str = "\
[solgate]
alerts_smtp_server = smtp.corp.redhat.com
alerts_from        = solgate-alerts@redhat.com
alerts_to          = dev-null@redhat.com
timedelta          = 1d

[source_some_fancy_name]
aws_access_key_id     = KEY_ID
aws_secret_access_key = SECRET
base_path             = DH-PLAYPEN/storage/input   ; bucket, and a folder in it; without one, all of the bucket
endpoint_url          = https://s3.amazonaws.com   ; may be left out: AWS, then
formatter             = {date}/{collection}.{ext}  ; may be left out: keys stay

[destination_some_fancy_name]
aws_access_key_id     = KEY_ID
aws_secret_access_key = SECRET
base_path             = DH-PLAYPEN/storage/output      ; bucket, and a folder in it; without one, all of the bucket
endpoint_url          = https://s3.upshift.redhat.com  ; may be left out: the in-house Ceph, then
formatter             = {date}/{collection}.{ext}      ; may be left out: keys stay
unpack                = yes                            ; may be left out: no, then
";

const TOML: &str = r#"
[solgate]
alerts_smtp_server = "smtp.corp.redhat.com"
alerts_from = "solgate-alerts@redhat.com"
alerts_to = "dev-null@redhat.com"
timedelta = "1d"

[source_some_fancy_name]
aws_access_key_id = "KEY_ID"
aws_secret_access_key = "SECRET"
base_path = "DH-PLAYPEN/storage/input"
endpoint_url = "https://s3.amazonaws.com"
formatter = "{date}/{collection}.{ext}"

[destination_some_fancy_name]
aws_access_key_id = "KEY_ID"
aws_secret_access_key = "SECRET"
base_path = "DH-PLAYPEN/storage/output"
endpoint_url = "https://s3.upshift.redhat.com"
formatter = "{date}/{collection}.{ext}"
unpack = true
"#;

const YAML: &str = "
alerts_smtp_server: smtp.corp.redhat.com
alerts_from: solgate-alerts@redhat.com
alerts_to: dev-null@redhat.com
timedelta: 1d

source:
  aws_access_key_id: KEY_ID
  aws_secret_access_key: SECRET
  base_path: DH-PLAYPEN/storage/input
  endpoint_url: https://s3.amazonaws.com
  formatter: '{date}/{collection}.{ext}'

destinations:
  - aws_access_key_id: KEY_ID
    aws_secret_access_key: SECRET
    base_path: DH-PLAYPEN/storage/output
    endpoint_url: https://s3.upshift.redhat.com
    formatter: \"{date}/{collection}.{ext}\"
    unpack: yes
";

fn read(name: &str, text: &str) -> SolgateConfig {
    SolgateConfig::from_text(Path::new(name), text, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn s3(bucket: &BucketSpec) -> &S3Spec {
    match bucket {
        BucketSpec::S3(spec) => spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_documented_example_means_the_same_in_every_format() {
    for (name, text) in
        [("config.ini", EXAMPLE), ("config", EXAMPLE), ("config.toml", TOML), ("x", TOML), ("y.yml", YAML), ("y", YAML)]
    {
        let config = read(name, text);
        let source = s3(&config.source.location.bucket);
        assert_eq!((source.bucket.as_str(), config.source.location.prefix.as_str()), ("DH-PLAYPEN", "storage/input/"));
        assert_eq!(source.endpoint.as_deref(), Some("https://s3.amazonaws.com"));
        let S3Credentials::Static { access_key_id, secret_access_key, session_token } = &source.credentials else {
            panic!("{name}: the keys stand alone");
        };
        assert_eq!((access_key_id.as_str(), secret_access_key.expose()), ("KEY_ID", "SECRET"));
        assert_eq!(*session_token, None);
        let [destination] = config.destinations.as_slice() else { panic!("{name}: one destination") };
        assert_eq!(s3(&destination.place.location.bucket).endpoint.as_deref(), Some("https://s3.upshift.redhat.com"));
        assert_eq!(destination.place.location.prefix, "storage/output/");
        let map = destination.key_map(Defaults::at(datetime!(2020-01-01 0:00 UTC)));
        assert_eq!(map.map("2020-01-01/a/b.csv.gz").unwrap().key, "2020-01-01/a/b.csv");
        assert!(destination.unpack && !map.newest_wins());
        assert_eq!(config.timedelta.value, Duration::from_secs(86_400));
        assert_eq!(config.alerts.to.value, ["dev-null@redhat.com"]);
        assert_eq!(config.warnings, [] as [&str; 0]);
    }
}

#[test]
fn what_is_not_said_has_the_documented_defaults() {
    let config = read("c.ini", "[source]\nbase_path = a\n[destination]\nbase_path = b\n");
    assert_eq!((config.timedelta.value, config.timedelta.origin), (Duration::from_secs(86_400), Origin::Default));
    assert!(!config.ignore_no_files);
    assert_eq!(config.alerts.server.value, "smtp.corp.redhat.com");
    assert_eq!(config.alerts.from.value, "solgate-alerts@redhat.com");
    assert_eq!(config.alerts.to.value, ["dev-null@redhat.com"]);
    let [destination] = config.destinations.as_slice() else { panic!("one") };
    assert_eq!(s3(&destination.place.location.bucket).endpoint.as_deref(), Some("https://s3.upshift.redhat.com"));
    assert!(!destination.unpack && destination.formatter.is_none());
    assert_eq!(config.source.endpoint.unwrap().value, "https://s3.amazonaws.com");
    assert_eq!(config.source.credentials, CredentialsFrom::Chain);
    assert_eq!(config.source.location.prefix, "");
}

#[test]
fn settings_remember_where_they_were_written() {
    let config = read("c.ini", EXAMPLE);
    assert_eq!(config.timedelta.origin.to_string(), "c.ini:5");
    assert_eq!(config.source.credentials.to_string(), "c.ini:8");
    assert_eq!(config.source.endpoint.unwrap().origin.to_string(), "c.ini:11");
    assert_eq!(config.destinations[0].place.origin.to_string(), "c.ini:14");
    assert_eq!(read("c.yaml", YAML).destinations[0].place.credentials.to_string(), "c.yaml:15");
}

#[test]
fn destinations_keep_the_order_of_the_file() {
    let names = |name: &str, text: &str| -> Vec<String> {
        read(name, text).destinations.into_iter().map(|d| d.place.name).collect()
    };
    let ini = "[destination_z]\nbase_path=z\n[source]\nbase_path=s\n[destination_a]\nbase_path=a\n[destination]\nbase_path=d\n";
    assert_eq!(names("c.ini", ini), ["destination_z", "destination_a", "destination"]);
    let toml = "[destination_z]\nbase_path='z'\n[source]\nbase_path='s'\n[destination_a]\nbase_path='a'\n";
    assert_eq!(names("c.toml", toml), ["destination_z", "destination_a"]);
    let yaml = "source: {base_path: s}\ndestinations:\n- base_path: z\n- base_path: a\n";
    assert_eq!(names("c.yaml", yaml), ["destination.0", "destination.1"]);
}

#[test]
fn one_bucket_may_be_written_under_several_names() {
    let text = "
[DEFAULT]
aws_access_key_id = K
aws_secret_access_key = S;#%(x)s
[source_in]
base_path = in
formatter = {date}/{collection}.{ext}
[destination_as_is]
base_path = out
[destination_historic]
base_path = out
formatter = {collection}/historic/{date}-{collection}.{ext}
unpack = yes
[destination_latest]
base_path = out
formatter = {collection}/latest/full_data.csv
unpack = On
";
    let config = read("c.ini", text);
    let maps: Vec<_> =
        config.destinations.iter().map(|d| d.key_map(Defaults::at(datetime!(2020-01-01 0:00 UTC)))).collect();
    let key = "2020-01-01/collection_name.csv.gz";
    let keys: Vec<_> = maps.iter().map(|map| map.map(key).unwrap().key).collect();
    let historic = "collection_name/historic/2020-01-01-collection_name.csv";
    assert_eq!(keys, [key, historic, "collection_name/latest/full_data.csv"]);
    assert_eq!(maps.iter().map(transship_keys::KeyMap::newest_wins).collect::<Vec<_>>(), [false, false, true]);
    let S3Credentials::Static { secret_access_key, .. } = &s3(&config.source.location.bucket).credentials else {
        panic!("inherited");
    };
    assert_eq!(secret_access_key.expose(), "S;#%(x)s");
}

#[test]
fn recipients_are_split_and_may_be_a_list_or_several_lines() {
    let to = |name: &str, text: &str| read(name, text).alerts.to.value;
    let ends = "[source]\nbase_path=a\n[destination]\nbase_path=b\n";
    let expected = ["a@x.org", "b@x.org", "C <c@x.org>"];
    assert_eq!(to("c.ini", &format!("[solgate]\nalerts_to = a@x.org,b@x.org; C <c@x.org>\n{ends}")), expected);
    assert_eq!(to("c.ini", &format!("[solgate]\nalerts_to = a@x.org,\n  b@x.org\n  C <c@x.org>\n{ends}")), expected);
    let ends = "source: {base_path: a}\ndestinations: [{base_path: b}]\n";
    assert_eq!(to("c.yaml", &format!("alerts_to: [a@x.org, 'b@x.org;C <c@x.org>']\n{ends}")), expected);
    assert!(read("c.yaml", &format!("ignore_alerts: [no_files]\n{ends}")).ignore_no_files);
    assert!(read("c.yaml", &format!("ignore_alerts: no_files\n{ends}")).ignore_no_files);
    assert!(!read("c.yaml", &format!("ignore_alerts: []\n{ends}")).ignore_no_files);
}

#[test]
fn default_applies_where_there_is_no_general_section_too() {
    let ends = "[source]\nbase_path=a\n[destination]\nbase_path=b\n";
    let config = read("c.ini", &format!("[DEFAULT]\ntimedelta = 2h\nregion = eu-1\n{ends}"));
    assert_eq!(config.timedelta.value, Duration::from_secs(7200));
    assert_eq!(s3(&config.source.location.bucket).region.as_deref(), Some("eu-1"));
    let config = read("c.ini", &format!("[DEFAULT]\ntimedelta = 2h\n[solgate]\ntimedelta = 3h\n{ends}"));
    assert_eq!(config.timedelta.value, Duration::from_secs(10_800));
}

#[test]
fn base_paths_are_read_kindly_where_only_one_thing_can_be_meant() {
    for path in ["data/in", "/data/in", "data/in/", "s3://data/in", "s3://data/in/", "/data/in/"] {
        let config = read("c.ini", &format!("[source]\nbase_path = {path}\n[destination]\nbase_path = b\n"));
        assert_eq!(s3(&config.source.location.bucket).bucket, "data", "{path}");
        assert_eq!(config.source.location.prefix, "in/", "{path}");
    }
    for path in ["data", "data/", "s3://data/"] {
        let config = read("c.ini", &format!("[source]\nbase_path = {path}\n[destination]\nbase_path = b\n"));
        assert_eq!(config.source.location.prefix, "", "{path}");
    }
}

#[test]
fn every_kind_of_store_is_named_by_url_and_tolerates_aws_keys() {
    let text = "
[DEFAULT]
aws_access_key_id = K
aws_secret_access_key = S
[source]
url = file://./in/put
[destination_s3]
url = s3://bucket/some/prefix
endpoint_url = http://127.0.0.1:9000
addressing_style = Virtual
sign_payload = Always
region = eu-1
ca_bundle = certs/ca.pem
storage_class = STANDARD_IA
sse = AWS:KMS
sse_kms_key_id = key-1
[destination_azure]
url = az://account/container/prefix
azure_storage_connection_string = DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k==;
[destination_gs]
url = gs://bucket/prefix
google_application_credentials = keys/gcs.json
[destination_file]
url = file:///absolute/dir
[destination_memory]
url = memory://m/prefix
";
    let config = read("/etc/solgate/config.ini", text);
    let BucketSpec::Local(local) = &config.source.location.bucket else { panic!("local") };
    assert_eq!(local.root, Path::new("/etc/solgate/in/put"));
    assert_eq!(config.source.credentials, CredentialsFrom::NotNeeded);
    let spec = s3(&config.destinations[0].place.location.bucket);
    assert_eq!((spec.addressing, spec.region.as_deref()), (Addressing::Virtual, Some("eu-1")));
    assert_eq!(spec.payload_signing, PayloadSigning::Always);
    assert_eq!(spec.ca_bundle.as_deref(), Some(Path::new("/etc/solgate/certs/ca.pem")));
    assert_eq!(config.destinations[0].storage_class.as_deref(), Some("STANDARD_IA"));
    let encryption = config.destinations[0].encryption.clone().unwrap();
    assert_eq!((encryption.algorithm.as_str(), encryption.kms_key_id.as_deref()), ("aws:kms", Some("key-1")));
    let BucketSpec::Azure(azure) = &config.destinations[1].place.location.bucket else { panic!("azure") };
    assert_eq!((azure.account.as_str(), azure.container.as_str()), ("account", "container"));
    assert!(azure.connection_string.as_ref().unwrap().expose().ends_with("AccountKey=k==;"));
    let BucketSpec::Gcs(gcs) = &config.destinations[2].place.location.bucket else { panic!("gcs") };
    assert_eq!(gcs.service_account_path.as_deref(), Some(Path::new("/etc/solgate/keys/gcs.json")));
    let prefixes: Vec<_> = config.destinations.iter().map(|d| d.place.location.prefix.as_str()).collect();
    assert_eq!(prefixes, ["some/prefix/", "prefix/", "prefix/", "", "prefix/"]);
    assert_eq!(config.warnings, [] as [&str; 0]);
}

#[test]
fn what_has_no_effect_is_said() {
    let text = "
[source]
base_path = in/deep
unpack = yes
[destination]
base_path = in
endpoint_url = https://s3.eu-west-1.amazonaws.com
formatter = {date}
[destination_dir]
url = file:///x
region = y
[destination_quoted]
base_path = z
aws_access_key_id = \"K\"
aws_secret_access_key = S
";
    assert_eq!(
        read("c.ini", text).warnings,
        [
            "c.ini:2: [source] unpack has no effect on the source: it belongs to a destination",
            "c.ini:9: [destination_dir] region has an effect on S3 locations only",
            "c.ini:12: [destination_quoted] the quotes around aws_access_key_id are taken as part of it",
            "c.ini:5: [destination] formatter has no effect: the source has none, so keys stay as they are",
            "c.ini:5: [destination] holds the source [source]: a copy may overwrite an object there",
        ]
    );
}

#[test]
fn each_location_says_whether_its_bodies_are_signed_unless_one_word_holds_for_all() {
    let yaml = "
source: {base_path: in, sign_payload: always}
destinations: [{base_path: a}, {url: file:///b}, {base_path: c, sign_payload: always}]
";
    let toml = "
source = {base_path = 'in', sign_payload = 'always'}
destinations = [{base_path = 'a'}, {url = 'file:///b'}, {base_path = 'c', sign_payload = 'always'}]
";
    let signing = |config: &SolgateConfig| {
        let to = config.destinations.iter().map(|destination| &destination.place);
        let specs = std::iter::once(&config.source).chain(to).filter_map(|place| match &place.location.bucket {
            BucketSpec::S3(spec) => Some(spec.payload_signing),
            _ => None,
        });
        specs.collect::<Vec<_>>()
    };
    use PayloadSigning::{Always, Auto};
    for (name, text) in [("c.yaml", yaml), ("c.toml", toml)] {
        let mut config = read(name, text);
        assert_eq!(signing(&config), [Always, Auto, Always], "{name}");
        config.sign_payloads(Always);
        assert_eq!(signing(&config), [Always; 3], "{name}");
        config.sign_payloads(Auto);
        assert_eq!(signing(&config), [Auto; 3], "{name}");
    }
}
