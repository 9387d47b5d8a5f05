use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use transship_store::{ErrorKind, ListRequest};

use super::{
    case::{Case, case},
    profile::Door,
    scene::{Scene, refused},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(deleted_objects_are_gone_and_others_stay),
        case!(a_key_that_is_not_there_counts_as_deleted),
        case!(outcomes_come_in_the_order_of_the_keys),
        case!(deleting_nothing_is_fine),
        case!(more_than_a_thousand_objects_are_listed_and_deleted_in_one_call),
        case!(odd_keys_are_deleted_exactly).needs(|c| c.exact_keys),
        case!(deleting_in_a_missing_bucket_fails).through(Door::Missing).needs(|c| !c.made_by_writing),
    ]
}

async fn deleted_objects_are_gone_and_others_stay(scene: Scene) -> Result<()> {
    for name in ["a", "b", "folder/c"] {
        scene.put(name, name).await?;
    }
    for deleted in scene.bucket.delete(&[scene.key("a"), scene.key("folder/c")]).await? {
        deleted.result?;
    }
    ensure!(scene.names().await? == ["b"], "left: {:?}", scene.names().await?);
    refused(scene.bucket.head(&scene.key("a")).await, ErrorKind::NotFound)?;
    Ok(())
}

async fn a_key_that_is_not_there_counts_as_deleted(scene: Scene) -> Result<()> {
    scene.put("there", "x").await?;
    let keys = [scene.key("never was"), scene.key("there"), scene.key("folder/never was")];
    for deleted in scene.bucket.delete(&keys).await? {
        deleted.result.with_context(|| deleted.key.to_string())?;
    }
    for deleted in scene.bucket.delete(&keys).await? {
        deleted.result.context("the second time")?;
    }
    scene.is_empty().await
}

async fn outcomes_come_in_the_order_of_the_keys(scene: Scene) -> Result<()> {
    for name in ["1", "2", "3"] {
        scene.put(name, "x").await?;
    }
    let keys = ["2", "none", "3", "1"].map(|name| scene.key(name));
    let told: Vec<_> = scene.bucket.delete(&keys).await?.into_iter().map(|deleted| deleted.key).collect();
    ensure!(told == keys, "told of {told:?}");
    Ok(())
}

async fn deleting_nothing_is_fine(scene: Scene) -> Result<()> {
    ensure!(scene.bucket.delete(&[]).await?.is_empty(), "told of keys that were not given");
    Ok(())
}

async fn more_than_a_thousand_objects_are_listed_and_deleted_in_one_call(scene: Scene) -> Result<()> {
    let names: Vec<_> = (0..1005).map(|n| format!("key-{n:04}")).collect();
    let puts: Vec<_> = names.iter().map(|name| scene.put(name, "x")).collect();
    stream::iter(puts).buffer_unordered(16).try_for_each(|_| async { Ok(()) }).await?;
    let request = ListRequest { prefix: scene.prefix.clone(), ..ListRequest::default() };
    let first = scene.bucket.list_page(&request, None).await?;
    ensure!(
        first.entries.len() <= 1000 || !scene.bucket.capabilities().exact_keys,
        "{} in a page",
        first.entries.len()
    );
    let mut listed = scene.names().await?;
    listed.sort();
    ensure!(listed == names, "listed {} of {}", listed.len(), names.len());
    let keys: Vec<_> = names.iter().map(|name| scene.key(name)).collect();
    let outcomes = scene.bucket.delete(&keys).await?;
    ensure!(outcomes.len() == keys.len(), "{} outcomes of {}", outcomes.len(), keys.len());
    for (key, deleted) in keys.iter().zip(outcomes) {
        ensure!(*key == deleted.key, "told of {:?} for {key:?}", deleted.key);
        deleted.result?;
    }
    scene.is_empty().await
}

async fn odd_keys_are_deleted_exactly(scene: Scene) -> Result<()> {
    // Each pair is one name to a server that folds.
    let doomed = ["a//b", "a/", "\u{e9}", "x y", "<&>\"'", "l\nf", "%2F"];
    let kept = ["a/b", "a", "e\u{301}", "x+y", "&lt;", "lf", "/"];
    for name in doomed.iter().chain(&kept) {
        scene.put(name, name.as_bytes().to_vec()).await.with_context(|| format!("put {name:?}"))?;
    }
    let keys = doomed.map(|name| scene.key(name));
    for deleted in scene.bucket.delete(&keys).await? {
        deleted.result.with_context(|| format!("delete {:?}", deleted.key))?;
    }
    let mut expected: Vec<_> = kept.map(str::to_owned).into();
    expected.sort();
    ensure!(scene.names().await? == expected, "left: {:?}", scene.names().await?);
    Ok(())
}

async fn deleting_in_a_missing_bucket_fails(scene: Scene) -> Result<()> {
    match scene.door(Door::Missing)?.delete(&[scene.key("a")]).await {
        Err(error) => drop(refused::<()>(Err(error), ErrorKind::NoSuchBucket)?),
        Ok(outcomes) => {
            for deleted in outcomes {
                refused(deleted.result, ErrorKind::NoSuchBucket)?;
            }
        }
    }
    Ok(())
}
