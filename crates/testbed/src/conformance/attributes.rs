use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use time::macros::datetime;
use transship_store::{Attributes, ErrorKind, ObjectInfo, PutOptions, Tag};

use super::{
    case::{Case, case},
    multipart::upload,
    scene::{MIB_5, Scene, noise, refused},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(content_headers_are_kept).needs(|c| c.content_headers),
        case!(user_metadata_is_kept).needs(|c| c.metadata),
        case!(metadata_names_with_dashes_are_kept).needs(|c| c.metadata && c.exact_keys),
        case!(tags_are_kept).needs(|c| c.tags),
        case!(tags_are_given_to_what_is_there).needs(|c| c.tags),
        case!(giving_no_tags_takes_all_away).needs(|c| c.tags),
        case!(a_multipart_object_is_given_tags_once_it_is_complete).needs(|c| c.tags),
        case!(tags_for_what_is_not_there_are_refused).needs(|c| c.tags),
        case!(an_object_without_tags_has_none).needs(|c| c.tags),
        case!(the_time_at_the_source_is_kept).needs(|c| c.keeps_source_time),
        case!(a_multipart_object_keeps_what_it_was_started_with).needs(|c| c.content_headers && c.metadata),
        case!(a_multipart_object_keeps_its_tags).needs(|c| c.tags),
        case!(writing_again_forgets_the_old_metadata).needs(|c| c.metadata),
        case!(the_standard_storage_class_is_accepted).needs(|c| c.exact_keys),
        case!(another_storage_class_is_kept_and_listed).needs(|c| c.exact_keys),
    ]
}

/// Every content header.
pub(super) fn attributes() -> Attributes {
    Attributes {
        content_type: Some("text/csv; charset=utf-8".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        content_disposition: Some("attachment; filename=\"a b.csv\"".to_owned()),
        content_language: Some("de-CH".to_owned()),
        cache_control: Some("max-age=60, private".to_owned()),
        expires: None,
    }
}

pub(super) fn metadata() -> BTreeMap<String, String> {
    [("alpha", "one"), ("beta2", "two words, and =;/+")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

pub(super) fn tags() -> Vec<Tag> {
    [("first", "1"), ("second key", "a b+c=d/e:f@g")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

async fn written(scene: &Scene, options: &PutOptions) -> Result<ObjectInfo> {
    scene.put_with("object", "bytes", options).await?;
    Ok(scene.bucket.head(&scene.key("object")).await?)
}

async fn content_headers_are_kept(scene: Scene) -> Result<()> {
    let options = PutOptions { attributes: attributes(), ..PutOptions::default() };
    let info = written(&scene, &options).await?;
    ensure!(info.attributes == attributes(), "head tells {:?}", info.attributes);
    // `Content-Encoding: gzip` says something of the bytes, and must not make anyone unpack them.
    ensure!(scene.read("object").await? == "bytes", "other bytes came back");
    Ok(())
}

async fn user_metadata_is_kept(scene: Scene) -> Result<()> {
    let info = written(&scene, &PutOptions { metadata: metadata(), ..PutOptions::default() }).await?;
    ensure!(info.metadata == metadata(), "head tells {:?}", info.metadata);
    Ok(())
}

async fn metadata_names_with_dashes_are_kept(scene: Scene) -> Result<()> {
    let metadata = BTreeMap::from([("with-a-dash".to_owned(), "x".to_owned())]);
    let info = written(&scene, &PutOptions { metadata: metadata.clone(), ..PutOptions::default() }).await?;
    ensure!(info.metadata == metadata, "head tells {:?}", info.metadata);
    Ok(())
}

async fn has_tags(scene: &Scene) -> Result<()> {
    let mut told = scene.bucket.tags(&scene.key("object")).await?;
    told.sort();
    ensure!(told == tags(), "tags: {told:?}");
    Ok(())
}

async fn tags_are_kept(scene: Scene) -> Result<()> {
    let info = written(&scene, &PutOptions { tags: tags(), ..PutOptions::default() }).await?;
    has_tags(&scene).await?;
    // A copy asks for the tags only where the reply counts some.
    ensure!(info.tag_count == 2, "head counts {} tags", info.tag_count);
    Ok(())
}

async fn tags_are_given_to_what_is_there(scene: Scene) -> Result<()> {
    let other = vec![("other".to_owned(), "x".to_owned())];
    let options = PutOptions { tags: other, metadata: metadata(), ..PutOptions::default() };
    let before = written(&scene, &options).await?;
    scene.bucket.put_tags(&scene.key("object"), &tags()).await?;
    has_tags(&scene).await?;
    let after = scene.bucket.head(&scene.key("object")).await?;
    ensure!(after.tag_count == 2, "head counts {} tags", after.tag_count);
    ensure!((after.etag, after.metadata) == (before.etag, before.metadata), "more than the tags changed");
    Ok(())
}

async fn giving_no_tags_takes_all_away(scene: Scene) -> Result<()> {
    written(&scene, &PutOptions { tags: tags(), ..PutOptions::default() }).await?;
    scene.bucket.put_tags(&scene.key("object"), &[]).await?;
    let told = scene.bucket.tags(&scene.key("object")).await?;
    ensure!(told.is_empty(), "tags: {told:?}");
    Ok(())
}

async fn a_multipart_object_is_given_tags_once_it_is_complete(scene: Scene) -> Result<()> {
    upload(&scene, "object", &[noise(33, 10)], &PutOptions::default()).await?;
    scene.bucket.put_tags(&scene.key("object"), &tags()).await?;
    has_tags(&scene).await
}

async fn tags_for_what_is_not_there_are_refused(scene: Scene) -> Result<()> {
    refused(scene.bucket.put_tags(&scene.key("object"), &tags()).await, ErrorKind::NotFound)?;
    scene.is_empty().await
}

async fn an_object_without_tags_has_none(scene: Scene) -> Result<()> {
    let info = written(&scene, &PutOptions::default()).await?;
    ensure!(info.tag_count == 0, "head counts {} tags", info.tag_count);
    let told = scene.bucket.tags(&scene.key("object")).await?;
    ensure!(told.is_empty(), "tags: {told:?}");
    Ok(())
}

async fn the_time_at_the_source_is_kept(scene: Scene) -> Result<()> {
    let time = datetime!(2001-02-03 04:05:06 UTC);
    let info = written(&scene, &PutOptions { source_time: Some(time), ..PutOptions::default() }).await?;
    ensure!(info.modified_at_source == Some(time), "head tells {:?}", info.modified_at_source);
    Ok(())
}

async fn a_multipart_object_keeps_what_it_was_started_with(scene: Scene) -> Result<()> {
    let options = PutOptions { attributes: attributes(), metadata: metadata(), ..PutOptions::default() };
    upload(&scene, "object", &[noise(30, MIB_5), noise(31, 10)], &options).await?;
    let info = scene.bucket.head(&scene.key("object")).await?;
    ensure!(info.attributes == attributes(), "head tells {:?}", info.attributes);
    ensure!(info.metadata == metadata(), "head tells {:?}", info.metadata);
    Ok(())
}

async fn a_multipart_object_keeps_its_tags(scene: Scene) -> Result<()> {
    let options = PutOptions { tags: tags(), ..PutOptions::default() };
    upload(&scene, "object", &[noise(32, 10)], &options).await?;
    has_tags(&scene).await
}

async fn writing_again_forgets_the_old_metadata(scene: Scene) -> Result<()> {
    written(&scene, &PutOptions { metadata: metadata(), ..PutOptions::default() }).await?;
    let info = written(&scene, &PutOptions::default()).await?;
    ensure!(info.metadata.is_empty(), "head tells {:?}", info.metadata);
    Ok(())
}

async fn the_standard_storage_class_is_accepted(scene: Scene) -> Result<()> {
    let options = PutOptions { storage_class: Some("STANDARD".to_owned()), ..PutOptions::default() };
    let info = written(&scene, &options).await?;
    ensure!(info.storage_class.as_deref().is_none_or(|class| class == "STANDARD"), "{:?}", info.storage_class);
    Ok(())
}

async fn another_storage_class_is_kept_and_listed(scene: Scene) -> Result<()> {
    let class = Some("STANDARD_IA".to_owned());
    let info = written(&scene, &PutOptions { storage_class: class.clone(), ..PutOptions::default() }).await?;
    ensure!(info.storage_class == class, "head tells {:?}", info.storage_class);
    let request = transship_store::ListRequest { prefix: scene.prefix.clone(), ..Default::default() };
    let page = scene.bucket.list_page(&request, None).await?;
    ensure!(page.entries.iter().all(|entry| entry.storage_class == class), "listed: {:?}", page.entries);
    Ok(())
}
