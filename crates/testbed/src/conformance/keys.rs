use std::{collections::BTreeSet, fmt::Debug};

use anyhow::{Context, Result, ensure};
use transship_store::{Body, Bucket, Error, ErrorKind, GetOptions, PutOptions};
use transship_types::Key;

use super::{
    case::{Case, case},
    scene::{Scene, read, refused},
};

/// Keys that stores like to fold, each with the ordinary key that it is folded into.
const ODD: [(&str, &str); 29] = [
    ("a//b", "a/b"),
    ("/a", "a"),
    ("//", "x"),
    ("a/", "a"),
    ("a/b/", "a/b"),
    ("a/../b", "b"),
    ("a/./b", "a/b"),
    ("./c", "c"),
    (".", "x"),
    ("..", "x"),
    ("\u{e9}", "e\u{301}"),
    ("e\u{301}", "\u{e9}"),
    ("a b", "a+b"),
    ("a+b", "a b"),
    ("a ", "a"),
    (" a", "a"),
    ("a%2Fb", "a/b"),
    ("a%b", "ab"),
    ("a?b", "a"),
    ("a#b", "a"),
    ("a\nb", "ab"),
    ("a\r\nb", "ab"),
    ("a\tb", "a b"),
    ("a\u{1}b", "ab"),
    ("a\u{7f}b", "ab"),
    ("a\\b", "a/b"),
    ("<a>&\"'b*|:;=@,$", "ab"),
    ("\u{1f600}", "x"),
    ("a~b!(c)", "ab"),
];

/// Keys for the root of a bucket, where there is no prefix to hide behind.
const ODD_AT_ROOT: [(&str, &str); 6] = [
    ("/root-lead", "root-lead"),
    ("//root-two", "/root-two"),
    ("./root-dot", "root-dot"),
    ("../root-up", "root-up"),
    (".", "root-x"),
    ("..", "root-y"),
];

pub(super) fn cases() -> Vec<Case> {
    let inside = ODD.iter().map(|&(odd, plain)| {
        Case::new(format!("the key {odd:?} is itself, and not {plain:?}"), move |scene| async move {
            is_itself(&scene, scene.key(odd), scene.key(plain)).await
        })
    });
    let root = ODD_AT_ROOT.iter().map(|&(odd, plain)| {
        let name = format!("the key {odd:?} at the root is itself, and not {plain:?}");
        Case::new(name, move |scene| async move { is_itself(&scene, odd.into(), plain.into()).await }).at_root()
    });
    let rest = [
        case!(a_key_of_1024_bytes_is_held),
        case!(a_key_of_1025_bytes_is_refused).needs(|c| c.exact_keys),
        case!(all_odd_keys_live_side_by_side).needs(|c| c.exact_keys),
        case!(an_object_and_a_folder_of_its_name_live_side_by_side).needs(|c| c.exact_keys),
    ];
    inside.chain(root).chain(rest).collect()
}

/// Writes, reads, lists and deletes `odd` beside `plain`, and neither ever touches the other; or all is refused.
async fn is_itself(scene: &Scene, odd: Key, plain: Key) -> Result<()> {
    let bucket = &*scene.bucket;
    let options = PutOptions::default();
    if bucket.check_key(&plain).is_ok() {
        bucket.put(&plain, Body::bytes("plain"), &options).await?;
    }
    if let Err(error) = bucket.check_key(&odd) {
        ensure!(!bucket.capabilities().exact_keys, "refused by a store that claims exact keys: {error}");
        ensure!(error.kind() == ErrorKind::UnrepresentableKey, "refused as {:?}: {error}", error.kind());
        return is_refused(bucket, &odd, &plain).await;
    }
    bucket.put(&odd, Body::bytes("odd"), &options).await?;
    expect(bucket, &odd, "odd").await?;
    if bucket.check_key(&plain).is_ok() {
        expect(bucket, &plain, "plain").await?;
    }
    ensure!(listed(bucket, &odd).await?, "{odd:?} is not listed under its own name");
    let deleted = bucket.delete(std::slice::from_ref(&odd)).await?;
    deleted.into_iter().try_for_each(|deleted| deleted.result)?;
    refused(bucket.head(&odd).await, ErrorKind::NotFound).context("after it was deleted")?;
    ensure!(!listed(bucket, &odd).await?, "{odd:?} is still listed after it was deleted");
    if bucket.check_key(&plain).is_ok() {
        expect(bucket, &plain, "plain").await.context("after the odd one was deleted")?;
    }
    Ok(())
}

async fn is_refused(bucket: &dyn Bucket, odd: &Key, plain: &Key) -> Result<()> {
    let unrepresentable = ErrorKind::UnrepresentableKey;
    let options = PutOptions::default();
    refused(bucket.put(odd, Body::bytes("odd"), &options).await, unrepresentable).context("put")?;
    refused(bucket.create_upload(odd, &options).await, unrepresentable).context("create_upload")?;
    is_not_there(bucket.head(odd).await).context("head")?;
    is_not_there(bucket.get(odd, &GetOptions::default()).await).context("get")?;
    for deleted in bucket.delete(std::slice::from_ref(odd)).await? {
        deleted.result.or_else(|error| is_not_there::<()>(Err(error))).context("delete")?;
    }
    if bucket.check_key(plain).is_ok() {
        expect(bucket, plain, "plain").await.context("after the odd one was refused")?;
    }
    Ok(())
}

/// Reading and deleting may also say that nothing is there, which is true of a key that cannot be held.
fn is_not_there<T: Debug>(result: transship_store::Result<T>) -> Result<()> {
    let kind = result.as_ref().err().map(Error::kind).filter(|kind| *kind == ErrorKind::NotFound);
    refused(result, kind.unwrap_or(ErrorKind::UnrepresentableKey)).map(drop)
}

async fn expect(bucket: &dyn Bucket, key: &Key, bytes: &str) -> Result<()> {
    let got = read(bucket, key, &GetOptions::default()).await.with_context(|| format!("read {key:?}"))?;
    ensure!(got == bytes, "{key:?} holds {got:?} and not {bytes:?}");
    let head = bucket.head(key).await?;
    ensure!(head.size == bytes.len() as u64, "head of {key:?} tells {} bytes", head.size);
    Ok(())
}

async fn listed(bucket: &dyn Bucket, key: &Key) -> Result<bool> {
    let request = transship_store::ListRequest { prefix: key.as_str().to_owned(), ..Default::default() };
    Ok(super::scene::list(bucket, &request).await?.iter().any(|entry| entry.key == *key))
}

async fn a_key_of_1024_bytes_is_held(scene: Scene) -> Result<()> {
    // Segments of 100 bytes: many stores keep each in a file name of at most 255.
    let folders = "x".repeat(99) + "/";
    let filled = folders.repeat(11);
    let key = Key::from(format!("{}{filled}", scene.prefix).split_at(1024).0.trim_end_matches('/').to_owned());
    let key = Key::from(format!("{:y<1024}", key.as_str()));
    ensure!(key.as_str().len() == 1024, "the test is wrong: {}", key.as_str().len());
    scene.bucket.put(&key, Body::bytes("long"), &PutOptions::default()).await?;
    expect(&*scene.bucket, &key, "long").await?;
    ensure!(listed(&*scene.bucket, &key).await?, "it is not listed");
    Ok(())
}

async fn a_key_of_1025_bytes_is_refused(scene: Scene) -> Result<()> {
    let key = Key::from(format!("{:y<1025}", scene.prefix));
    refused(scene.bucket.check_key(&key), ErrorKind::UnrepresentableKey)?;
    let put = scene.bucket.put(&key, Body::bytes("long"), &PutOptions::default()).await;
    refused(put, ErrorKind::UnrepresentableKey)?;
    scene.is_empty().await
}

async fn all_odd_keys_live_side_by_side(scene: Scene) -> Result<()> {
    let names: BTreeSet<&str> = ODD.iter().flat_map(|&(odd, plain)| [odd, plain]).collect();
    for name in &names {
        scene.put(name, name.as_bytes().to_vec()).await.with_context(|| format!("put {name:?}"))?;
    }
    let listed = scene.names().await?;
    let expected: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    ensure!(listed == expected, "listed {listed:?} and not {expected:?}");
    for name in &names {
        ensure!(scene.read(name).await? == name.as_bytes(), "{name:?} holds another's bytes");
    }
    let keys: Vec<_> = names.iter().map(|name| scene.key(name)).collect();
    for deleted in scene.bucket.delete(&keys).await? {
        deleted.result.with_context(|| format!("delete {:?}", deleted.key))?;
    }
    scene.is_empty().await
}

async fn an_object_and_a_folder_of_its_name_live_side_by_side(scene: Scene) -> Result<()> {
    for name in ["a", "a/", "a/b", "a/b/c"] {
        scene.put(name, name).await?;
    }
    ensure!(scene.names().await? == ["a", "a/", "a/b", "a/b/c"], "listed: {:?}", scene.names().await?);
    for deleted in scene.bucket.delete(&[scene.key("a"), scene.key("a/b")]).await? {
        deleted.result?;
    }
    ensure!(scene.names().await? == ["a/", "a/b/c"], "left: {:?}", scene.names().await?);
    ensure!(scene.read("a/b/c").await? == "a/b/c", "the object in the folder changed");
    Ok(())
}
