//! Which bodies a signature covers.

use bytes::Bytes;
use futures::{StreamExt, stream};
use transship_store::{Body, Bucket, Encryption, PayloadSigning, PutOptions, S3Spec};
use transship_testbed::s3::{Operation, S3Server};
use transship_types::Key;

use crate::{BUCKET, opened, spec};

const OBJECT: &str = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"; // printf bytes | sha256sum
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

fn streamed() -> Body {
    Body::stream(5, stream::iter([Ok(Bytes::from("by")), Ok(Bytes::from("tes"))]).boxed())
}

fn with_kms() -> PutOptions {
    let encryption = Some(Encryption { algorithm: "aws:kms".to_owned(), kms_key_id: None });
    PutOptions { encryption, ..PutOptions::default() }
}

async fn server(tls: bool) -> S3Server {
    let builder = S3Server::builder().bucket(BUCKET);
    if tls { builder.tls() } else { builder }.start().await.unwrap()
}

/// What was signed for each write since the last look.
fn signed(server: &S3Server) -> Vec<(Operation, String)> {
    let writes = server.requests().into_iter().filter(|request| request.bytes_in > 0);
    let signed = writes.map(|r| (r.operation, r.header("x-amz-content-sha256").unwrap().to_owned())).collect();
    server.clear_requests();
    signed
}

async fn put_and_upload(bucket: &dyn Bucket, options: &PutOptions) {
    let (key, plain) = (Key::from("k"), PutOptions::default());
    bucket.put(&key, Body::bytes("bytes"), options).await.unwrap();
    bucket.put(&key, streamed(), options).await.unwrap();
    let upload = bucket.create_upload(&key, options).await.unwrap();
    let part = bucket.put_part(&upload, 1, Body::bytes("bytes"), &plain).await.unwrap();
    bucket.complete_upload(&upload, &[part], options).await.unwrap();
}

#[tokio::test]
async fn on_plain_http_documents_are_signed_and_objects_are_left_to_their_etags() {
    let server = server(false).await;
    put_and_upload(&*opened(spec(&server)), &PutOptions::default()).await;
    let signed = signed(&server);
    let objects: Vec<_> =
        signed.iter().filter(|(operation, _)| *operation != Operation::CompleteMultipartUpload).collect();
    assert!(objects.len() == 3 && objects.iter().all(|(_, hash)| hash == UNSIGNED), "{signed:?}");
    assert!(
        signed.iter().any(|(operation, hash)| *operation == Operation::CompleteMultipartUpload && hash.len() == 64)
    );
}

#[tokio::test]
async fn on_plain_http_objects_are_signed_where_their_etags_prove_nothing() {
    use Operation::{PutObject, UploadPart};
    let server = server(false).await;
    put_and_upload(&*opened(spec(&server)), &with_kms()).await;
    let all = signed(&server);
    let objects = all.iter().map(|(operation, hash)| (*operation, hash.as_str()));
    let objects: Vec<_> = objects.filter(|(operation, _)| [PutObject, UploadPart].contains(operation)).collect();
    assert_eq!(objects, [(PutObject, OBJECT), (PutObject, UNSIGNED), (UploadPart, OBJECT)], "a stream is not gathered");
}

#[tokio::test]
async fn over_tls_nothing_is_signed_unless_it_is_asked_for() {
    let server = server(true).await;
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, server.authority_pem().unwrap()).unwrap();
    let auto = S3Spec { ca_bundle: Some(authority), ..spec(&server) };
    put_and_upload(&*opened(auto.clone()), &with_kms()).await;
    let all = signed(&server);
    assert!(all.len() == 4 && all.iter().all(|(_, hash)| hash == UNSIGNED), "{all:?}");
    put_and_upload(&*opened(S3Spec { payload_signing: PayloadSigning::Always, ..auto }), &PutOptions::default()).await;
    let all = signed(&server);
    assert_eq!(all.iter().filter(|(_, hash)| hash == OBJECT).count(), 3, "{all:?}");
}
