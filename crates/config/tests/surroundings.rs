//! Files that are not there or not readable, files of keys, and the environment.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say where")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use transship_alert::Security;
use transship_config::{AlertsConfig, ConfigPath, CredentialsFrom, SolgateConfig};
use transship_store::{BucketSpec, S3Credentials, S3Spec};

const ENDS: &str = "[source]\nbase_path = in\n[destination]\nbase_path = out\n";

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn s3(bucket: &BucketSpec) -> &S3Spec {
    match bucket {
        BucketSpec::S3(spec) => spec,
        other => panic!("{other:?}"),
    }
}

fn id(bucket: &BucketSpec) -> &str {
    match &s3(bucket).credentials {
        S3Credentials::Static { access_key_id, .. } => access_key_id,
        _ => "chain",
    }
}

#[test]
fn the_file_is_looked_for_in_the_documented_places() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let find = |path: Option<PathBuf>, inside: Option<PathBuf>, name: Option<&str>| {
        ConfigPath { path, folder: inside, filename: name.map(PathBuf::from) }.find().map_err(|error| error.to_string())
    };
    let dir = Some(folder.path().to_owned());
    let nothing = find(None, dir.clone(), None).unwrap_err();
    let d = folder.path().display();
    assert_eq!(
        nothing,
        format!("no configuration file: looked for {d}/config.ini, {d}/config.yaml, {d}/config.yml, {d}/config.toml")
    );
    assert_eq!(
        find(Some(at("no.ini")), None, None).unwrap_err(),
        format!("no configuration file: looked for {d}/no.ini")
    );
    assert!(find(None, None, Some("x.ini")).unwrap_err().ends_with("/etc/solgate/x.ini"));
    fs::write(at("config.toml"), "").unwrap();
    assert_eq!(find(None, dir.clone(), None).unwrap(), at("config.toml"));
    fs::write(at("config.yaml"), "").unwrap();
    assert_eq!(find(dir.clone(), None, None).unwrap(), at("config.yaml"));
    fs::write(at("config.ini"), "").unwrap();
    assert_eq!(find(dir.clone(), None, None).unwrap(), at("config.ini"));
    assert_eq!(find(dir, None, Some("config.toml")).unwrap(), at("config.toml"));
    assert_eq!(find(Some(at("config.yaml")), None, None).unwrap(), at("config.yaml"));
}

#[test]
fn what_cannot_be_read_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &Path| SolgateConfig::load(path, &BTreeMap::new()).unwrap_err().to_string();
    let d = folder.path().display();
    assert_eq!(load(folder.path()), format!("{d}: this is a directory: expected a file"));
    assert!(load(&folder.path().join("no.ini")).starts_with(&format!("{d}/no.ini: cannot be read: ")));
    let binary = folder.path().join("c.ini");
    fs::write(&binary, b"[source]\nbase_path = \xff\n").unwrap();
    assert_eq!(load(&binary), format!("{d}/c.ini:2: not UTF-8 text"));
}

#[test]
fn keys_come_from_the_section_then_their_own_file_then_everyones_then_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, id: &str| {
        let text = format!("aws_access_key_id: {id}\naws_secret_access_key: 'S #1'\n");
        fs::write(folder.path().join(name), text).unwrap();
    };
    let file = folder.path().join("config.yaml");
    let text = "source: {base_path: a}\ndestinations:\n- base_path: b\n- base_path: c\n- {base_path: d, aws_access_key_id: own, aws_secret_access_key: S}\n- url: memory://m\n";
    let ids = || {
        let config = SolgateConfig::from_text(&file, text, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
        let all = [&config.source].into_iter().chain(config.destinations.iter().map(|d| &d.place)).take(4);
        all.map(|place| id(&place.location.bucket).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(), ["chain", "chain", "chain", "own"]);
    write("destination.creds.yaml", "everyone");
    assert_eq!(ids(), ["chain", "everyone", "everyone", "own"]);
    write("destination.1.creds.yaml", "second");
    write("source.creds.yaml", "source");
    assert_eq!(ids(), ["source", "everyone", "second", "own"]);
    let config = SolgateConfig::from_text(&file, text, &BTreeMap::new()).unwrap();
    let CredentialsFrom::Keys(origin) = &config.source.credentials else { panic!("keys") };
    assert_eq!(origin.to_string(), format!("{}:1", folder.path().join("source.creds.yaml").display()));
    let S3Credentials::Static { secret_access_key, .. } = &s3(&config.source.location.bucket).credentials else {
        panic!("static")
    };
    assert_eq!(secret_access_key.expose(), "S #1");
}

#[test]
fn only_the_two_keys_may_come_from_a_file_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let error = |text: &str| {
        fs::write(folder.path().join("source.creds.yaml"), text).unwrap();
        let error = SolgateConfig::from_text(&folder.path().join("c.ini"), ENDS, &BTreeMap::new()).unwrap_err();
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(
        error("aws_access_key_id: a\naws_secret_access_key: canary\nendpoint_url: http://x\n"),
        "source.creds.yaml:3:15: [keys] endpoint_url: unknown key: expected only aws_access_key_id and aws_secret_access_key"
    );
    assert!(
        error("aws_access_key_id: a\n").starts_with("source.creds.yaml:1:20: [keys] aws_access_key_id: half a pair")
    );
    assert!(error("").starts_with("source.creds.yaml: the file is empty"));
    assert!(error("{}").starts_with("source.creds.yaml:1:1: [keys] there are no keys"));
    assert!(error("canary").starts_with("source.creds.yaml:1:1: the file holds a text: expected"));
    assert!(!error("a: 'canary").contains("canary"));
}

#[test]
fn destinations_counted_from_one_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "aws_access_key_id: a\naws_secret_access_key: b\n";
    fs::write(folder.path().join("destination.1.creds.yaml"), text).unwrap();
    let error = SolgateConfig::from_text(&folder.path().join("c.ini"), ENDS, &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.ends_with("destination.1.creds.yaml: there are 1 destinations, and files of keys count them from 0: expected destination.0.creds.yaml to destination.0.creds.yaml"), "{error}");
}

#[test]
fn explicit_keys_take_nothing_else_from_the_environment() {
    let env = variables(&[
        ("AWS_ACCESS_KEY_ID", "env"),
        ("AWS_SECRET_ACCESS_KEY", "env"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "region"),
        ("AWS_ENDPOINT_URL", "http://env:1"),
        ("AWS_ENDPOINT_URL_S3", "http://env:2"),
        ("AWS_CA_BUNDLE", "/ca.pem"),
    ]);
    let keys = "aws_access_key_id = own\naws_secret_access_key = S\n";
    let text = format!("[source]\nbase_path = in\n{keys}[destination]\nbase_path = out\n{keys}");
    let config = SolgateConfig::from_text(Path::new("/x/c.ini"), &text, &env).unwrap();
    for place in [&config.source, &config.destinations[0].place] {
        let spec = s3(&place.location.bucket);
        let S3Credentials::Static { access_key_id, session_token, .. } = &spec.credentials else { panic!("static") };
        assert_eq!((access_key_id.as_str(), session_token), ("own", &None));
        assert_eq!((spec.region.as_deref(), spec.ca_bundle.as_deref()), (None, Some(Path::new("/ca.pem"))));
    }
    assert_eq!(config.source.endpoint.unwrap().value, "https://s3.amazonaws.com");
    assert_eq!(config.destinations[0].place.endpoint.as_ref().unwrap().value, "https://s3.upshift.redhat.com");
}

#[test]
fn the_environments_endpoint_is_for_the_source_alone() {
    let load = |env: &[(&str, &str)], text: &str| {
        let config = SolgateConfig::from_text(Path::new("/x/c.ini"), text, &variables(env)).unwrap();
        let endpoint = config.source.endpoint.unwrap();
        assert_eq!(
            s3(&config.destinations[0].place.location.bucket).endpoint.as_deref(),
            Some("https://s3.upshift.redhat.com")
        );
        (endpoint.value, endpoint.origin.to_string(), s3(&config.source.location.bucket).endpoint.clone())
    };
    let both = [("AWS_ENDPOINT_URL", "http://env:1"), ("AWS_ENDPOINT_URL_S3", "http://env:2")];
    let from_env = |url: &str, name: &str| (url.to_owned(), name.to_owned(), Some(url.to_owned()));
    assert_eq!(load(&both, ENDS), from_env("http://env:2", "AWS_ENDPOINT_URL_S3"));
    assert_eq!(load(&both[..1], ENDS), from_env("http://env:1", "AWS_ENDPOINT_URL"));
    let open = ("https://s3.amazonaws.com".to_owned(), "default".to_owned(), None);
    assert_eq!(load(&[], ENDS), open, "left open for the profile's endpoint and the region's own");
    let ignored = [both[0], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True")];
    assert_eq!(load(&ignored, ENDS), open);
    let own = ENDS.replacen("base_path", "endpoint_url = http://own\nbase_path", 1);
    assert_eq!(load(&both, &own), from_env("http://own", "/x/c.ini:2"));
    let bad = variables(&[("AWS_ENDPOINT_URL", "nonsense://x")]);
    let error = SolgateConfig::from_text(Path::new("/x/c.ini"), ENDS, &bad).unwrap_err().to_string();
    assert!(error.starts_with("AWS_ENDPOINT_URL: found \"nonsense://x\": expected http://"), "{error}");
}

#[test]
fn without_keys_the_whole_chain_is_handed_on() {
    let env = variables(&[("AWS_PROFILE", "p"), ("HOME", "/h")]);
    let config = SolgateConfig::from_text(Path::new("/x/c.ini"), ENDS, &env).unwrap();
    let S3Credentials::Chain(handed) = &s3(&config.source.location.bucket).credentials else { panic!("chain") };
    assert_eq!(handed.get("AWS_PROFILE").map(transship_types::Secret::expose), Some("p"));
    assert_eq!(handed.len(), 2);
}

#[test]
fn azure_and_google_use_the_environment_only_where_the_section_has_nothing() {
    let env = variables(&[
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=env"),
        ("AZURE_STORAGE_KEY", "env"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/env.json"),
    ]);
    let text = "[source]\nurl = az://a/c\nazure_storage_sas_token = sas\n[destination_a]\nurl = az://b/c\n[destination_g]\nurl = gs://b\n";
    let config = SolgateConfig::from_text(Path::new("/x/c.ini"), text, &env).unwrap();
    let BucketSpec::Azure(own) = &config.source.location.bucket else { panic!("azure") };
    assert_eq!((own.sas.is_some(), own.connection_string.is_some(), own.key.is_some()), (true, false, false));
    let BucketSpec::Azure(from_env) = &config.destinations[0].place.location.bucket else { panic!("azure") };
    assert!(from_env.connection_string.is_some() && from_env.key.is_some());
    assert_eq!(config.destinations[0].place.credentials, CredentialsFrom::Chain);
    let BucketSpec::Gcs(gcs) = &config.destinations[1].place.location.bucket else { panic!("gcs") };
    assert_eq!(gcs.service_account_path.as_deref(), Some(Path::new("/env.json")));
}

#[test]
fn keys_of_a_sections_own_are_not_mixed_with_inherited_ones() {
    let text = "
[DEFAULT]
aws_access_key_id = shared
aws_secret_access_key = S
aws_session_token = T
azure_storage_connection_string = AccountName=shared
azure_client_id = i
azure_tenant_id = t
google_application_credentials = shared.json
[source]
base_path = in
aws_access_key_id = own
aws_secret_access_key = S
[destination_shared]
base_path = out
[destination_azure]
url = az://a/c
azure_storage_sas_token = own
[destination_principal]
url = az://b/c
azure_client_secret = own
[destination_azure_shared]
url = az://c/c
azure_client_id =
azure_tenant_id =
[destination_google]
url = gs://b
google_service_account_key = own
";
    let config = SolgateConfig::from_text(Path::new("/x/c.ini"), text, &BTreeMap::new()).unwrap();
    let token = |bucket: &BucketSpec| match &s3(bucket).credentials {
        S3Credentials::Static { access_key_id, session_token, .. } => (access_key_id.clone(), session_token.is_some()),
        other => panic!("{other:?}"),
    };
    assert_eq!(token(&config.source.location.bucket), ("own".to_owned(), false));
    assert_eq!(token(&config.destinations[0].place.location.bucket), ("shared".to_owned(), true));
    let azure = |index: usize| match &config.destinations[index].place.location.bucket {
        BucketSpec::Azure(spec) => [
            spec.connection_string.is_some(),
            spec.sas.is_some(),
            spec.client_id.is_some(),
            spec.client_secret.is_some(),
        ],
        other => panic!("{other:?}"),
    };
    assert_eq!(azure(1), [false, true, false, false]);
    assert_eq!(azure(2), [false, false, true, true], "a service principal may be written in two places");
    assert_eq!(azure(3), [true, false, false, false]);
    assert_eq!(config.destinations[1].place.credentials.to_string(), "/x/c.ini:18");
    let BucketSpec::Gcs(google) = &config.destinations[4].place.location.bucket else { panic!("gcs") };
    assert_eq!((google.service_account_path.is_some(), google.service_account_key.is_some()), (false, true));
}

#[test]
fn alerting_takes_the_environment_over_the_file() {
    let text = format!(
        "[solgate]\nalerts_smtp_server = mail:25\nalerts_smtp_username = u\nalerts_smtp_password = p\nalerts_from = a@file\n{ENDS}"
    );
    let alerts = SolgateConfig::from_text(Path::new("/x/c.ini"), &text, &BTreeMap::new()).unwrap().alerts;
    assert_eq!(alerts.smtp().username.as_deref(), Some("u"));
    let env = variables(&[
        ("ALERT_FROM_EMAIL", "old@env"),
        ("ALERT_TO_EMAIL_LIST", "a@env; b@env,"),
        ("SMTP_SECURITY", "starttls"),
    ]);
    let layered = alerts.clone().with_variables(&env).unwrap();
    assert_eq!(
        (layered.from.value.as_str(), layered.from.origin.to_string().as_str()),
        ("old@env", "ALERT_FROM_EMAIL")
    );
    assert_eq!(layered.to.value, ["a@env", "b@env"]);
    assert_eq!(layered.smtp().security, Security::StartTls);
    assert_eq!(layered.smtp().password.expose(), "p");
    let newer =
        variables(&[("ALERT_FROM_EMAIL", "old@env"), ("ALERT_SENDER", "new@env"), ("SMTP_SERVER", "elsewhere")]);
    let layered = alerts.with_variables(&newer).unwrap();
    assert_eq!(layered.from.value, "new@env");
    assert_eq!(layered.smtp().username, None, "a login is not taken to another server");
    let error = AlertsConfig::default().with_variables(&variables(&[("ALERT_RECIPIENT", "nobody")])).unwrap_err();
    assert!(error.to_string().starts_with("ALERT_RECIPIENT: found \"nobody\""), "{error}");
    let error = AlertsConfig::default().with_variables(&variables(&[("SMTP_PASSWORD", "canary")])).unwrap_err();
    assert_eq!(error.to_string(), "SMTP_PASSWORD: a password without a user: expected SMTP_USERNAME beside it");
}

#[test]
fn alerting_alone_needs_no_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    fs::write(&file, "alerts_to: a@x.org\n").unwrap();
    assert_eq!(SolgateConfig::load_alerts(&file).unwrap().to.value, ["a@x.org"]);
}

#[test]
fn no_secret_is_ever_printed() {
    let env = variables(&[
        ("AWS_SECRET_ACCESS_KEY", "canary-env"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AZURE_STORAGE_KEY", "canary-env"),
    ]);
    let keys = "aws_access_key_id = id\naws_secret_access_key = canary-1\naws_session_token = canary-2\n";
    let text = format!(
        "[solgate]\nalerts_smtp_username = u\nalerts_smtp_password = canary-3\n\
         [source]\nbase_path = in\n{keys}\
         [destination_chain]\nbase_path = out\n\
         [destination_file]\nurl = file:///x\n{keys}\
         [destination_azure]\nurl = az://a/c\nazure_storage_connection_string = canary-4\nazure_client_id = i\nazure_tenant_id = t\nazure_client_secret = canary-5\n\
         [destination_env]\nurl = az://b/c\n\
         [destination_gcs]\nurl = gs://b\ngoogle_service_account_key = canary-6\n"
    );
    let config = SolgateConfig::from_text(Path::new("/x/c.ini"), &text, &env).unwrap_or_else(|error| panic!("{error}"));
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains("canary"), "{shown}");
    // The same file broken after every line and every few bytes: whatever the error, it tells no secret.
    for end in (0..text.len()).step_by(3) {
        for broken in [text[..end].to_owned(), format!("{}\n]{}", &text[..end], &text[end..]), text[end..].to_owned()] {
            for name in ["/x/c.ini", "/x/c.yaml", "/x/c.toml", "/x/c"] {
                if let Err(error) = SolgateConfig::from_text(Path::new(name), &broken, &env) {
                    let shown = format!("{error} {error:?}");
                    assert!(!shown.contains("canary"), "{shown}");
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_proxy_of_the_environment_holds_for_every_location() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.ini");
    let keys = "aws_access_key_id = a\naws_secret_access_key = b\n";
    let text = format!(
        "[source]\nbase_path = in\n{keys}[destination_a]\nurl = az://account/container\nazure_storage_key = a2V5\n\
         [destination_g]\nurl = gs://bucket\ngoogle_application_credentials = key.json\n"
    );
    fs::write(&file, text).unwrap();
    let of = |pairs: &[(&str, &str)]| {
        let config = SolgateConfig::load(&file, &variables(pairs)).unwrap();
        let ends = std::iter::once(&config.source).chain(config.destinations.iter().map(|d| &d.place));
        let proxies = ends.map(|end| match &end.location.bucket {
            BucketSpec::S3(spec) => spec.proxy.clone(),
            BucketSpec::Azure(spec) => spec.proxy.clone(),
            BucketSpec::Gcs(spec) => spec.proxy.clone(),
            other => panic!("{other:?}"),
        });
        let proxies: Vec<_> = proxies.collect();
        assert!(proxies.len() == 3 && proxies.iter().all(|proxy| *proxy == proxies[0]), "{proxies:?}");
        assert!(!format!("{config:?}").contains("canary"));
        let text = |secret: &Option<transship_types::Secret>| secret.as_ref().map(|s| s.expose().to_owned());
        (text(&proxies[0].http), text(&proxies[0].https), proxies[0].no_proxy.clone())
    };
    assert_eq!(of(&[]), (None, None, String::new()));
    let upper = [("HTTP_PROXY", "http://h"), ("HTTPS_PROXY", "http://u:canary@s"), ("NO_PROXY", "x")];
    assert_eq!(of(&upper), (Some("http://h".into()), Some("http://u:canary@s".into()), "x".into()));
    let both = [("HTTP_PROXY", "http://h"), ("http_proxy", "http://lower"), ("https_proxy", ""), ("no_proxy", "y")];
    assert_eq!(of(&both), (Some("http://lower".into()), None, "y".into()));
}
