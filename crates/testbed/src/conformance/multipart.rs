use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use transship_store::{Body, Capabilities, ErrorKind, Part, PutOptions, PutReply};
use transship_types::{ETag, ErrorClass};

use super::{
    case::{Case, case},
    scene::{MIB_5, Scene, md5, noise, refused},
};

pub(super) fn cases() -> Vec<Case> {
    let has_md5 = |capabilities: &Capabilities| capabilities.etag_may_be_md5;
    vec![
        case!(parts_uploaded_one_after_the_other_in_any_order_make_the_object).needs(|c| c.exact_keys),
        case!(parts_begun_in_any_order_make_the_object),
        case!(parts_uploaded_side_by_side_make_the_object),
        case!(the_etag_of_a_multipart_object_is_the_md5_of_the_parts_md5s).needs(has_md5),
        case!(an_upload_of_one_part_makes_the_object),
        case!(part_numbers_may_have_gaps).needs(|c| c.exact_keys),
        case!(a_part_uploaded_twice_counts_once).needs(|c| c.exact_keys),
        case!(an_upload_is_invisible_until_it_is_completed),
        case!(an_upload_over_an_object_leaves_it_until_it_is_completed),
        case!(a_small_part_that_is_not_the_last_is_refused).needs(|c| c.exact_keys),
        case!(a_wrong_part_etag_fails_the_completion).needs(|c| c.exact_keys),
        case!(an_aborted_upload_leaves_nothing),
        case!(aborting_twice_is_fine),
        case!(an_upload_that_was_aborted_cannot_be_completed),
        case!(completing_twice_never_harms_the_object),
        case!(unfinished_uploads_are_listed_until_they_are_aborted).needs(|c| c.exact_keys),
        case!(an_unfinished_upload_of_an_odd_key_is_listed_exactly).needs(|c| c.exact_keys),
    ]
}

/// Uploads `parts` in order and completes.
pub(super) async fn upload(scene: &Scene, name: &str, parts: &[Bytes], options: &PutOptions) -> Result<PutReply> {
    let upload = scene.bucket.create_upload(&scene.key(name), options).await?;
    let mut done = Vec::new();
    for (number, part) in (1..).zip(parts) {
        done.push(scene.bucket.put_part(&upload, number, Body::bytes(part.clone()), &PutOptions::default()).await?);
    }
    Ok(scene.bucket.complete_upload(&upload, &done, options).await?)
}

async fn parts_uploaded_one_after_the_other_in_any_order_make_the_object(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let bytes = [noise(40, MIB_5), noise(41, MIB_5), noise(42, 1234)];
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let mut parts = Vec::new();
    for number in [3, 1, 2] {
        let body = Body::bytes(bytes[number as usize - 1].clone());
        parts.push(scene.bucket.put_part(&upload, number, body, &options).await?);
    }
    parts.sort_by_key(|part: &Part| part.number);
    let numbers: Vec<_> = parts.iter().map(|part| part.number).collect();
    ensure!(numbers == [1, 2, 3], "parts are numbered {numbers:?}");
    scene.bucket.complete_upload(&upload, &parts, &options).await?;
    ensure!(scene.read("object").await? == bytes.concat(), "other bytes came back");
    Ok(())
}

/// Some stores hold a part back until the ones before it are under way, so these must be, too.
async fn parts_begun_in_any_order_make_the_object(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let bytes = [noise(40, MIB_5), noise(41, MIB_5), noise(42, 1234)];
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let puts = [3, 1, 2].map(|number| {
        let body = Body::bytes(bytes[number as usize - 1].clone());
        scene.bucket.put_part(&upload, number, body, &options)
    });
    let mut parts = futures::future::try_join_all(puts).await?;
    parts.sort_by_key(|part: &Part| part.number);
    scene.bucket.complete_upload(&upload, &parts, &options).await?;
    ensure!(scene.read("object").await? == bytes.concat(), "other bytes came back");
    Ok(())
}

async fn parts_uploaded_side_by_side_make_the_object(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let bytes: Vec<_> = (0..4).map(|n| noise(43 + n, MIB_5)).collect();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let puts =
        (1..).zip(&bytes).map(|(n, part)| scene.bucket.put_part(&upload, n, Body::bytes(part.clone()), &options));
    let parts = futures::future::try_join_all(puts).await?;
    let put = scene.bucket.complete_upload(&upload, &parts, &options).await?;
    ensure!(scene.read("object").await? == bytes.concat(), "other bytes came back");
    let head = scene.bucket.head(&scene.key("object")).await?;
    // Ceph 16 tells none; then whoever needs it has to look.
    let agree = put.etag.is_none() || put.etag == head.etag;
    ensure!(agree, "the completion told ETag {:?}, head tells {:?}", put.etag, head.etag);
    Ok(())
}

async fn the_etag_of_a_multipart_object_is_the_md5_of_the_parts_md5s(scene: Scene) -> Result<()> {
    let bytes = [noise(50, MIB_5), noise(51, 777)];
    upload(&scene, "object", &bytes, &PutOptions::default()).await?;
    let expected = md5(&[md5(&bytes[0]), md5(&bytes[1])].concat());
    let etag = scene.bucket.head(&scene.key("object")).await?.etag;
    let told = etag.as_ref().and_then(ETag::multipart);
    ensure!(told == Some((expected, 2)), "head tells {etag:?} for {}-2", hex::encode(expected));
    Ok(())
}

async fn an_upload_of_one_part_makes_the_object(scene: Scene) -> Result<()> {
    upload(&scene, "object", &[noise(52, 99)], &PutOptions::default()).await?;
    ensure!(scene.read("object").await? == noise(52, 99), "other bytes came back");
    Ok(())
}

async fn part_numbers_may_have_gaps(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let first = scene.bucket.put_part(&upload, 2, Body::bytes(noise(53, MIB_5)), &options).await?;
    let last = scene.bucket.put_part(&upload, 10_000, Body::bytes("last"), &options).await?;
    scene.bucket.complete_upload(&upload, &[first, last], &options).await?;
    let read = scene.read("object").await?;
    ensure!(read == [&noise(53, MIB_5)[..], b"last"].concat(), "{} bytes, and others", read.len());
    Ok(())
}

async fn a_part_uploaded_twice_counts_once(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    scene.bucket.put_part(&upload, 1, Body::bytes("first try"), &options).await?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("second"), &options).await?;
    scene.bucket.complete_upload(&upload, &[part], &options).await?;
    ensure!(scene.read("object").await? == "second", "other bytes came back");
    Ok(())
}

async fn an_upload_is_invisible_until_it_is_completed(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("bytes"), &options).await?;
    refused(scene.bucket.head(&scene.key("object")).await, ErrorKind::NotFound)?;
    scene.is_empty().await?;
    scene.bucket.complete_upload(&upload, &[part], &options).await?;
    ensure!(scene.names().await? == ["object"], "after completion: {:?}", scene.names().await?);
    Ok(())
}

async fn an_upload_over_an_object_leaves_it_until_it_is_completed(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    scene.put("object", "old").await?;
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("new bytes"), &options).await?;
    ensure!(scene.read("object").await? == "old", "changed before the completion");
    scene.bucket.complete_upload(&upload, &[part], &options).await?;
    ensure!(scene.read("object").await? == "new bytes", "other bytes came back");
    Ok(())
}

async fn a_small_part_that_is_not_the_last_is_refused(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let first = scene.bucket.put_part(&upload, 1, Body::bytes("too small"), &options).await?;
    let last = scene.bucket.put_part(&upload, 2, Body::bytes("last"), &options).await?;
    refused(scene.bucket.complete_upload(&upload, &[first, last], &options).await, ErrorKind::InvalidRequest)?;
    scene.bucket.abort_upload(&upload).await?;
    scene.is_empty().await
}

async fn a_wrong_part_etag_fails_the_completion(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("bytes"), &options).await?;
    let wrong = Part { etag: ETag::new("9e107d9d372bb6826bd81d3542a419d6"), ..part };
    refused(scene.bucket.complete_upload(&upload, &[wrong], &options).await, ErrorKind::InvalidRequest)?;
    scene.is_empty().await?;
    Ok(scene.bucket.abort_upload(&upload).await?)
}

async fn an_aborted_upload_leaves_nothing(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    scene.bucket.put_part(&upload, 1, Body::bytes("bytes"), &options).await?;
    scene.bucket.abort_upload(&upload).await?;
    scene.is_empty().await?;
    refused(scene.bucket.head(&scene.key("object")).await, ErrorKind::NotFound)?;
    Ok(())
}

async fn aborting_twice_is_fine(scene: Scene) -> Result<()> {
    let upload = scene.bucket.create_upload(&scene.key("object"), &PutOptions::default()).await?;
    scene.bucket.abort_upload(&upload).await?;
    scene.bucket.abort_upload(&upload).await.context("the second time")?;
    Ok(())
}

async fn an_upload_that_was_aborted_cannot_be_completed(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("bytes"), &options).await?;
    scene.bucket.abort_upload(&upload).await?;
    let completion = scene.bucket.complete_upload(&upload, &[part], &options).await;
    refused(completion, ErrorKind::NoSuchUpload)?;
    scene.is_empty().await
}

async fn completing_twice_never_harms_the_object(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("bytes"), &options).await?;
    let parts = [part];
    let first = scene.bucket.complete_upload(&upload, &parts, &options).await?;
    // After a lost reply this is what a client sees. Stores differ: done again, or no such upload.
    match scene.bucket.complete_upload(&upload, &parts, &options).await {
        Ok(again) if first.etag.is_none() => drop(again),
        Ok(again) => ensure!(again.etag == first.etag, "told {:?}, then {:?}", first.etag, again.etag),
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
            ensure!(error.class() == ErrorClass::Permanent, "{:?}", error.class());
        }
        Err(error) => return Err(error.into()),
    }
    ensure!(scene.read("object").await? == "bytes", "other bytes came back");
    Ok(())
}

async fn listed_until_aborted(scene: &Scene, name: &str) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key(name), &options).await?;
    scene.bucket.put_part(&upload, 1, Body::bytes("bytes"), &options).await?;
    let listed = scene.bucket.list_uploads(&scene.prefix).await?;
    let uploads: Vec<_> = listed.iter().map(|unfinished| &unfinished.upload).collect();
    ensure!(uploads == [&upload], "listed {uploads:?} and not {upload:?}");
    let age = time::OffsetDateTime::now_utc() - listed[0].initiated;
    ensure!(age.whole_minutes().abs() < 5, "just started, but listed as of {}", listed[0].initiated);
    scene.bucket.abort_upload(&upload).await?;
    let listed = scene.bucket.list_uploads(&scene.prefix).await?;
    ensure!(listed.is_empty(), "still listed after it was aborted: {listed:?}");
    Ok(())
}

async fn unfinished_uploads_are_listed_until_they_are_aborted(scene: Scene) -> Result<()> {
    upload(&scene, "finished", &[noise(54, 10)], &PutOptions::default()).await?;
    listed_until_aborted(&scene, "unfinished").await
}

async fn an_unfinished_upload_of_an_odd_key_is_listed_exactly(scene: Scene) -> Result<()> {
    listed_until_aborted(&scene, "a//b c+d%2F\u{e9}?e").await
}
