//! <https://rclone.org/docs/#connection-strings>

use std::path::Path;

use proptest::prelude::*;

use super::{HERE, config, directory, error, keys, remote, s3};

const REMOTES: &str = "\
[ceph]
type = s3
provider = Ceph
endpoint = http://ceph
[data]
type = alias
remote = /data
[sub]
type = alias
remote = data:sub
[rel]
type = alias
remote = x/../y
[over]
type = alias
remote = data,remote='/it''s':sub
[up]
type = alias
remote = data:sub/../..
[in s3]
type = alias
remote = ceph:bucket/base
[disk]
type = local
";

#[test]
fn local_paths_are_relative_to_the_callers_directory() {
    for (typed, path) in [
        ("/data", "/data"),
        ("data", "/here/data"),
        (".", "/here"),
        ("./a:b", "/here/a:b"),
        ("a/b:c", "/here/a/b:c"),
        ("/a,b:c", "/a,b:c"),
        ("a,b", "/here/a,b"),
        ("a/../b/", "/here/b"),
        (":local:x", "/here/x"),
        (":local:/x", "/x"),
        (":local:", "/here"),
        ("disk:", "/here"),
        ("disk:x/y", "/here/x/y"),
        ("disk:/x", "/x"),
    ] {
        let remote = remote(REMOTES, &[], typed);
        assert_eq!(directory(&remote), Path::new(path), "{typed}");
        assert_eq!((remote.location().unwrap().prefix.as_str(), &remote.object), ("", &None));
    }
}

#[test]
fn aliases_stand_for_what_they_name() {
    for (typed, path) in [
        ("data:", "/data"),
        ("data:a", "/data/a"),
        ("data:/a", "/data/a"),
        ("data:../..", "/data"),
        ("data:a/../b", "/data/b"),
        ("sub:", "/data/sub"),
        ("sub:..", "/data/sub"),
        ("rel:z", "/here/y/z"),
        ("over:", "/it's/sub"),
        ("up:", "/data"),
        ("data,remote=/else:a", "/else/a"),
        (":alias,remote='/q, r:s':a", "/q, r:s/a"),
    ] {
        assert_eq!(directory(&remote(REMOTES, &[], typed)), Path::new(path), "{typed}");
    }
    let in_bucket = remote(REMOTES, &[], "in s3:a//b");
    assert_eq!((s3(&in_bucket).bucket.as_str(), in_bucket.name.as_str()), ("bucket", "in s3:a//b"));
    assert_eq!(in_bucket.location().unwrap().prefix, "base/a//b/");
}

#[test]
fn the_name_of_a_remote_without_its_colon_is_a_local_path_and_warns() {
    let typed = remote(REMOTES, &[], "ceph");
    assert_eq!(directory(&typed), Path::new("/here/ceph"));
    assert_eq!(typed.warnings, ["\"ceph\" is a local path: the remote is ceph:, and ./ceph keeps this quiet"]);
    assert!(remote(REMOTES, &[], "./ceph").warnings.is_empty());
}

#[test]
fn options_are_written_as_rclone_writes_them() {
    let typed = ":s3,provider=Other,env_auth=false,access_key_id='a:b,c',secret_access_key=\"say \"\"hi\"\"\",\
                 endpoint='http://h:9000',no_check_bucket:bucket/p";
    let remote = remote("", &[], typed);
    assert_eq!(keys(&remote), ("a:b,c", "say \"hi\"", None));
    assert_eq!(s3(&remote).endpoint.as_deref(), Some("http://h:9000"));
    assert!(remote.write.no_check_bucket, "an option without a value is true");
    assert_eq!(
        remote.name,
        ":s3,provider=***,env_auth=***,access_key_id=***,secret_access_key=***,endpoint=***,no_check_bucket=***:bucket/p"
    );
    let bare = super::remote("", &[], ":s3,access_key_id=it's,secret_access_key=a\"b=c:bucket");
    assert_eq!(keys(&bare), ("it's", "a\"b=c", None), "a quote inside a bare value is itself");
}

#[test]
fn errors_point_at_the_character() {
    for (typed, message) in [
        ("", "the remote is empty: expected remote:path or a local path"),
        (":", ":: character 2: the backend's name has no end: expected :backend:path"),
        (":local", ":local: character 7: the backend's name has no end: expected :backend:path"),
        ("::x", ":: character 2: there is no name before the `:`: expected remote:path, :backend:path or ./path"),
        (":/tmp", ":: character 2: there is no name before the `:`: expected remote:path, :backend:path or ./path"),
        (
            "a*l:x",
            "a*l: character 2: this cannot be in a remote's name: expected letters, digits, `_`, `-`, `.`, `+`, `@` and \
             blanks inside",
        ),
        (
            "-al:x",
            "-al: character 1: a remote's name cannot start like this: expected letters, digits, `_`, `-`, `.`, `+`, `@` \
             and blanks inside",
        ),
        ("ceph,:b", "ceph: character 6: an option without a name: expected key=value"),
        ("ceph,=canary:b", "ceph: character 6: an option without a name: expected key=value"),
        (
            "cé,re-gion=x:b",
            "cé: character 6: this cannot be in an option's name: expected letters, digits, `_` and `.`",
        ),
        (
            "ceph,region=a:",
            "\"ceph,region=***:\" names no bucket: expected ceph,region=***:bucket or ceph,region=***:bucket/path",
        ),
        (
            "ceph,secret_access_key=\"canary:b",
            "ceph: character 24: this quote is not closed: expected the same quote behind the value",
        ),
        (
            "ceph,secret_access_key='canary'x:b",
            "ceph: character 32: the quote before this closes the value: expected `:`, `,` or a second quote",
        ),
        ("ceph:a,region", "no error"),
        (":s3,region=canary", ":s3: character 18: no end after the value of region: expected `:` and the path"),
        (":s3,region", ":s3: character 11: no end after region: expected `:` and the path"),
        ("ceph,region=a,region=canary:b", "ceph: character 14: region stands twice: expected each option once"),
    ] {
        let remote = config(REMOTES, &[]).remote(typed, Path::new(HERE));
        let told = remote.and_then(|remote| remote.location().map(|_| "no error".to_owned()));
        assert_eq!(told.unwrap_or_else(|error| error.to_string()), message, "{typed}");
    }
}

#[test]
fn a_circle_of_aliases_is_an_error_that_shows_it() {
    let text =
        "[a]\ntype = alias\nremote = b:x\n[b]\ntype = alias\nremote = a:\n[self]\ntype = alias\nremote = self:x\n";
    assert_eq!(
        error(text, &[], "a:"),
        "rclone.conf:3: [a] remote: aliases go round in a circle or on for too long: a -> b -> a: expected an alias of \
         something else"
    );
    assert!(error(text, &[], "self:").contains("self -> self"));
    assert_eq!(
        error("[a]\ntype = alias\nremote =\n", &[], "a:x"),
        "[a] remote: the alias stands for nothing: expected remote = other:path or a directory"
    );
    let chain: String = (0..40).map(|n| format!("[a{n}]\ntype = alias\nremote = a{}:\n", n + 1)).collect();
    assert!(error(&chain, &[], "a0:").contains("too long"));
}

proptest! {
    #[test]
    fn a_quoted_value_comes_through_whatever_it_holds(value in "\\PC{1,40}", double in any::<bool>(), path in "[a-z]{3,9}(/[a-z:,'\"]{1,9})?") {
        let quote = if double { "\"" } else { "'" };
        let quoted = format!("{quote}{}{quote}", value.replace(quote, &quote.repeat(2)));
        let typed = format!(":s3,access_key_id=a,secret_access_key={quoted},no_check_bucket:{path}");
        let remote = remote("", &[], &typed);
        prop_assert_eq!(keys(&remote), ("a", value.as_str(), None));
        prop_assert!(remote.write.no_check_bucket);
        let (bucket, inside) = path.split_once('/').unwrap_or((&path, ""));
        prop_assert_eq!(&s3(&remote).bucket, bucket);
        prop_assert_eq!(remote.object.as_deref().unwrap_or_default(), inside);
    }

    #[test]
    fn nothing_that_is_typed_makes_it_panic(any in "\\PC{0,40}", likely in "[:,='\"/a-c. é-]{0,20}") {
        let config = config(REMOTES, &[]);
        let _ = config.remote(&any, Path::new(HERE)).is_ok();
        let _ = config.remote(&likely, Path::new(HERE)).is_ok();
    }
}
