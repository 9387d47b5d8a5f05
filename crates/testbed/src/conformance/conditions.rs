use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use transship_store::{Body, Condition, ErrorKind, PutOptions};
use transship_types::{ETag, ErrorClass};

use super::{
    case::{Case, case},
    scene::{Scene, refused},
};

pub(super) fn cases() -> Vec<Case> {
    let cases = vec![
        case!(writing_only_where_nothing_is_writes_once),
        case!(of_many_that_write_only_where_nothing_is_one_succeeds),
        case!(writing_over_a_known_etag_succeeds_while_it_holds),
        case!(writing_over_a_known_etag_where_nothing_is_fails),
        case!(completing_an_upload_only_where_nothing_is_does_not_overwrite),
    ];
    cases.into_iter().map(|case| case.needs(|c| c.conditional_put)).collect()
}

fn only(condition: Condition) -> PutOptions {
    PutOptions { condition, ..PutOptions::default() }
}

async fn writing_only_where_nothing_is_writes_once(scene: Scene) -> Result<()> {
    scene.put_with("object", "first", &only(Condition::IfAbsent)).await?;
    let again = scene.bucket.put(&scene.key("object"), Body::bytes("second"), &only(Condition::IfAbsent)).await;
    refused(again, ErrorKind::PreconditionFailed)?;
    ensure!(scene.read("object").await? == "first", "it was overwritten");
    Ok(())
}

async fn of_many_that_write_only_where_nothing_is_one_succeeds(scene: Scene) -> Result<()> {
    let options = only(Condition::IfAbsent);
    let key = scene.key("object");
    let bodies = (0..8).map(|n| Body::bytes(format!("writer {n}")));
    let results = join_all(bodies.map(|body| scene.bucket.put(&key, body, &options))).await;
    let won: Vec<_> = results.iter().enumerate().filter(|(_, r)| r.is_ok()).map(|(n, _)| n).collect();
    ensure!(won.len() == 1, "{won:?} all believe that they wrote it");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        // A server may also answer "try again" to those that came at the same moment.
        ensure!(error.class() != ErrorClass::Permanent, "a loser was told: {error}");
    }
    ensure!(scene.read("object").await? == format!("writer {}", won[0]), "another's bytes are there");
    Ok(())
}

async fn writing_over_a_known_etag_succeeds_while_it_holds(scene: Scene) -> Result<()> {
    let first = scene.put("object", "first").await?.etag.context("no ETag")?;
    let options = only(Condition::IfMatch(first));
    scene.put_with("object", "second", &options).await?;
    let again = scene.bucket.put(&scene.key("object"), Body::bytes("third"), &options).await;
    refused(again, ErrorKind::PreconditionFailed)?;
    ensure!(scene.read("object").await? == "second", "it was overwritten");
    Ok(())
}

async fn writing_over_a_known_etag_where_nothing_is_fails(scene: Scene) -> Result<()> {
    let options = only(Condition::IfMatch(ETag::new("9e107d9d372bb6826bd81d3542a419d6")));
    match scene.bucket.put(&scene.key("object"), Body::bytes("bytes"), &options).await {
        Ok(reply) => anyhow::bail!("it went through: {reply:?}"),
        // S3 answers 404 where others answer 412.
        Err(error) => {
            let expected = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PreconditionFailed);
            ensure!(expected, "refused as {:?}: {error}", error.kind());
        }
    }
    scene.is_empty().await
}

async fn completing_an_upload_only_where_nothing_is_does_not_overwrite(scene: Scene) -> Result<()> {
    let (bucket, options) = (&scene.bucket, only(Condition::IfAbsent));
    let upload = bucket.create_upload(&scene.key("object"), &PutOptions::default()).await?;
    let part = bucket.put_part(&upload, 1, Body::bytes("late"), &PutOptions::default()).await?;
    scene.put("object", "first").await?;
    refused(bucket.complete_upload(&upload, &[part], &options).await, ErrorKind::PreconditionFailed)?;
    ensure!(scene.read("object").await? == "first", "it was overwritten");
    Ok(bucket.abort_upload(&upload).await?)
}
