use anyhow::{Result, ensure};
use transship_store::{Body, ErrorKind, PutOptions};
use transship_types::{Algorithm, ErrorClass};

use super::{
    case::Case,
    scene::{Scene, digest, noise, refused},
};

const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Md5, Algorithm::Sha256, Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64nvme];

pub(super) fn cases() -> Vec<Case> {
    let cases = ALGORITHMS.into_iter().flat_map(|algorithm| {
        let name = algorithm.name();
        [
            Case::new(format!("a right {name} is accepted"), move |scene| right(scene, algorithm)),
            Case::new(format!("a wrong {name} is refused and leaves nothing"), move |scene| wrong(scene, algorithm)),
            Case::new(format!("a wrong {name} of a part is refused"), move |scene| wrong_part(scene, algorithm)),
            Case::new(format!("an upload with a {name} of each part completes"), move |scene| parts(scene, algorithm))
                .needs(|c| c.exact_keys),
        ]
    });
    cases.collect()
}

fn with(algorithm: Algorithm, bytes: &[u8]) -> Result<PutOptions> {
    Ok(PutOptions { digest: Some(digest(algorithm, bytes)?), ..PutOptions::default() })
}

async fn right(scene: Scene, algorithm: Algorithm) -> Result<()> {
    let bytes = noise(70, 54_321);
    scene.put_with("object", bytes.clone(), &with(algorithm, &bytes)?).await?;
    ensure!(scene.read("object").await? == bytes, "other bytes came back");
    let info = scene.bucket.head(&scene.key("object")).await?;
    let told = info.digests.iter().filter(|told| told.algorithm == algorithm);
    for told in told {
        ensure!(*told == digest(algorithm, &bytes)?, "head tells {told}");
    }
    Ok(())
}

async fn wrong(scene: Scene, algorithm: Algorithm) -> Result<()> {
    let options = with(algorithm, b"other bytes")?;
    let put = scene.bucket.put(&scene.key("object"), Body::bytes(noise(71, 1000)), &options).await;
    let error = refused(put, ErrorKind::DigestMismatch)?;
    ensure!(error.class() == ErrorClass::Transient, "bytes that changed on the way may be sent again");
    scene.is_empty().await?;
    scene.put("object", "old").await?;
    let put = scene.bucket.put(&scene.key("object"), Body::bytes(noise(71, 1000)), &options).await;
    refused(put, ErrorKind::DigestMismatch)?;
    ensure!(scene.read("object").await? == "old", "the old object was replaced");
    Ok(())
}

/// The options of an upload whose parts carry `algorithm`: S3 is told when the upload starts. It takes any digest of
/// the algorithm for that, and its bytes count for nothing.
fn upload_options(algorithm: Algorithm) -> Result<PutOptions> {
    with(algorithm, b"")
}

async fn wrong_part(scene: Scene, algorithm: Algorithm) -> Result<()> {
    let upload = scene.bucket.create_upload(&scene.key("object"), &upload_options(algorithm)?).await?;
    let options = with(algorithm, b"other bytes")?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes(noise(72, 1000)), &options).await;
    refused(part, ErrorKind::DigestMismatch)?;
    Ok(scene.bucket.abort_upload(&upload).await?)
}

async fn parts(scene: Scene, algorithm: Algorithm) -> Result<()> {
    let bytes = [noise(73, super::scene::MIB_5), noise(74, 100)];
    let upload = scene.bucket.create_upload(&scene.key("object"), &upload_options(algorithm)?).await?;
    let mut done = Vec::new();
    for (number, part) in (1..).zip(&bytes) {
        let body = Body::bytes(part.clone());
        done.push(scene.bucket.put_part(&upload, number, body, &with(algorithm, part)?).await?);
    }
    scene.bucket.complete_upload(&upload, &done, &PutOptions::default()).await?;
    ensure!(scene.read("object").await? == bytes.concat(), "other bytes came back");
    Ok(())
}
