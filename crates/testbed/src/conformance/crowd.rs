use anyhow::{Result, ensure};
use futures::future::try_join_all;

use super::{
    case::{Case, case},
    scene::{Scene, noise},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(thirty_two_objects_are_written_and_read_at_once),
        case!(thirty_two_writers_of_one_key_leave_one_of_theirs),
    ]
}

async fn thirty_two_objects_are_written_and_read_at_once(scene: Scene) -> Result<()> {
    let names: Vec<_> = (0..32).map(|n| format!("key-{n:02}")).collect();
    try_join_all((0..).zip(&names).map(|(n, name)| scene.put(name, noise(n, 100_000)))).await?;
    ensure!(scene.names().await? == names, "listed: {:?}", scene.names().await?);
    let read = try_join_all(names.iter().map(|name| scene.read(name))).await?;
    for (n, bytes) in (0..).zip(read) {
        ensure!(bytes == noise(n, 100_000), "key-{n:02} holds another's bytes");
    }
    Ok(())
}

async fn thirty_two_writers_of_one_key_leave_one_of_theirs(scene: Scene) -> Result<()> {
    try_join_all((0..32).map(|n| scene.put("object", noise(n, 100_000)))).await?;
    let left = scene.read("object").await?;
    ensure!((0..32).any(|n| left == noise(n, 100_000)), "the object is a mixture");
    ensure!(scene.names().await? == ["object"], "listed: {:?}", scene.names().await?);
    Ok(())
}
