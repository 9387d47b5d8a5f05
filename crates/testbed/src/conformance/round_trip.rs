use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::{StreamExt, stream};
use transship_store::{Body, Capabilities, GetOptions, ListRequest, PutOptions};
use transship_types::ETag;

use super::{
    case::{Case, case},
    scene::{MIB_5, Scene, list, md5, noise, read},
};

pub(super) fn cases() -> Vec<Case> {
    let has_md5 = |capabilities: &Capabilities| capabilities.etag_may_be_md5;
    vec![
        case!(an_object_of_no_bytes_comes_back),
        case!(an_object_of_one_byte_comes_back),
        case!(an_object_of_five_megabytes_comes_back),
        case!(a_body_that_arrives_in_small_pieces_comes_back),
        case!(writing_again_replaces_the_bytes),
        case!(head_get_and_listing_tell_the_same),
        case!(the_etag_of_an_object_written_in_one_part_is_its_md5).needs(has_md5),
    ]
}

async fn comes_back(scene: Scene, bytes: Bytes) -> Result<()> {
    let put = scene.put("object", bytes.clone()).await?;
    let head = scene.bucket.head(&scene.key("object")).await?;
    ensure!(head.size == bytes.len() as u64, "head tells {} bytes of {}", head.size, bytes.len());
    ensure!(put.etag == head.etag, "put told ETag {:?}, head tells {:?}", put.etag, head.etag);
    ensure!(scene.read("object").await? == bytes, "other bytes came back");
    ensure!(scene.names().await? == ["object"], "listed: {:?}", scene.names().await?);
    Ok(())
}

async fn an_object_of_no_bytes_comes_back(scene: Scene) -> Result<()> {
    comes_back(scene, Bytes::new()).await
}

async fn an_object_of_one_byte_comes_back(scene: Scene) -> Result<()> {
    comes_back(scene, Bytes::from_static(b"x")).await
}

async fn an_object_of_five_megabytes_comes_back(scene: Scene) -> Result<()> {
    comes_back(scene, noise(5, MIB_5)).await
}

async fn a_body_that_arrives_in_small_pieces_comes_back(scene: Scene) -> Result<()> {
    let bytes = noise(6, 300_007);
    let pieces: Vec<_> = bytes.chunks(1_013).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let body = Body::stream(bytes.len() as u64, stream::iter(pieces).boxed());
    scene.bucket.put(&scene.key("object"), body, &PutOptions::default()).await?;
    ensure!(scene.read("object").await? == bytes, "other bytes came back");
    Ok(())
}

async fn writing_again_replaces_the_bytes(scene: Scene) -> Result<()> {
    scene.put("object", noise(1, 4096)).await?;
    scene.put("object", "short").await?;
    ensure!(scene.read("object").await? == "short", "other bytes came back");
    ensure!(scene.names().await?.len() == 1, "listed: {:?}", scene.names().await?);
    Ok(())
}

async fn head_get_and_listing_tell_the_same(scene: Scene) -> Result<()> {
    scene.put("object", noise(7, 12_345)).await?;
    let key = scene.key("object");
    let head = scene.bucket.head(&key).await?;
    let get = scene.bucket.get(&key, &GetOptions::default()).await?;
    ensure!(get.info == head, "get tells {:?}, head {head:?}", get.info);
    ensure!(get.length == head.size, "get announces {} bytes, head {}", get.length, head.size);
    let request = ListRequest { prefix: scene.prefix.clone(), ..ListRequest::default() };
    let entries = list(&*scene.bucket, &request).await?;
    let [entry] = entries.as_slice() else { anyhow::bail!("listed: {entries:?}") };
    ensure!(entry.key == key, "listed as {:?}", entry.key);
    ensure!(entry.size == head.size, "listed with {} bytes, head tells {}", entry.size, head.size);
    ensure!(entry.etag == head.etag, "listed with ETag {:?}, head tells {:?}", entry.etag, head.etag);
    // HTTP dates have whole seconds, listings may have fractions.
    let (listed, told) = (entry.last_modified.unix_timestamp(), head.last_modified.unix_timestamp());
    ensure!(listed == told, "listed as of {}, head tells {}", entry.last_modified, head.last_modified);
    let age = time::OffsetDateTime::now_utc() - head.last_modified;
    ensure!(age.whole_minutes().abs() < 5, "just written, but head tells {}", head.last_modified);
    Ok(())
}

async fn the_etag_of_an_object_written_in_one_part_is_its_md5(scene: Scene) -> Result<()> {
    for (name, bytes) in [("empty", Bytes::new()), ("small", noise(8, 777)), ("large", noise(9, 6 << 20))] {
        let put = scene.put(name, bytes.clone()).await?;
        let told = put.etag.as_ref().and_then(ETag::md5);
        ensure!(told == Some(md5(&bytes)), "{name}: put told {:?}", put.etag);
        let read = read(&*scene.bucket, &scene.key(name), &GetOptions::default()).await?;
        ensure!(read == bytes, "{name}: other bytes came back");
    }
    Ok(())
}
