use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::{StreamExt, stream};
use transship_store::{Body, Error, ErrorKind, PutOptions};

use super::{
    case::{Case, case},
    scene::{MIB_5, Scene, noise, refused},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(a_body_that_fails_leaves_no_object),
        case!(a_body_that_ends_early_leaves_no_object),
        case!(a_body_that_goes_on_too_long_leaves_no_object),
        case!(a_body_that_fails_leaves_the_old_object),
        case!(a_part_that_fails_can_be_sent_again),
        case!(a_put_that_is_dropped_leaves_no_object),
    ]
}

/// What the stream of a failing body says.
fn failure() -> Error {
    Error::new(ErrorKind::Io, "the source broke off")
}

/// A body of 6 MiB by its announcement, of which `pieces` arrive.
fn body(pieces: Vec<transship_store::Result<Bytes>>) -> Body {
    Body::stream(6 << 20, stream::iter(pieces).boxed())
}

/// The first 5 MiB, in pieces of 64 KiB.
fn most() -> Vec<transship_store::Result<Bytes>> {
    let bytes = noise(80, MIB_5);
    (0..80).map(|n| Ok(bytes.slice(n << 16..(n + 1) << 16))).collect()
}

fn failing() -> Body {
    let mut pieces = most();
    pieces.push(Err(failure()));
    body(pieces)
}

async fn leaves_nothing(scene: &Scene, body: Body, kind: ErrorKind) -> Result<()> {
    let put = scene.bucket.put(&scene.key("object"), body, &PutOptions::default()).await;
    refused(put, kind)?;
    scene.is_empty().await?;
    refused(scene.bucket.head(&scene.key("object")).await, ErrorKind::NotFound)?;
    scene.put("object", "after").await.context("the next put")?;
    ensure!(scene.read("object").await? == "after", "other bytes came back");
    Ok(())
}

async fn a_body_that_fails_leaves_no_object(scene: Scene) -> Result<()> {
    leaves_nothing(&scene, failing(), ErrorKind::Io).await
}

async fn a_body_that_ends_early_leaves_no_object(scene: Scene) -> Result<()> {
    leaves_nothing(&scene, body(most()), ErrorKind::Truncated).await
}

async fn a_body_that_goes_on_too_long_leaves_no_object(scene: Scene) -> Result<()> {
    let mut pieces = most();
    pieces.push(Ok(noise(81, (1 << 20) + 1)));
    leaves_nothing(&scene, body(pieces), ErrorKind::Truncated).await
}

async fn a_body_that_fails_leaves_the_old_object(scene: Scene) -> Result<()> {
    scene.put("object", "old").await?;
    refused(scene.bucket.put(&scene.key("object"), failing(), &PutOptions::default()).await, ErrorKind::Io)?;
    ensure!(scene.read("object").await? == "old", "the old object was replaced");
    Ok(())
}

async fn a_part_that_fails_can_be_sent_again(scene: Scene) -> Result<()> {
    let options = PutOptions::default();
    let upload = scene.bucket.create_upload(&scene.key("object"), &options).await?;
    refused(scene.bucket.put_part(&upload, 1, failing(), &options).await, ErrorKind::Io)?;
    let part = scene.bucket.put_part(&upload, 1, Body::bytes("whole"), &options).await?;
    scene.bucket.complete_upload(&upload, &[part], &options).await?;
    ensure!(scene.read("object").await? == "whole", "other bytes came back");
    Ok(())
}

async fn a_put_that_is_dropped_leaves_no_object(scene: Scene) -> Result<()> {
    let stalled = stream::iter(most()).chain(stream::pending());
    let (key, options) = (scene.key("object"), PutOptions::default());
    let put = scene.bucket.put(&key, Body::stream(6 << 20, stalled.boxed()), &options);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), put).await;
    ensure!(waited.is_err(), "it ended without its last bytes: {waited:?}");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    scene.is_empty().await
}
