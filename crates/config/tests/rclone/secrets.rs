use super::{HERE, config};

/// A file, variables, flags and a typed remote with a canary in every place that may hold a secret.
#[test]
fn a_secret_is_in_no_debug_output_and_in_no_error() {
    let s3 = "[x]\ntype = s3\naccess_key_id = id\nsecret_access_key = canary1\nsession_token = canary2\n";
    let azure = "[az]\ntype = azureblob\naccount = acc\nkey = canary3\n";
    let gcs = "[gs]\ntype = gcs\nservice_account_credentials = {\"private_key\": \"canary4\"}\n";
    let signed = "[sas]\ntype = azureblob\nsas_url = https://acc.blob.core.windows.net/c?sig=canary5\n";
    let pairs = [("AWS_SECRET_ACCESS_KEY", "canary6"), ("RCLONE_AZUREBLOB_CLIENT_SECRET", "canary7")];
    let flags = [("s3-sse-customer-key-md5".to_owned(), String::new())];
    let config = config(&format!("{s3}{azure}{gcs}{signed}"), &pairs).with_flags(flags);
    let mut shown = format!("{config:?}");
    for typed in [
        "x:b",
        "az:c",
        "gs:bucket",
        "sas:c",
        "sas:other",
        ":s3,env_auth:b",
        ":s3,access_key_id=id,secret_access_key=canary8:b",
        ":s3,access_key_id=id,secret_access_key=canary8,env_auth=x:b",
        ":s3,secret_access_key=canary8:b",
        ":s3,secret_access_key=canary8",
        ":s3,secret_access_key='canary8:b",
        ":s3,sse_customer_key=canary8:b",
        ":azureblob,sas_url='http://canary8@h/c?sig=canary8':c",
        ":azureblob,sas_url='canary8 ?':c",
        ":gcs,token='{canary8}':b",
        "x,secret_acess_key=canary8:b",
    ] {
        match config.remote(typed, HERE.as_ref()) {
            Ok(remote) => shown += &format!("{remote:?}\n"),
            Err(error) => shown += &format!("{error} {error:?}\n"),
        }
    }
    assert!(!shown.contains("canary"), "{shown}");
}
