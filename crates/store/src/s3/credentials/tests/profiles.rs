use super::{chain, failure, home, keys};
use crate::ErrorKind;

const PAIR: &str = "aws_access_key_id = AK\naws_secret_access_key = canary\n";

#[tokio::test]
async fn keys_come_from_the_credentials_file_and_the_rest_from_both() {
    let home = home(
        "[default]\nregion = eu-west-1\naws_access_key_id = CONFIG\naws_secret_access_key = x\naws_session_token = t\n\
         [profile p]\nendpoint_url = http://p.example\naws_access_key_id = P\naws_secret_access_key = y\n",
        &format!("[default]\n{PAIR}"),
    );
    let default = chain(home.path(), &[]).unwrap();
    assert_eq!((default.region(), default.endpoint()), (Some("eu-west-1"), None));
    let found = default.keys().await.unwrap().unwrap();
    assert_eq!(found.access_key_id, "AK");
    assert_eq!(found.session_token, None, "a token from another file belongs to other keys");
    let named = chain(home.path(), &[("AWS_PROFILE", "p"), ("AWS_REGION", "us-east-2")]).unwrap();
    assert_eq!((named.region(), named.endpoint()), (Some("us-east-2"), Some("http://p.example")));
    assert_eq!(named.keys().await.unwrap().unwrap().access_key_id, "P");
}

#[tokio::test]
async fn files_may_be_elsewhere() {
    let home = home("", "");
    std::fs::write(home.path().join("k"), format!("[x]\n{PAIR}")).unwrap();
    std::fs::write(home.path().join("c"), "[profile x]\nregion=here\n").unwrap();
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", "~/k"), ("AWS_CONFIG_FILE", "~/c"), ("AWS_PROFILE", "x")];
    let credentials = chain(home.path(), &variables).unwrap();
    assert_eq!(credentials.region(), Some("here"));
    assert_eq!(credentials.keys().await.unwrap().unwrap().access_key_id, "AK");
}

#[tokio::test]
async fn the_most_specific_endpoint_counts() {
    let text = "[profile p]\nendpoint_url = http://all.example\nservices = own\n[services own]\ns3 =\n  endpoint_url = \
        http://s3.example\ndynamodb =\n  endpoint_url = http://other.example\n";
    let home = home(text, &format!("[p]\n{PAIR}"));
    let endpoint = |variables: &[(&str, &str)]| {
        let variables = [&[("AWS_PROFILE", "p")], variables].concat();
        chain(home.path(), &variables).unwrap().endpoint().map(str::to_owned)
    };
    assert_eq!(endpoint(&[]).as_deref(), Some("http://s3.example"));
    assert_eq!(endpoint(&[("AWS_ENDPOINT_URL", "http://v")]).as_deref(), Some("http://v"));
    let both = [("AWS_ENDPOINT_URL", "http://v"), ("AWS_ENDPOINT_URL_S3", "http://s")];
    assert_eq!(endpoint(&both).as_deref(), Some("http://s"));
    assert_eq!(endpoint(&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")]), None);
}

#[tokio::test]
async fn a_wrong_profile_is_named_with_file_line_and_what_would_be_right() {
    let role = "role_arn = arn:aws:iam::1:role/r\n";
    for (config, credentials, variables, expected) in [
        (
            "[nope]\nregion=x\n[profile b]\n",
            "[a]\n[c]\n",
            &[("AWS_PROFILE", "nope")][..],
            "AWS_PROFILE: there is no profile \"nope\" in ~/.aws/credentials or ~/.aws/config: in ~/.aws/config its \
             header must be [profile nope] (there are: a, b, c)",
        ),
        (
            "",
            "",
            &[("AWS_PROFILE", "p")],
            "AWS_PROFILE: there is no profile \"p\"; ~/.aws/credentials does not exist; ~/.aws/config does not exist",
        ),
        (
            "",
            "[default]\naws_access_key_id = AK\n",
            &[],
            "~/.aws/credentials line 2, profile \"default\": aws_access_key_id is set, but aws_secret_access_key is not",
        ),
        (
            "",
            "[default]\n\naws_secret_access_key = canary\n",
            &[],
            "~/.aws/credentials line 3, profile \"default\": aws_secret_access_key is set, but aws_access_key_id is not",
        ),
        (
            "[default]\nsso_session = s\n",
            "",
            &[],
            "~/.aws/config line 2, profile \"default\": sso_session: signing in with a browser is not supported; let a \
             profile of its own run `aws configure export-credentials --profile default --format process` as its \
             credential_process",
        ),
        (
            &format!("[default]\n{role}"),
            "",
            &[],
            "~/.aws/config line 2, profile \"default\": role_arn needs source_profile = NAME, credential_source = \
             Environment|Ec2InstanceMetadata|EcsContainer, or web_identity_token_file = PATH",
        ),
        (
            &format!("[default]\n{role}mfa_serial = m\nsource_profile = default\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": mfa_serial is not supported: nobody is there to type a code",
        ),
        (
            &format!("[default]\n{role}source_profile = gone\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": source_profile: there is no profile \"gone\" in ~/.aws/config \
             (there are: default); ~/.aws/credentials does not exist",
        ),
        (
            &format!("[default]\n{role}source_profile = a\n[profile a]\nregion = x\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": source_profile = a has neither keys nor a role of its own",
        ),
        (
            &format!("[default]\n{role}source_profile = a\ncredential_source = Environment\n[profile a]\n"),
            "",
            &[],
            "~/.aws/config line 4, profile \"default\": give credential_source or source_profile, not both",
        ),
        (
            &format!("[default]\n{role}credential_source = environment\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": credential_source = environment: expected Environment, \
             Ec2InstanceMetadata or EcsContainer",
        ),
        (
            &format!("[default]\n{role}credential_source = Environment\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": credential_source = Environment, but AWS_ACCESS_KEY_ID is not set",
        ),
        (
            &format!("[default]\n{role}credential_source = Ec2InstanceMetadata\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": credential_source = Ec2InstanceMetadata, but \
             AWS_EC2_METADATA_DISABLED is true",
        ),
        (
            &format!(
                "[default]\n{role}source_profile = a\n[profile a]\n{role}source_profile = b\n[profile b]\n{role}\
             source_profile = a\n"
            ),
            "",
            &[],
            "~/.aws/config line 9, profile \"b\": source_profile goes round in a circle: default -> a -> b -> a",
        ),
        (
            &format!("[default]\n{role}source_profile = default\n"),
            "",
            &[],
            "~/.aws/config line 3, profile \"default\": source_profile goes round in a circle: default -> default",
        ),
        (
            &format!("[default]\n{role}source_profile = a\nduration_seconds = 60\n[profile a]\n{PAIR}"),
            "",
            &[],
            "~/.aws/config line 4, profile \"default\": duration_seconds = 60: expected 900 to 43200",
        ),
        (
            "[default]\nweb_identity_token_file = /t\n",
            "",
            &[],
            "~/.aws/config line 2, profile \"default\": web_identity_token_file is set, but role_arn is not",
        ),
        (
            "[default]\ncredential_process = run 'this\n",
            "",
            &[],
            "~/.aws/config line 2, profile \"default\": credential_process: a quote is not closed, or a backslash ends it",
        ),
        ("[default]\nregion = x\nnonsense\n", "", &[], "~/.aws/config line 3: expected [section] or name = value"),
    ] {
        let home = home(config, credentials);
        let (error, text) = failure(home.path(), variables).await;
        assert_eq!((error.kind(), text.as_str()), (ErrorKind::Configuration, expected));
        assert!(!text.contains("canary"));
    }
}

#[tokio::test]
async fn a_file_that_is_not_text_is_named() {
    let home = home("", "");
    std::fs::write(home.path().join("k"), [0xff, 0xfe, b'c']).unwrap();
    let (error, text) = failure(home.path(), &[("AWS_CONFIG_FILE", "~/k")]).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(text, "~/k (AWS_CONFIG_FILE) is not UTF-8 text");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_nobody_who_has_other_keys() {
    let home = home("", "");
    std::fs::create_dir(home.path().join("d")).unwrap();
    let file = ("AWS_SHARED_CREDENTIALS_FILE", "~/d");
    let pair = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "s")];
    keys(home.path(), &[&[file], &pair[..]].concat()).await.unwrap();
    let (error, text) = failure(home.path(), &[file]).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(text.contains("~/d (AWS_SHARED_CREDENTIALS_FILE) cannot be read: "), "{text}");
}
