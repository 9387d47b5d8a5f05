use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use transship_store::{Bucket, Capabilities, CopySource, ErrorKind, GetOptions, PutOptions};
use transship_types::{ETag, Key};

use super::{
    attributes::{attributes, metadata, tags},
    case::{Case, case},
    profile::Door,
    scene::{MIB_5, Scene, md5, noise, read, refused},
};

pub(super) fn cases() -> Vec<Case> {
    let copies = |capabilities: &Capabilities| capabilities.max_copy > 0;
    let exact = |capabilities: &Capabilities| capabilities.max_copy > 0 && capabilities.exact_keys;
    vec![
        case!(a_copy_on_the_server_has_the_same_bytes_and_etag).needs(copies),
        case!(a_copy_from_another_bucket_has_the_same_bytes).needs(exact).through(Door::Neighbour),
        case!(a_copy_takes_content_headers_and_metadata_along).needs(|c| c.max_copy > 0 && c.metadata && c.exact_keys),
        case!(a_copy_takes_tags_along).needs(|c| c.max_copy > 0 && c.tags),
        case!(a_copy_into_a_storage_class_keeps_the_metadata).needs(|c| c.max_copy > 0 && c.metadata && c.exact_keys),
        case!(odd_keys_are_copied_from_and_to).needs(exact),
        case!(a_copy_of_what_was_overwritten_is_a_conflict_and_leaves_nothing).needs(exact),
        case!(a_copy_of_what_is_not_there_is_not_found).needs(copies),
        case!(ranges_of_another_object_fill_parts).needs(exact),
        case!(a_range_of_a_small_object_fills_a_part).needs(exact),
        case!(the_etag_of_a_part_filled_on_the_server_is_the_md5_of_the_range)
            .needs(|c| c.max_copy > 0 && c.exact_keys && c.etag_may_be_md5),
        case!(ranges_from_another_bucket_fill_parts).needs(exact).through(Door::Neighbour),
        case!(a_range_of_what_was_overwritten_fills_no_part).needs(exact),
        case!(realms_tell_who_can_copy).needs(exact).through(Door::Unreachable),
    ]
}

fn source(bucket: &dyn Bucket, key: &Key) -> Result<CopySource> {
    bucket.copy_source(key).context("the store claims to copy, and gives no source")
}

async fn a_copy_on_the_server_has_the_same_bytes_and_etag(scene: Scene) -> Result<()> {
    let put = scene.put("from", noise(60, 70_000)).await?;
    let mut from = source(&*scene.bucket, &scene.key("from"))?;
    for if_match in [None, put.etag.clone()] {
        from.if_match = if_match;
        let copy = scene.bucket.copy(&from, &scene.key("to"), &PutOptions::default()).await?;
        ensure!(scene.read("to").await? == noise(60, 70_000), "other bytes came back");
        let head = scene.bucket.head(&scene.key("to")).await?;
        ensure!(copy.etag.is_none() || copy.etag == head.etag, "told {:?}, head tells {:?}", copy.etag, head.etag);
        if scene.bucket.capabilities().etag_may_be_md5 {
            ensure!(copy.etag == put.etag, "the source has {:?}, the copy {:?}", put.etag, copy.etag);
        }
    }
    Ok(())
}

/// Writes an object into the neighbour's bucket and gives it as a source.
async fn next_door(scene: &Scene, bytes: bytes::Bytes) -> Result<(Arc<dyn Bucket>, CopySource)> {
    let neighbour = scene.door(Door::Neighbour)?;
    let key = scene.key("from");
    neighbour.put(&key, transship_store::Body::bytes(bytes), &PutOptions::default()).await?;
    let from = source(&*neighbour, &key)?;
    let here = source(&*scene.bucket, &key)?;
    ensure!(from.realm == here.realm, "one server and one pair of keys, but two realms");
    ensure!(from.bucket != here.bucket, "the neighbour is this bucket");
    Ok((neighbour, from))
}

async fn a_copy_from_another_bucket_has_the_same_bytes(scene: Scene) -> Result<()> {
    let (_, from) = next_door(&scene, noise(61, 1000)).await?;
    scene.bucket.copy(&from, &scene.key("to"), &PutOptions::default()).await?;
    ensure!(scene.read("to").await? == noise(61, 1000), "other bytes came back");
    Ok(())
}

async fn a_copy_takes_content_headers_and_metadata_along(scene: Scene) -> Result<()> {
    let options = PutOptions { attributes: attributes(), metadata: metadata(), ..PutOptions::default() };
    scene.put_with("from", "bytes", &options).await?;
    let from = source(&*scene.bucket, &scene.key("from"))?;
    scene.bucket.copy(&from, &scene.key("to"), &PutOptions::default()).await?;
    let info = scene.bucket.head(&scene.key("to")).await?;
    ensure!(info.attributes == attributes(), "head tells {:?}", info.attributes);
    ensure!(info.metadata == metadata(), "head tells {:?}", info.metadata);
    Ok(())
}

async fn a_copy_takes_tags_along(scene: Scene) -> Result<()> {
    scene.put_with("from", "bytes", &PutOptions { tags: tags(), ..PutOptions::default() }).await?;
    let from = source(&*scene.bucket, &scene.key("from"))?;
    scene.bucket.copy(&from, &scene.key("to"), &PutOptions::default()).await?;
    let mut told = scene.bucket.tags(&scene.key("to")).await?;
    told.sort();
    ensure!(told == tags(), "tags: {told:?}");
    Ok(())
}

async fn a_copy_into_a_storage_class_keeps_the_metadata(scene: Scene) -> Result<()> {
    scene.put_with("from", "bytes", &PutOptions { metadata: metadata(), ..PutOptions::default() }).await?;
    let from = source(&*scene.bucket, &scene.key("from"))?;
    let options = PutOptions { storage_class: Some("STANDARD".to_owned()), ..PutOptions::default() };
    scene.bucket.copy(&from, &scene.key("to"), &options).await?;
    let info = scene.bucket.head(&scene.key("to")).await?;
    ensure!(info.metadata == metadata(), "head tells {:?}", info.metadata);
    Ok(())
}

async fn odd_keys_are_copied_from_and_to(scene: Scene) -> Result<()> {
    for name in ["a//b", "a/../b", "a b+c", "%2F%25", "\u{e9}?x=y", "#f", "a/"] {
        scene.put(name, name.as_bytes().to_vec()).await?;
        let from = source(&*scene.bucket, &scene.key(name))?;
        let to = format!("to/{name}");
        scene.bucket.copy(&from, &scene.key(&to), &PutOptions::default()).await.with_context(|| format!("{name:?}"))?;
        ensure!(scene.read(&to).await? == name.as_bytes(), "{name:?} was copied with another's bytes");
    }
    Ok(())
}

/// A source that is pinned to an ETag that it no longer has.
async fn overwritten(scene: &Scene) -> Result<CopySource> {
    let first = scene.put("from", "first").await?.etag;
    scene.put("from", "and second").await?;
    Ok(CopySource { if_match: first, ..source(&*scene.bucket, &scene.key("from"))? })
}

async fn a_copy_of_what_was_overwritten_is_a_conflict_and_leaves_nothing(scene: Scene) -> Result<()> {
    let from = overwritten(&scene).await?;
    let copy = scene.bucket.copy(&from, &scene.key("to"), &PutOptions::default()).await;
    refused(copy, ErrorKind::PreconditionFailed)?;
    ensure!(scene.names().await? == ["from"], "left: {:?}", scene.names().await?);
    Ok(())
}

async fn a_copy_of_what_is_not_there_is_not_found(scene: Scene) -> Result<()> {
    let from = source(&*scene.bucket, &scene.key("from"))?;
    refused(scene.bucket.copy(&from, &scene.key("to"), &PutOptions::default()).await, ErrorKind::NotFound)?;
    scene.is_empty().await
}

/// Makes an object from two ranges of `from`, and compares.
async fn from_ranges(scene: &Scene, from: &CopySource, bytes: &[u8]) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("to"), &options).await?;
    let (cut, end) = (MIB_5 as u64, bytes.len() as u64);
    let second = scene.bucket.copy_part(from, cut..end, &upload, 2).await?;
    let first = scene.bucket.copy_part(from, 0..cut, &upload, 1).await?;
    scene.bucket.complete_upload(&upload, &[first, second], &options).await?;
    let copied = read(&*scene.bucket, &scene.key("to"), &GetOptions::default()).await?;
    ensure!(copied == bytes, "other bytes came back");
    if scene.bucket.capabilities().etag_may_be_md5 {
        let etag = scene.bucket.head(&scene.key("to")).await?.etag;
        ensure!(etag.as_ref().and_then(ETag::parts) == Some(2), "head tells {etag:?}");
    }
    Ok(())
}

async fn the_etag_of_a_part_filled_on_the_server_is_the_md5_of_the_range(scene: Scene) -> Result<()> {
    scene.put("from", "0123456789").await?;
    let from = source(&*scene.bucket, &scene.key("from"))?;
    let upload = scene.bucket.create_upload(&scene.key("to"), &PutOptions::default()).await?;
    let part = scene.bucket.copy_part(&from, 2..5, &upload, 1).await?;
    scene.bucket.abort_upload(&upload).await?;
    ensure!(part.etag.md5() == Some(md5(b"234")), "{} and not {}", part.etag, hex::encode(md5(b"234")));
    Ok(())
}

async fn ranges_of_another_object_fill_parts(scene: Scene) -> Result<()> {
    let bytes = noise(62, MIB_5 + 4321);
    scene.put("from//a b", bytes.clone()).await?;
    from_ranges(&scene, &source(&*scene.bucket, &scene.key("from//a b"))?, &bytes).await
}

async fn a_range_of_a_small_object_fills_a_part(scene: Scene) -> Result<()> {
    scene.put("from", "0123456789").await?;
    let from = source(&*scene.bucket, &scene.key("from"))?;
    let upload = scene.bucket.create_upload(&scene.key("to"), &PutOptions::default()).await?;
    let part = scene.bucket.copy_part(&from, 2..5, &upload, 1).await?;
    scene.bucket.complete_upload(&upload, &[part], &PutOptions::default()).await?;
    let copied = scene.read("to").await?;
    ensure!(copied == "234", "{copied:?} came back");
    Ok(())
}

async fn ranges_from_another_bucket_fill_parts(scene: Scene) -> Result<()> {
    let bytes = noise(63, MIB_5 + 1);
    let (_, from) = next_door(&scene, bytes.clone()).await?;
    from_ranges(&scene, &from, &bytes).await
}

async fn a_range_of_what_was_overwritten_fills_no_part(scene: Scene) -> Result<()> {
    let from = overwritten(&scene).await?;
    let upload = scene.bucket.create_upload(&scene.key("to"), &PutOptions::default()).await?;
    refused(scene.bucket.copy_part(&from, 0..3, &upload, 1).await, ErrorKind::PreconditionFailed)?;
    Ok(scene.bucket.abort_upload(&upload).await?)
}

async fn realms_tell_who_can_copy(scene: Scene) -> Result<()> {
    let here = source(&*scene.bucket, &scene.key("x"))?;
    let elsewhere = source(&*scene.door(Door::Unreachable)?, &scene.key("x"))?;
    ensure!(here.key == scene.key("x"), "the source names {:?}", here.key);
    ensure!(here.realm != elsewhere.realm, "another server, but the same realm");
    Ok(())
}
