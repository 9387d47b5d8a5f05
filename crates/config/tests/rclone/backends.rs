use std::path::Path;

use transship_config::{RemotePlace, WriteOptions};
use transship_store::{Addressing, BucketSpec, Encryption, PayloadSigning, S3Credentials};

use super::{azure, error, google, ignored, remote, s3};

#[test]
fn without_env_auth_nothing_of_the_environment_is_used() {
    let pairs =
        [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "r"), ("AWS_CA_BUNDLE", "/ca")];
    let plain = remote("[x]\ntype = s3\nprovider = AWS\nprofile = p\n", &pairs, "x:b");
    assert_eq!((&s3(&plain).credentials, &s3(&plain).region), (&S3Credentials::Anonymous, &None));
    assert_eq!(ignored(&plain), ["profile (rclone.conf:4)"]);
    assert_eq!(s3(&plain).ca_bundle.as_deref(), Some(Path::new("/ca")), "whom to trust is no credential");
}

#[test]
fn env_auth_is_the_chain_of_aws_and_a_profile_stands_before_keys() {
    let pairs = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s"), ("HOME", "/h")];
    let chain = |typed: &str| match &s3(&remote("", &pairs, typed)).credentials {
        S3Credentials::Chain(variables) => {
            variables.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(chain(":s3,env_auth:b"), ["AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=s", "HOME=/h"]);
    assert_eq!(
        chain(":s3,env_auth,profile=p,shared_credentials_file=/f:b"),
        ["AWS_PROFILE=p", "AWS_SHARED_CREDENTIALS_FILE=/f", "HOME=/h"]
    );
    let keys = remote("", &pairs, ":s3,env_auth,access_key_id=own,secret_access_key=s2:b");
    assert_eq!(super::keys(&keys), ("own", "s2", None), "keys stand alone");
}

#[test]
fn a_bucket_is_named_as_the_provider_wants_it() {
    use Addressing::{Auto, Path, Virtual};
    for (typed, addressing, endpoint) in [
        (":s3:bucket", Auto, None),
        (":s3,provider=AWS:bucket", Auto, None),
        (":s3,provider=AWS,endpoint=h.example:bucket", Auto, Some("https://h.example")),
        (":s3,provider=AWS,endpoint=h.example,force_path_style=false:bucket", Virtual, Some("https://h.example")),
        (":s3,provider=AWS,force_path_style:bucket", Path, None),
        (":s3,endpoint=h.example:bucket", Path, Some("https://h.example")),
        (":s3,provider=Minio,endpoint='http://h:9000/':bucket", Path, Some("http://h:9000")),
        (":s3,provider=Ceph,endpoint=h.example,force_path_style=false:bucket", Virtual, Some("https://h.example")),
        (":s3,provider=Wasabi,endpoint=h.example:bucket", Virtual, Some("https://h.example")),
        (":s3,provider=Wasabi,endpoint=h.example:buck.et", Path, Some("https://h.example")),
        (":s3,provider=Wasabi,endpoint='http://10.0.0.1:80':bucket", Path, Some("http://10.0.0.1:80")),
        (":s3,provider=Wasabi,endpoint=h.example,force_path_style=true:bucket", Path, Some("https://h.example")),
    ] {
        let remote = remote("", &[], typed);
        assert_eq!((s3(&remote).addressing, s3(&remote).endpoint.as_deref()), (addressing, endpoint), "{typed}");
        assert!(remote.warnings.is_empty());
    }
}

#[test]
fn an_unknown_provider_is_taken_for_other_and_warns() {
    let typed = remote("", &[], ":s3,provider=ceph,endpoint=h:bucket");
    assert_eq!(s3(&typed).addressing, Addressing::Path);
    assert_eq!(
        typed.warnings,
        ["[:s3] provider: \"ceph\" is no provider that is known (did you mean Ceph?); taken for Other"]
    );
}

#[test]
fn the_options_of_writing_are_read() {
    let text = "[x]\ntype = s3\nacl = bucket-owner-full-control\nstorage_class = GLACIER_IR\nchunk_size = 64Mi\n\
                server_side_encryption = aws:kms\nsse_kms_key_id = arn:aws:kms:x\nupload_cutoff = 1G\n\
                no_check_bucket = true\nuse_unsigned_payload = false\n";
    let told = remote(text, &[], "x:b");
    let mut write = WriteOptions::default();
    write.acl = Some("bucket-owner-full-control".into());
    write.storage_class = Some("GLACIER_IR".into());
    write.encryption = Some(Encryption { algorithm: "aws:kms".into(), kms_key_id: Some("arn:aws:kms:x".into()) });
    write.chunk_size = Some(64 << 20);
    write.upload_cutoff = Some(1 << 30);
    write.no_check_bucket = true;
    assert_eq!((&told.write, s3(&told).payload_signing), (&write, PayloadSigning::Always));
    let one = remote("", &[], ":s3,use_multipart_uploads=false,upload_cutoff=1G,use_unsigned_payload=unset:b");
    assert_eq!((one.write.upload_cutoff, s3(&one).payload_signing), (Some(u64::MAX), PayloadSigning::Auto));
    assert_eq!(remote("", &[], ":s3:b").write, WriteOptions::default());
}

#[test]
fn azure_takes_the_first_way_that_is_given() {
    let text = "[az]\ntype = azureblob\naccount = acc\nkey = a2V5\nsas_url = https://x.blob.core.windows.net?sig=s\n\
                client_id = c\naccess_tier =\nchunk_size = 8M\nno_check_container = true\n";
    let keyed = remote(text, &[], "az:cont/dir");
    let spec = azure(&keyed);
    assert_eq!((spec.account.as_str(), spec.container.as_str()), ("acc", "cont"));
    assert_eq!(spec.key.as_ref().map(|key| key.expose()), Some("a2V5"));
    assert_eq!((&spec.sas, &spec.client_id, &spec.endpoint), (&None, &None, &None));
    assert_eq!(ignored(&keyed), ["sas_url (rclone.conf:5)", "client_id (rclone.conf:6)"]);
    assert_eq!((keyed.write.chunk_size, keyed.write.no_check_bucket), (Some(8 << 20), true));
    assert_eq!(keyed.location().unwrap().prefix, "dir/");

    let principal = remote("", &[], ":azureblob,account=acc,client_id=c,tenant=t,client_secret=s:cont");
    let spec = azure(&principal);
    assert_eq!((spec.client_id.as_deref(), spec.tenant_id.as_deref()), (Some("c"), Some("t")));
    assert_eq!(
        error("", &[], ":azureblob,account=acc,client_id=c,tenant=t:cont"),
        "[:azureblob] client_secret: there is no client_secret: expected client_id, tenant and client_secret"
    );
}

#[test]
fn azure_understands_signed_urls_connection_strings_and_the_emulator() {
    let signed = remote("", &[], ":azureblob,sas_url='https://acc.blob.core.windows.net/cont?sv=1&sig=s':cont/a");
    let spec = azure(&signed);
    assert_eq!((spec.account.as_str(), spec.endpoint.as_deref()), ("acc", Some("https://acc.blob.core.windows.net")));
    assert_eq!(spec.sas.as_ref().map(|sas| sas.expose()), Some("sv=1&sig=s"));
    let local = remote("", &[], ":azureblob,sas_url='http://127.0.0.1:10000/dev/?sig=s':cont");
    assert_eq!(azure(&local).account, "dev");
    assert_eq!(azure(&local).endpoint.as_deref(), Some("http://127.0.0.1:10000/dev"));
    assert_eq!(
        error("", &[], ":azureblob,sas_url='https://acc.blob.core.windows.net/cont?sig=canary':other"),
        "[:azureblob] sas_url: the signature is for container \"cont\", the remote's path names \"other\": expected one \
         container"
    );
    let string = remote("", &[], ":azureblob,connection_string='AccountName=acc;AccountKey=a2V5':cont");
    assert!(azure(&string).connection_string.is_some());
    let emulated = remote("", &[], ":azureblob,use_emulator:cont");
    assert_eq!(azure(&emulated).account, "devstoreaccount1");
    assert_eq!(azure(&emulated).endpoint.as_deref(), Some("http://127.0.0.1:10000/devstoreaccount1"));
    assert!(azure(&emulated).key.is_some());
    for spec in [azure(&signed), azure(&emulated)] {
        assert!(transship_store::open(&BucketSpec::Azure(spec.clone())).is_ok(), "{spec:?}");
    }
}

#[test]
fn azure_asks_the_environment_only_where_told() {
    let pairs = [
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_SECRET", "s"),
        ("AZURE_STORAGE_KEY", "a2V5"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "acc"),
    ];
    let told = remote("", &pairs, ":azureblob,env_auth:cont");
    assert_eq!((azure(&told).account.as_str(), azure(&told).client_id.as_deref()), ("acc", Some("c")));
    assert_eq!(azure(&told).key, None);
    assert_eq!(
        error("", &pairs, ":azureblob,account=acc:cont"),
        "[:azureblob] there are no credentials: expected key, sas_url, connection_string, env_auth, or client_id, tenant \
         and client_secret"
    );
    assert_eq!(
        error("", &[], ":azureblob,env_auth:cont"),
        "[:azureblob] env_auth: the environment holds no service principal: expected AZURE_CLIENT_ID, AZURE_TENANT_ID and \
         AZURE_CLIENT_SECRET"
    );
    assert_eq!(
        error("", &[], ":azureblob,key=a2V5:cont"),
        "[:azureblob] account: there is no account: expected the storage account's name"
    );
}

#[test]
fn google_takes_service_accounts_and_no_tokens_of_people() {
    let text = "[gs]\ntype = google cloud storage\nservice_account_file = ~/sa.json\nstorage_class = NEARLINE\n\
                object_acl = private\nproject_number = 1\n";
    let told = remote(text, &[("HOME", "/home/me")], "gs:bucket/a");
    assert_eq!(google(&told).service_account_path.as_deref(), Some(Path::new("/home/me/sa.json")));
    assert_eq!((told.write.storage_class.as_deref(), ignored(&told).len()), (Some("NEARLINE"), 1));
    let blob = remote("", &[], ":gcs,service_account_credentials='{}',service_account_file=x:bucket");
    assert!(google(&blob).service_account_key.is_some() && google(&blob).service_account_path.is_none());
    assert!(google(&remote("", &[], ":googlecloudstorage,anonymous:bucket")).anonymous);
    let env = remote("", &[("GOOGLE_APPLICATION_CREDENTIALS", "/sa.json")], ":gcs,env_auth:bucket");
    assert_eq!(google(&env).service_account_path.as_deref(), Some(Path::new("/sa.json")));
    assert_eq!(
        error("[gs]\ntype = gcs\ntoken = {\"access_token\":\"canary\"}\n", &[], "gs:bucket"),
        "rclone.conf:3: [gs] token: tokens of people are not supported: expected service_account_file, \
         service_account_credentials, env_auth or anonymous"
    );
    assert_eq!(
        error("", &[], ":gcs,env_auth:bucket"),
        "[:gcs] env_auth: GOOGLE_APPLICATION_CREDENTIALS is not set: expected the file of a service account's key in it"
    );
    assert!(error("", &[], ":gcs,anonymous,object_acl=publicRead:bucket").contains("object_acl: this option"));
}

#[test]
fn memory_has_buckets_by_name() {
    let told = remote("", &[], ":memory:name/dir");
    assert_eq!(told.location().unwrap().bucket, BucketSpec::Memory("name".into()));
    assert_eq!(told.location().unwrap().prefix, "dir/");
    assert_eq!(remote("", &[], ":memory:").place, RemotePlace::AllBuckets);
}
