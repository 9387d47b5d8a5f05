//! Every way to be wrong gives one line: file, line, section, key, what was found, what would be right.

use super::error;

/// A good S3 remote with one more line (line 6).
fn s3(line: &str) -> String {
    let text = format!("[x]\ntype = s3\nprovider = Ceph\nendpoint = http://c\nregion = r\n{line}\n");
    error(&text, &[], "x:b")
}

fn keyed(text: &str) -> String {
    error(text, &[], "x:bucket")
}

#[test]
fn an_unknown_option_comes_with_its_nearest_known_name() {
    assert_eq!(
        s3("acces_key_id = canary"),
        "rclone.conf:6: [x] acces_key_id: type s3 has no such option (did you mean access_key_id?)"
    );
    assert_eq!(s3("Region = r"), "rclone.conf:6: [x] Region: type s3 has no such option (did you mean region?)");
    assert_eq!(s3("zzz = 1"), "rclone.conf:6: [x] zzz: type s3 has no such option");
    assert_eq!(error("", &[], ":s3,regoin=r:b"), "[:s3] regoin: type s3 has no such option (did you mean region?)");
    let text = "[x]\ntype = s3\n[x_y]\ntype = s3\n";
    for name in ["RCLONE_CONFIG_X_REGOIN", "RCLONE_S3_REGOIN"] {
        let told = format!("[x] {name}: type s3 has no such option (did you mean region?)");
        assert_eq!(error(text, &[(name, "r"), ("RCLONE_CONFIG_X_Y_ACL", "private")], "x:b"), told);
    }
    assert_eq!(
        s3("override.transfers = 4"),
        "rclone.conf:6: [x] override.transfers: flags inside a remote are not supported: expected the flag on the command \
         line"
    );
}

#[test]
fn what_would_change_data_is_refused_unless_it_asks_for_nothing() {
    assert_eq!(
        s3("versions = true"),
        "rclone.conf:6: [x] versions: this option is not supported: expected false, or none"
    );
    assert_eq!(
        s3("version_at = 1d"),
        "rclone.conf:6: [x] version_at: this option is not supported: expected off, or none"
    );
    assert_eq!(
        s3("sse_customer_key = canary"),
        "rclone.conf:6: [x] sse_customer_key: this option is not supported: expected none"
    );
    for option in ["requester_pays", "decompress", "use_accelerate_endpoint", "v2_auth", "no_system_metadata"] {
        assert!(s3(&format!("{option} = true")).contains("not supported"), "{option}");
        let text = format!("[x]\ntype = s3\n{option} = false\nversion_at = off\nrole_arn =\n");
        assert_eq!(super::remote(&text, &[], "x:b").ignored, []);
    }
    assert!(error("", &[], ":local,one_file_system:/x").contains("one_file_system: this option is not supported"));
    assert!(s3("region = other-v2-signature").contains("line 5"), "each key once");
    assert_eq!(
        error("", &[], ":s3,region=other-v2-signature:b"),
        "[:s3] region: signatures of version 2 are not supported: expected a region"
    );
}

#[test]
fn bad_values_are_shown_with_what_would_be_right() {
    assert_eq!(s3("env_auth = yes"), "rclone.conf:6: [x] env_auth: found \"yes\": expected true or false");
    assert_eq!(
        s3("acl = privat"),
        "rclone.conf:6: [x] acl: found \"privat\": expected private, public-read, public-read-write, authenticated-read, \
         bucket-owner-read, bucket-owner-full-control, aws-exec-read, log-delivery-write, default (did you mean private?)"
    );
    assert_eq!(s3("chunk_size = 5"), "rclone.conf:6: [x] chunk_size: found \"5\": expected at least 5 MiB");
    assert_eq!(
        s3("upload_cutoff = 5MB"),
        "rclone.conf:6: [x] upload_cutoff: found \"5MB\": expected a size such as 64M, 1.5Gi or 1048576B (a number alone \
         counts KiB)"
    );
    assert_eq!(
        s3("storage_class = \"GLACIER\""),
        "rclone.conf:6: [x] storage_class: found \"\\\"GLACIER\\\"\": expected it without quotes"
    );
    assert_eq!(
        s3("server_side_encryption = AES"),
        "rclone.conf:6: [x] server_side_encryption: found \"AES\": expected AES256, aws:kms, aws:kms:dsse"
    );
    assert_eq!(
        s3("sse_kms_key_id = k"),
        "rclone.conf:6: [x] sse_kms_key_id: server_side_encryption does not ask for KMS: expected server_side_encryption = \
         aws:kms beside it"
    );
    assert_eq!(
        error("", &[("RCLONE_S3_ENV_AUTH", "maybe")], ":s3:b"),
        "[:s3] RCLONE_S3_ENV_AUTH: found \"maybe\": expected true or false"
    );
    assert!(error("", &[], ":s3,endpoint='http://u:canary@h':b").contains("holds a user or password"));
}

#[test]
fn keys_come_whole_and_from_one_place() {
    assert_eq!(
        s3("access_key_id = id"),
        "rclone.conf:6: [x] access_key_id: there is no secret_access_key: expected both, or neither"
    );
    assert_eq!(
        s3("session_token = canary"),
        "rclone.conf:6: [x] session_token: there is no access_key_id that it belongs to: expected access_key_id and \
         secret_access_key beside it"
    );
    let text = "[x]\ntype = s3\naccess_key_id = id\nsecret_access_key = s\n";
    assert_eq!(
        error(text, &[("RCLONE_S3_SESSION_TOKEN", "canary")], "x:b"),
        "[x] RCLONE_S3_SESSION_TOKEN: the token is not from where the keys are (rclone.conf:3): expected keys and token \
         together"
    );
}

#[test]
fn a_store_that_is_nowhere_is_named() {
    assert_eq!(
        keyed("[x]\ntype = s3\nprovider = Ceph\n"),
        "[x] endpoint: provider Ceph has no endpoint of its own: expected endpoint = https://host[:port]"
    );
    assert_eq!(
        keyed("[x]\ntype = s3\nprovider = aws\n"),
        "rclone.conf:3: [x] provider: \"aws\" is no provider that is known: expected a known provider, or endpoint beside \
         it (did you mean AWS?)"
    );
}

#[test]
fn a_remote_that_is_not_there_or_not_supported_is_named() {
    let two = "[source]\ntype = s3\n[old]\nregion = r\n[secret]\ntype = crypt\nremote = source:b\npassword = canary\n";
    assert_eq!(
        error(two, &[], "sourc:b"),
        "rclone.conf: [sourc] there is no such remote, only source, old, secret (did you mean source?)"
    );
    assert!(error(two, &[], "SOURCE:b").ends_with("(did you mean source?)"));
    assert_eq!(error("", &[], "x:b"), "rclone.conf: [x] there is no such remote, nor any other");
    assert_eq!(
        error("[a]\ntype = s3\n[b]\ntype = s3\n", &[], "s3://bucket/x"),
        "rclone.conf: [s3] this is a URL: expected remote:bucket/path, a remote being a or b"
    );
    const TYPES: &str = "one of s3, azureblob, google cloud storage, local, alias, memory";
    assert_eq!(error(two, &[], "old:b"), format!("rclone.conf: [old] type: the remote has no type: expected {TYPES}"));
    assert_eq!(
        error(two, &[], "secret:b"),
        format!("rclone.conf:6: [secret] type: type \"crypt\" is not supported: expected {TYPES}")
    );
    assert_eq!(
        error("", &[], ":S3:b"),
        format!("[:S3] type \"S3\" is not supported: expected {TYPES} (did you mean s3?)")
    );
}

#[test]
fn the_file_is_read_as_rclone_reads_it() {
    assert_eq!(keyed("x = 1\n"), "rclone.conf:1: no section yet: expected [name] first");
    assert_eq!(keyed("[x]\ntype = s3\ncanary\n"), "rclone.conf:3: [x] not a setting: expected key = value");
    assert_eq!(keyed("[x]\n= canary\n"), "rclone.conf:2: [x] not a setting: expected key = value");
    assert_eq!(keyed("[]\n"), "rclone.conf:1: a section without a name: expected [name]");
    assert_eq!(keyed("[x] ; y\n"), "rclone.conf:1: not a section's name: expected [name], and nothing behind it");
    assert_eq!(
        keyed("[x]\n[y]\n[x]\n"),
        "rclone.conf:3: [x] the section is already in line 1: expected each section once"
    );
    assert_eq!(s3("region: r2"), "rclone.conf:6: [x] region: the key is already in line 5: expected each key once");
    assert_eq!(
        s3("secret_access_key = `canary`"),
        "rclone.conf:6: [x] secret_access_key: the value starts with a quote that rclone takes away: expected the value \
         without quotes"
    );
    assert_eq!(
        s3("secret_access_key = canary%(region)s"),
        "rclone.conf:6: [x] secret_access_key: the value holds %(name)s, which rclone replaces by another key's value: \
         expected the value itself"
    );
    let encrypted = "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\ncanary=\n";
    assert_eq!(
        keyed(encrypted),
        "rclone.conf:3: the file is encrypted, which is not supported: expected the file without a password: `rclone config \
         encryption remove`, or the output of `rclone config show`"
    );
}
