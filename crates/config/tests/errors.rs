//! Every way to be wrong gives one line: file, line, section, key, what was found, what was expected.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say where")]

use std::{collections::BTreeMap, path::Path};

use transship_config::{ConfigError, SolgateConfig};

fn error(name: &str, text: &str) -> ConfigError {
    match SolgateConfig::from_text(Path::new(name), text, &BTreeMap::new()) {
        Err(error) => error,
        Ok(_) => panic!("no error: {text}"),
    }
}

fn ini(text: &str) -> String {
    error("c.ini", text).to_string()
}

fn yaml(text: &str) -> String {
    error("c.yaml", text).to_string()
}

/// A good configuration with one more line in its source (line 3).
fn source(line: &str) -> String {
    ini(&format!("[source_a]\nbase_path = b/in\n{line}\n[destination_b]\nbase_path = b/out\n"))
}

/// A good configuration with one more line in its destination (line 5).
fn destination(line: &str) -> String {
    ini(&format!("[source_a]\nbase_path = b/in\n[destination_b]\nbase_path = b/out\n{line}\n"))
}

/// A good configuration with one more general line (line 2).
fn general(line: &str) -> String {
    ini(&format!("[solgate]\n{line}\n[source]\nbase_path = b/in\n[destination]\nbase_path = b/out\n"))
}

#[test]
fn an_empty_configuration_says_so() {
    let empty = "the configuration is empty: expected one source and at least one destination";
    assert_eq!(ini(""), format!("c.ini: {empty}"));
    assert_eq!(ini("; nothing\n\n"), format!("c.ini: {empty}"));
    assert_eq!(yaml("# nothing\n"), format!("c.yaml: {empty}"));
    assert_eq!(error("c.toml", "").to_string(), format!("c.toml: {empty}"));
}

#[test]
fn exactly_one_source_and_at_least_one_destination() {
    assert_eq!(ini("[destination]\nbase_path = a\n"), "c.ini: there is no source: expected one source section");
    assert_eq!(
        ini("[source]\nbase_path = a\n"),
        "c.ini: there is no destination: expected at least one destination section"
    );
    assert_eq!(
        ini("[source_a]\nbase_path = a\n[destination]\nbase_path = c\n[source_b]\nbase_path = b\n"),
        "c.ini:5: [source_b] a second source: the first one is in line 1: expected one source section"
    );
    assert_eq!(
        yaml("source: {base_path: a}\ndestinations: []\n"),
        "c.yaml: there is no destination: expected at least one destination section"
    );
}

#[test]
fn what_is_unknown_comes_with_its_nearest_known_name() {
    assert_eq!(
        source("aws_acess_key_id = canary"),
        "c.ini:3: [source_a] aws_acess_key_id: unknown key (did you mean aws_access_key_id?)"
    );
    assert_eq!(destination("zzz = 1"), "c.ini:5: [destination_b] zzz: unknown key");
    assert_eq!(general("timedeltas = 1d"), "c.ini:2: [solgate] timedeltas: unknown key (did you mean timedelta?)");
    assert_eq!(general("base_path = x"), "c.ini:2: [solgate] base_path: unknown key");
    assert_eq!(
        ini("[DEFAULT]\nbasepath = x\n[source]\nbase_path = a\n[destination]\nbase_path = b\n"),
        "c.ini:2: [DEFAULT] basepath: unknown key (did you mean base_path?)"
    );
    assert_eq!(
        ini("[Solgate]\n"),
        "c.ini:1: [Solgate] unknown section: expected [solgate], [source_NAME] or [destination_NAME] (did you mean solgate?)"
    );
    assert!(ini("[sources]\n").ends_with("(did you mean source?)"));
    assert_eq!(
        yaml("sourc: {base_path: a}\n"),
        "c.yaml:1:1: [sourc] unknown section: expected [solgate], [source_NAME] or [destination_NAME] (did you mean source?)"
    );
    assert_eq!(yaml("time_delta: 1d\n"), "c.yaml:1:1: time_delta: unknown key (did you mean timedelta?)");
    assert_eq!(
        yaml("source: {base_path: a}\ndestinations:\n- base_path: b\n  unpak: yes\n"),
        "c.yaml:4:10: [destination.0] unpak: unknown key (did you mean unpack?)"
    );
}

#[test]
fn what_stands_twice_is_an_error() {
    assert_eq!(
        source("Base_Path = canary"),
        "c.ini:3: [source_a] base_path: the key is already in line 2: expected each key once"
    );
    assert_eq!(
        ini("[source]\n[source]\n"),
        "c.ini:2: [source] the section is already in line 1: expected each section once"
    );
    assert_eq!(
        yaml("source: {base_path: a}\nsource: {base_path: b}\n"),
        "c.yaml:2:1: source: the key is already in line 1: expected each key once"
    );
    assert!(
        error("c.toml", "[source]\nbase_path='a'\nbase_path='b'\n")
            .to_string()
            .starts_with("c.toml:3:1: not TOML: duplicate key")
    );
    assert_eq!(
        yaml("timedelta: 1d\nsolgate: {timedelta: 2d}\nsource: {base_path: a}\ndestinations: [{base_path: b}]\n"),
        "c.yaml:2:22: [solgate] timedelta: the key is already in line 1: expected each key once"
    );
}

#[test]
fn bad_values_are_shown_with_what_would_be_right() {
    assert_eq!(
        general("timedelta = 1h1d"),
        "c.ini:2: [solgate] timedelta: found \"1h1d\": expected a time span like 1w 2d 3h 4m 5s, in this order, each at most once"
    );
    assert!(general("timedelta =").starts_with("c.ini:2: [solgate] timedelta: found \"\""));
    assert_eq!(
        destination("unpack = maybe"),
        "c.ini:5: [destination_b] unpack: found \"maybe\": expected yes, no, true, false, on, off, 1 or 0"
    );
    assert!(destination("unpack =").contains("expected yes, no"));
    assert_eq!(
        general("ignore_alerts = nofiles"),
        "c.ini:2: [solgate] ignore_alerts: found \"nofiles\": expected no_files (did you mean no_files?)"
    );
    assert_eq!(
        general("alerts_to = nobody"),
        "c.ini:2: [solgate] alerts_to: found \"nobody\": expected mail addresses, with , or ; between them"
    );
    assert!(general("alerts_smtp_server = http://x").starts_with("c.ini:2: [solgate] alerts_smtp_server: "));
    assert!(
        general("alerts_smtp_security = tsl").ends_with("expected auto, none, starttls or tls (did you mean tls?)")
    );
    assert_eq!(
        source("addressing_style = hosted"),
        "c.ini:3: [source_a] addressing_style: found \"hosted\": expected auto, path or virtual"
    );
    assert_eq!(
        source("sign_payload = alway"),
        "c.ini:3: [source_a] sign_payload: found \"alway\": expected auto or always (did you mean always?)"
    );
    assert_eq!(
        destination("sse = AES128"),
        "c.ini:5: [destination_b] sse: found \"AES128\": expected AES256, aws:kms or aws:kms:dsse"
    );
    assert_eq!(
        destination("sse_kms_key_id = k"),
        "c.ini:5: [destination_b] sse_kms_key_id: there is no sse: expected sse = aws:kms beside it"
    );
    assert_eq!(
        source("region = eu west"),
        "c.ini:3: [source_a] region: found \"eu west\": expected no white space in it"
    );
}

#[test]
fn endpoints_are_checked_before_anything_is_sent() {
    let form = "expected http://host[:port] or https://host[:port]";
    assert_eq!(
        source("endpoint_url = s3.example.com"),
        format!(
            "c.ini:3: [source_a] endpoint_url: found \"s3.example.com\": {form} (did you mean https://s3.example.com?)"
        )
    );
    for bad in ["ftp://x", "http://", "https://h?x=1", "://"] {
        assert!(source(&format!("endpoint_url = {bad}")).ends_with(form), "{bad}");
    }
    let secret = source("endpoint_url = http://user:canary@host");
    assert_eq!(
        secret,
        "c.ini:3: [source_a] endpoint_url: the endpoint holds a user or password: expected keys in their own settings"
    );
}

#[test]
fn a_password_in_an_address_is_never_repeated() {
    let addresses =
        ["http://me:canary@h", "\"http://me:canary@h\"", "http://me:canary@h /x", "me:canary@h", "'me:canary@h:1'"];
    for address in addresses {
        let error = source(&format!("endpoint_url = {address}"));
        assert!(error.starts_with("c.ini:3: [source_a] endpoint_url: ") && !error.contains("canary"), "{error}");
        let error = general(&format!("alerts_smtp_server = {address}"));
        assert!(error.starts_with("c.ini:2: [solgate] alerts_smtp_server: ") && !error.contains("canary"), "{error}");
        for key in ["url", "base_path"] {
            let error = ini(&format!("[source_a]\n{key} = {address}\n[destination]\nbase_path = out\n"));
            assert!(error.starts_with(&format!("c.ini:2: [source_a] {key}: ")) && !error.contains("canary"), "{error}");
        }
    }
}

#[test]
fn formatters_are_checked_when_they_are_read() {
    assert_eq!(
        source("formatter = {date}/{0}"),
        "c.ini:3: [source_a] formatter: \"{date}/{0}\", column 8: placeholder {0} is a number: expected a name, as in {name}"
    );
    for bad in ["{}", "{a:>3}", "{a!r}", "{a.b}", "{a[0]}", "{a", "a}", "\"{a}\""] {
        assert!(source(&format!("formatter = {bad}")).starts_with("c.ini:3: [source_a] formatter: "), "{bad}");
    }
    let text =
        "[source]\nbase_path = a\nformatter = {collection}\n[destination]\nbase_path = b\nformatter = {colection}\n";
    let error = ini(text);
    assert!(error.starts_with("c.ini:6: [destination] formatter: \"{colection}\", column 1: unknown placeholder {colection} (did you mean {collection}?)"), "{error}");
    assert!(yaml("source:\n  formatter: {date}\n").starts_with("c.yaml:2:"));
}

#[test]
fn a_location_needs_one_place() {
    let at = |line: &str| ini(&format!("[source_a]\n{line}\n[destination]\nbase_path = out\n"));
    assert_eq!(
        at("region = x"),
        "c.ini:1: [source_a] neither base_path nor url is there: expected bucket or bucket/prefix"
    );
    assert_eq!(
        at("base_path = b\nurl = s3://b"),
        "c.ini:3: [source_a] url: base_path is there as well: expected one of them"
    );
    for bad in ["/", "s3://", "gs://b/x", "b//x", "b/x//", "b\"/x", "\"b/x\"", "my bucket/x", "..", "b|c"] {
        assert!(at(&format!("base_path = {bad}")).starts_with("c.ini:2: [source_a] base_path: found "), "{bad}");
    }
    for bad in ["b/x", "s3://", "s4://b", "file://dir", "file://.hidden", "az://account", "s3://b c/x", "memory://"] {
        assert!(at(&format!("url = {bad}")).starts_with("c.ini:2: [source_a] url: "), "{bad}");
    }
    for line in ["url = s3://id:canary@b/x", "base_path = id:canary@b/x", "url = id:canary@b"] {
        assert!(at(line).ends_with("it holds a user or password: expected keys in their own settings"), "{line}");
    }
}

#[test]
fn half_a_pair_of_keys_is_an_error_and_is_not_shown() {
    assert_eq!(
        source("aws_access_key_id = canary"),
        "c.ini:3: [source_a] aws_access_key_id: half a pair: aws_secret_access_key is missing: expected aws_access_key_id and aws_secret_access_key, or neither"
    );
    assert!(source("aws_secret_access_key = canary").contains("half a pair: aws_access_key_id is missing"));
    assert!(source("aws_session_token = canary").contains("aws_session_token: a token without keys"));
    let comment = source("aws_access_key_id = K\naws_secret_access_key = #canary");
    assert!(
        comment.contains("aws_secret_access_key is empty (white space and then ; or # start a comment)"),
        "{comment}"
    );
}

#[test]
fn an_indented_line_goes_on_with_a_value_only_where_that_can_be_meant() {
    assert_eq!(
        source("region = x\n  endpoint_url = http://y"),
        "c.ini:3: [source_a] region: line 4 is indented, so that it goes on with this value: expected no white space before that line"
    );
    assert!(general("alerts_to = a@x.org\n  timedelta = 5d").contains("found \"timedelta = 5d\""));
}

#[test]
fn other_shapes_than_the_documented_ones_are_named() {
    let shape = "expected a table with base_path or url";
    assert_eq!(yaml("source: bucket\n"), format!("c.yaml:1:1: [source] the section is a text: {shape}"));
    assert_eq!(yaml("source:\n"), format!("c.yaml:1:1: [source] the section is nothing: {shape}"));
    assert_eq!(yaml("- a\n"), "c.yaml:1:1: the file holds a list: expected source: and destinations:");
    assert_eq!(
        yaml("destinations: {base_path: b}\n"),
        "c.yaml:1:1: destinations is a table: expected a list, each item with a - before it"
    );
    assert_eq!(yaml("destinations: [b]\n"), format!("c.yaml:1:16: [destination.0] the destination is a text: {shape}"));
    assert_eq!(
        yaml("source: {base_path: {a: b}}\n"),
        "c.yaml:1:21: [source] base_path: found a table: expected a text"
    );
    assert_eq!(
        yaml("source: {base_path: [a]}\ndestinations: [{base_path: b}]\n"),
        "c.yaml:1:21: [source] base_path: found a list: expected one value"
    );
}

#[test]
fn encryption_that_cannot_be_had_is_an_error() {
    let text = "[source]\nbase_path = a\n[destination]\nurl = file:///x\nsse = AES256\n";
    assert_eq!(
        ini(text),
        "c.ini:5: [destination] sse: this location cannot be asked for encryption: expected sse at S3 locations only"
    );
}

#[test]
fn part_of_a_service_principal_is_an_error() {
    let text = "[source]\nurl = az://acc/con\nazure_client_id = x\n[destination]\nbase_path = b\n";
    assert_eq!(
        ini(text),
        "c.ini:1: [source] part of a service principal is missing: expected azure_client_id, azure_tenant_id and azure_client_secret"
    );
}

#[test]
fn a_destination_in_the_source_is_refused() {
    let pair = |from: &str, to: &str| {
        let text = format!("[source]\n{from}\n[destination]\n{to}\n");
        SolgateConfig::from_text(Path::new("c.ini"), &text, &BTreeMap::new()).err().map(|error| error.to_string())
    };
    let aws = "endpoint_url = https://s3.eu-west-1.amazonaws.com";
    assert_eq!(
        pair("base_path = b/in", &format!("base_path = b/in/out\n{aws}")).unwrap(),
        "c.ini:3: [destination] the destination lies in the source [source] (c.ini:1): expected places apart from each other"
    );
    let refused = [
        ("base_path = b".to_owned(), format!("base_path = b/x\n{aws}")),
        (
            format!("base_path = b/in\n{aws}"),
            "url = s3://b/in/\nendpoint_url = https://s3.amazonaws.com:443/".to_owned(),
        ),
        ("url = file:///nowhere/in".to_owned(), "url = file:///nowhere/in/out".to_owned()),
        ("url = file:///nowhere/in".to_owned(), "url = file:///nowhere/in/".to_owned()),
        ("url = memory://m".to_owned(), "url = memory://m/x".to_owned()),
        ("url = az://a/c/x".to_owned(), "url = az://a/c/x".to_owned()),
        ("url = gs://b".to_owned(), "url = gs://b/x".to_owned()),
    ];
    for (from, to) in refused {
        assert!(pair(&from, &to).is_some_and(|error| error.contains("lies in the source")), "{from} {to}");
    }
    let fine = [
        ("base_path = b/in".to_owned(), "base_path = b/in".to_owned()),
        ("base_path = b/in".to_owned(), format!("base_path = b/input\n{aws}")),
        ("base_path = b/in".to_owned(), format!("base_path = c/in\n{aws}")),
        ("url = file:///nowhere/in".to_owned(), "url = file:///nowhere/input".to_owned()),
        ("url = memory://m".to_owned(), "url = memory://n".to_owned()),
        ("url = az://a/c".to_owned(), "url = az://b/c".to_owned()),
    ];
    for (from, to) in fine {
        assert_eq!(pair(&from, &to), None, "{from} {to}");
    }
}

#[test]
fn a_link_does_not_hide_that_a_destination_lies_in_the_source() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("in"), folder.path().join("link")).unwrap();
    let text = "[source]\nurl = file://./in\n[destination]\nurl = file://./link/out\n";
    let error = SolgateConfig::from_text(&folder.path().join("c.ini"), text, &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("lies in the source"), "{error}");
}

#[test]
fn two_destinations_that_write_the_same_are_refused() {
    let text = "[source]\nbase_path = a\n[destination_x]\nbase_path = b/c\nunpack = yes\n[destination_y]\nurl = s3://b/c/\nunpack = on\n";
    assert_eq!(
        ini(text),
        "c.ini:6: [destination_y] writes the same keys to the same place as [destination_x] (c.ini:3): expected another place, formatter or unpack"
    );
}

#[test]
fn an_error_can_be_asked_for_its_parts() {
    let error = error("c.yaml", "source: {base_path: a}\ndestinations:\n- base_path: b\n  unpak: yes\n");
    assert_eq!(error.file(), Some(Path::new("c.yaml")));
    assert_eq!((error.line(), error.column()), (Some(4), Some(10)));
    assert_eq!((error.section(), error.key()), (Some("destination.0"), Some("unpak")));
    assert_eq!(error.nearest_known(), Some("unpack"));
    assert_eq!(error.class(), transship_types::ErrorClass::Permanent);
}
