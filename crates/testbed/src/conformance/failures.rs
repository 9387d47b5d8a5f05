use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use transship_store::{Body, Bucket, Error, ErrorKind, GetOptions, ListRequest, PutOptions};
use transship_types::{ErrorClass, Key};

use super::{
    case::{Case, case},
    profile::Door,
    scene::{Scene, noise, refused},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(a_missing_object_is_not_found),
        case!(a_missing_object_has_no_tags).needs(|c| c.tags),
        case!(the_bucket_answers_a_probe),
        case!(an_error_is_one_line_that_names_place_and_key),
        case!(a_missing_bucket_is_told_from_a_missing_object).through(Door::Missing),
        case!(a_missing_bucket_takes_no_object).through(Door::Missing).needs(|c| !c.made_by_writing),
        case!(a_wrong_secret_is_told_as_wrong_credentials).through(Door::WrongSecret),
        case!(a_wrong_secret_writes_nothing).through(Door::WrongSecret),
        case!(an_unreachable_server_may_be_tried_again).through(Door::Unreachable),
    ]
}

async fn a_missing_object_is_not_found(scene: Scene) -> Result<()> {
    for name in ["missing", "folder/missing"] {
        let key = scene.key(name);
        refused(scene.bucket.head(&key).await, ErrorKind::NotFound)?;
        refused(scene.bucket.get(&key, &GetOptions::default()).await, ErrorKind::NotFound)?;
        let range = GetOptions { range: Some(0..10), ..GetOptions::default() };
        refused(scene.bucket.get(&key, &range).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn a_missing_object_has_no_tags(scene: Scene) -> Result<()> {
    refused(scene.bucket.tags(&scene.key("missing")).await, ErrorKind::NotFound)?;
    Ok(())
}

async fn the_bucket_answers_a_probe(scene: Scene) -> Result<()> {
    Ok(scene.bucket.probe().await?)
}

async fn an_error_is_one_line_that_names_place_and_key(scene: Scene) -> Result<()> {
    let error = refused(scene.bucket.get(&scene.key("missing"), &GetOptions::default()).await, ErrorKind::NotFound)?;
    let text = error.to_string();
    ensure!(text.lines().count() == 1, "{text:?}");
    ensure!(text.contains(scene.key("missing").as_str()), "it does not name the key: {text}");
    ensure!(text.contains(scene.bucket.location()), "it does not name {}: {text}", scene.bucket.location());
    Ok(())
}

/// Starts an upload and sends a part: not every store hears of an upload before that.
async fn begin_upload(bucket: &dyn Bucket, key: &Key) -> Result<(), Error> {
    let upload = bucket.create_upload(key, &PutOptions::default()).await?;
    bucket.put_part(&upload, 1, Body::bytes("bytes"), &PutOptions::default()).await.map(drop)
}

/// The errors of the requests whose replies can say why.
async fn errors(bucket: Arc<dyn Bucket>, scene: &Scene) -> Result<Vec<(&'static str, Error)>> {
    let (key, options) = (scene.key("object"), PutOptions::default());
    let mut errors = Vec::new();
    let mut note = |what, result: Result<(), Error>| match result {
        Ok(()) => bail!("{what} went through"),
        Err(error) => {
            errors.push((what, error));
            Ok(())
        }
    };
    note("list", bucket.list_page(&ListRequest::default(), None).await.map(drop))?;
    note("probe", bucket.probe().await)?;
    note("get", bucket.get(&key, &GetOptions::default()).await.map(drop))?;
    note("put", bucket.put(&key, Body::bytes("bytes"), &options).await.map(drop))?;
    note("upload", begin_upload(&*bucket, &key).await)?;
    Ok(errors)
}

async fn all_say(bucket: Arc<dyn Bucket>, scene: &Scene, kind: ErrorKind) -> Result<()> {
    for (what, error) in errors(bucket, scene).await? {
        ensure!(error.kind() == kind, "{what}: {:?}, not {kind:?}: {error}", error.kind());
        ensure!(error.class() == kind.class(), "{what}: {:?}: {error}", error.class());
        ensure!(error.concerns_bucket(), "{what}: another object cannot fare better: {error}");
    }
    Ok(())
}

async fn a_missing_bucket_is_told_from_a_missing_object(scene: Scene) -> Result<()> {
    let missing = scene.door(Door::Missing)?;
    refused(missing.list_page(&ListRequest::default(), None).await, ErrorKind::NoSuchBucket)?;
    refused(missing.probe().await, ErrorKind::NoSuchBucket)?;
    refused(missing.get(&scene.key("object"), &GetOptions::default()).await, ErrorKind::NoSuchBucket)?;
    Ok(())
}

async fn a_missing_bucket_takes_no_object(scene: Scene) -> Result<()> {
    let missing = scene.door(Door::Missing)?;
    let (key, options) = (scene.key("object"), PutOptions::default());
    refused(missing.put(&key, Body::bytes("bytes"), &options).await, ErrorKind::NoSuchBucket)?;
    refused(begin_upload(&*missing, &key).await, ErrorKind::NoSuchBucket)?;
    Ok(())
}

async fn a_wrong_secret_is_told_as_wrong_credentials(scene: Scene) -> Result<()> {
    let stranger = scene.door(Door::WrongSecret)?;
    all_say(stranger, &scene, ErrorKind::Credentials).await
}

async fn a_wrong_secret_writes_nothing(scene: Scene) -> Result<()> {
    let stranger = scene.door(Door::WrongSecret)?;
    let (key, options) = (scene.key("object"), PutOptions::default());
    let put = |bytes| stranger.put(&key, Body::bytes(bytes), &options);
    refused(put(noise(90, 5)).await, ErrorKind::Credentials)?;
    match put(noise(91, 6 << 20)).await {
        Ok(reply) => bail!("writing went through: {reply:?}"),
        // A server may hang up in the middle of a body that it does not want, and its answer gets lost with that.
        Err(error) => {
            let expected = matches!(error.kind(), ErrorKind::Credentials | ErrorKind::Connection);
            ensure!(expected, "{:?}: {error}", error.kind());
        }
    }
    for deleted in stranger.delete(&[scene.key("object")]).await.into_iter().flatten() {
        ensure!(deleted.result.is_err(), "deleting went through");
    }
    scene.is_empty().await
}

async fn an_unreachable_server_may_be_tried_again(scene: Scene) -> Result<()> {
    let nowhere = scene.door(Door::Unreachable)?;
    all_say(nowhere.clone(), &scene, ErrorKind::Connection).await?;
    let error = refused(nowhere.head(&scene.key("object")).await, ErrorKind::Connection)?;
    ensure!(error.class() == ErrorClass::Transient, "{:?}", error.class());
    Ok(())
}
