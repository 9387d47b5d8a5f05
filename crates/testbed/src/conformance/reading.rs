use anyhow::{Result, ensure};
use transship_store::{ErrorKind, GetOptions, PutOptions};
use transship_types::{ETag, ErrorClass};

use super::{
    case::{Case, case},
    multipart::upload,
    scene::{MIB_5, Scene, noise, read, refused},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(a_range_gives_its_bytes_and_tells_the_whole_size),
        case!(a_range_that_starts_beyond_the_end_is_an_error_for_good),
        case!(reading_what_still_has_its_etag_succeeds),
        case!(reading_what_was_overwritten_is_a_conflict),
        case!(a_range_of_what_was_overwritten_is_a_conflict),
        case!(a_part_of_an_object_is_read_by_its_number).needs(|c| c.exact_keys),
        case!(a_part_of_an_object_is_looked_at_by_its_number).needs(|c| c.exact_keys),
    ]
}

async fn a_range_gives_its_bytes_and_tells_the_whole_size(scene: Scene) -> Result<()> {
    let bytes = noise(20, 100_000);
    scene.put("object", bytes.clone()).await?;
    for range in [0..1, 0..100_000, 10..20, 99_999..100_000, 1..99_999] {
        let options = GetOptions { range: Some(range.clone()), ..GetOptions::default() };
        let reply = scene.bucket.get(&scene.key("object"), &options).await?;
        ensure!(reply.info.size == 100_000, "{range:?}: the whole size is told as {}", reply.info.size);
        ensure!(reply.length == range.end - range.start, "{range:?}: announced {} bytes", reply.length);
        let got = read(&*scene.bucket, &scene.key("object"), &options).await?;
        let expected = bytes.slice(usize::try_from(range.start)?..usize::try_from(range.end)?);
        ensure!(got == expected, "{range:?}: other bytes");
    }
    Ok(())
}

async fn a_range_that_starts_beyond_the_end_is_an_error_for_good(scene: Scene) -> Result<()> {
    scene.put("object", "0123456789").await?;
    let options = GetOptions { range: Some(10..20), ..GetOptions::default() };
    match scene.bucket.get(&scene.key("object"), &options).await {
        Ok(reply) => anyhow::bail!("it was answered with {reply:?}"),
        Err(error) => ensure!(error.class() == ErrorClass::Permanent, "{:?}: {error}", error.class()),
    }
    Ok(())
}

async fn reading_what_still_has_its_etag_succeeds(scene: Scene) -> Result<()> {
    let if_match = scene.put("object", "0123456789").await?.etag;
    let whole = GetOptions { if_match: if_match.clone(), ..GetOptions::default() };
    ensure!(read(&*scene.bucket, &scene.key("object"), &whole).await? == "0123456789", "other bytes");
    let range = GetOptions { if_match, range: Some(2..4), ..GetOptions::default() };
    ensure!(read(&*scene.bucket, &scene.key("object"), &range).await? == "23", "other bytes in the range");
    Ok(())
}

/// Writes twice and gives the first ETag.
async fn overwritten(scene: &Scene) -> Result<Option<ETag>> {
    let first = scene.put("object", "first").await?.etag;
    let second = scene.put("object", "and second").await?.etag;
    ensure!(first.is_some() && first != second, "ETags {first:?} and {second:?}");
    Ok(first)
}

async fn reading_what_was_overwritten_is_a_conflict(scene: Scene) -> Result<()> {
    let options = GetOptions { if_match: overwritten(&scene).await?, ..GetOptions::default() };
    refused(scene.bucket.get(&scene.key("object"), &options).await, ErrorKind::PreconditionFailed)?;
    Ok(())
}

async fn a_range_of_what_was_overwritten_is_a_conflict(scene: Scene) -> Result<()> {
    let options = GetOptions { if_match: overwritten(&scene).await?, range: Some(1..3), ..GetOptions::default() };
    refused(scene.bucket.get(&scene.key("object"), &options).await, ErrorKind::PreconditionFailed)?;
    Ok(())
}

async fn a_part_of_an_object_is_read_by_its_number(scene: Scene) -> Result<()> {
    let (first, second) = (noise(21, MIB_5), noise(22, 1000));
    upload(&scene, "object", &[first.clone(), second.clone()], &PutOptions::default()).await?;
    for (number, part) in [(1, first), (2, second)] {
        let options = GetOptions { part_number: Some(number), ..GetOptions::default() };
        let reply = scene.bucket.get(&scene.key("object"), &options).await?;
        ensure!(reply.length == part.len() as u64, "part {number}: announced {} bytes", reply.length);
        ensure!(reply.info.size == 5_243_880, "part {number}: the whole size is told as {}", reply.info.size);
        ensure!(reply.info.parts.is_none_or(|parts| parts == 2), "of {:?} parts", reply.info.parts);
        drop(reply);
        ensure!(read(&*scene.bucket, &scene.key("object"), &options).await? == part, "part {number}: other bytes");
    }
    Ok(())
}

async fn a_part_of_an_object_is_looked_at_by_its_number(scene: Scene) -> Result<()> {
    upload(&scene, "object", &[noise(23, MIB_5), noise(24, 1000)], &PutOptions::default()).await?;
    let whole = scene.bucket.head(&scene.key("object")).await?;
    for (number, length) in [(1, MIB_5 as u64), (2, 1000)] {
        let part = scene.bucket.head_part(&scene.key("object"), number).await?;
        ensure!(part.length == length, "part {number}: told as {} bytes", part.length);
        ensure!(part.parts.is_none_or(|parts| parts == 2), "of {:?} parts", part.parts);
        ensure!(part.etag == whole.etag, "part {number} of {:?}, and not of {:?}", part.etag, whole.etag);
    }
    Ok(())
}
