use std::path::Path;

use proptest::prelude::*;

use super::super::profile_file::{FileKind, ProfileFile};

fn config(text: &str) -> ProfileFile {
    ProfileFile::parse(Path::new("F"), text, FileKind::Config).unwrap()
}

fn credentials(text: &str) -> ProfileFile {
    ProfileFile::parse(Path::new("F"), text, FileKind::Credentials).unwrap()
}

fn value<'a>(file: &'a ProfileFile, profile: &str, key: &str) -> Option<&'a str> {
    Some(file.profiles.get(profile)?.settings.get(key)?.value.expose())
}

#[test]
fn comments_need_a_blank_before_them_so_that_secrets_may_hold_them() {
    let file = credentials(
        "# one\n; two\n   # three\n[default] # four\naws_secret_access_key = a#b;c=d # five\nregion=x\t;six\n\
         empty = # seven\n",
    );
    assert_eq!(value(&file, "default", "aws_secret_access_key"), Some("a#b;c=d"));
    assert_eq!(value(&file, "default", "region"), Some("x"));
    assert_eq!(value(&file, "default", "empty"), Some(""));
}

#[test]
fn names_of_settings_know_no_case_and_names_of_profiles_do() {
    let file = credentials("[Prod]\nAWS_Access_Key_ID=A\n[prod]\naws_access_key_id : B\n");
    assert_eq!(value(&file, "Prod", "aws_access_key_id"), Some("A"));
    assert_eq!(value(&file, "prod", "aws_access_key_id"), Some("B"));
    let arn = config("[default]\nrole_arn=arn:aws:iam::1:role/r\ncredential_process: x --a=b\n");
    assert_eq!(value(&arn, "default", "role_arn"), Some("arn:aws:iam::1:role/r"));
    assert_eq!(value(&arn, "default", "credential_process"), Some("x --a=b"));
}

#[test]
fn indented_settings_are_settings_and_further_indented_ones_belong_to_the_one_above() {
    let file = config(
        "[profile a]\r\n  region = r\r\n  s3 =\r\n    max_concurrent_requests = 20\r\n\r\n    # c\r\n    \
         Addressing_Style=path\r\n  output = json\r\ncredential_process = run\r\n  --with this\r\n",
    );
    let section = &file.profiles["a"];
    assert_eq!(value(&file, "a", "region"), Some("r"));
    assert_eq!(value(&file, "a", "output"), Some("json"));
    assert_eq!(value(&file, "a", "credential_process"), Some("run\n--with this"));
    assert_eq!(section.nested["s3"]["addressing_style"].value.expose(), "path");
    assert!(!section.settings.contains_key("addressing_style"));
}

#[test]
fn a_profile_is_named_as_its_file_wants_it_and_the_other_way_is_remembered() {
    let file = config(
        "[plain]\nregion=x\n[profile \"two words\"]\nregion=y\n[ profile  tight ]\nregion=z\n[sso-session s]\na=b\n",
    );
    assert_eq!(value(&file, "two words", "region"), Some("y"));
    assert_eq!(value(&file, "tight", "region"), Some("z"));
    assert!(!file.profiles.contains_key("plain") && !file.profiles.contains_key("s"));
    assert_eq!(file.misplaced["plain"], "[profile plain]");
    let file = credentials("[profile a]\nregion=x\n[b]\nregion=y\n");
    assert!(!file.profiles.contains_key("a"));
    assert_eq!(file.misplaced["a"], "[a]");
}

#[test]
fn profile_default_wins_over_default_in_either_order() {
    for text in [
        "[default]\nregion=plain\noutput=json\n[profile default]\nregion=prefixed\n",
        "[profile default]\nregion=prefixed\n[default]\nregion=plain\noutput=json\n",
    ] {
        let file = config(text);
        assert_eq!(value(&file, "default", "region"), Some("prefixed"));
        assert_eq!(value(&file, "default", "output"), None);
    }
}

#[test]
fn sections_that_come_twice_are_one_and_the_later_setting_wins() {
    let file = credentials("\u{feff}[a]\nregion=1\nregion=2\n[b]\n[a]\noutput=json\n");
    assert_eq!(value(&file, "a", "region"), Some("2"));
    assert_eq!(value(&file, "a", "output"), Some("json"));
}

#[test]
fn what_makes_no_sense_is_named_by_line_and_never_shown() {
    for (text, expected) in [
        ("canary = x\n", "F line 1: expected a section first, such as [default]"),
        ("[a]\nx = y\ncanary\n", "F line 3: expected [section] or name = value"),
        ("[a]\n= canary\n", "F line 2: expected [section] or name = value"),
        ("[canary\n", "F line 1: expected a section first, such as [default]"),
        ("[a]\n[b] canary\n", "F line 2: expected [section] or name = value"),
        ("[a]\ns3 =\n  canary\n", "F line 3: expected name = value under s3"),
    ] {
        let error = ProfileFile::parse(Path::new("F"), text, FileKind::Config).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]=:#; \t\r\naé\"]{0,60}") {
        let _ = ProfileFile::parse(Path::new("F"), &text, FileKind::Config);
        let _ = ProfileFile::parse(Path::new("F"), &text, FileKind::Credentials);
    }

    #[test]
    fn a_value_without_blanks_is_kept_as_it_is(value_text in "[!-~]{1,40}") {
        prop_assume!(!value_text.starts_with(['#', ';']));
        let file = credentials(&format!("[default]\naws_secret_access_key = {value_text}\n"));
        prop_assert_eq!(value(&file, "default", "aws_secret_access_key"), Some(value_text.as_str()));
    }
}
