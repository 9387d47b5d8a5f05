use anyhow::{Context, Result, ensure};
use transship_store::{ListPage, ListRequest};
use transship_types::Key;

use super::{
    case::{Case, case},
    scene::{Scene, list},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(an_empty_listing_is_one_empty_page),
        case!(pages_hold_every_key_once_and_no_more_than_asked),
        case!(pages_come_in_the_order_of_the_keys_bytes).needs(|c| c.ordered_listing),
        case!(characters_beyond_16_bits_come_in_the_order_of_their_bytes).needs(|c| c.ordered_listing),
        case!(a_listing_starts_after_a_key),
        case!(a_listing_in_pages_starts_after_a_key),
        case!(a_prefix_need_not_end_in_a_slash),
        case!(a_delimiter_rolls_up_folders),
        case!(a_delimiter_in_pages_names_each_folder_once),
    ]
}

fn request(scene: &Scene) -> ListRequest {
    ListRequest { prefix: scene.prefix.clone(), ..ListRequest::default() }
}

async fn put_all(scene: &Scene, names: &[String]) -> Result<()> {
    for name in names {
        scene.put(name, "x").await.with_context(|| format!("put {name:?}"))?;
    }
    Ok(())
}

async fn pages(scene: &Scene, request: &ListRequest) -> Result<Vec<ListPage>> {
    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let page = scene.bucket.list_page(request, cursor).await?;
        cursor = page.next.clone();
        pages.push(page);
        ensure!(pages.len() < 100, "the listing does not end");
        if cursor.is_none() {
            return Ok(pages);
        }
    }
}

/// The names of the pages' entries, without the scene's prefix.
fn names(scene: &Scene, pages: &[ListPage]) -> Vec<String> {
    let short = |key: &Key| key.as_str().trim_start_matches(&scene.prefix).to_owned();
    pages.iter().flat_map(|page| page.entries.iter().map(|entry| short(&entry.key))).collect()
}

/// The names as the store should list them: stores that promise no order are compared without one.
fn in_order(scene: &Scene, mut names: Vec<String>) -> Vec<String> {
    if !scene.bucket.capabilities().ordered_listing {
        names.sort();
    }
    names
}

async fn an_empty_listing_is_one_empty_page(scene: Scene) -> Result<()> {
    let page = scene.bucket.list_page(&request(&scene), None).await?;
    ensure!(page.entries.is_empty() && page.prefixes.is_empty() && page.next.is_none(), "got {page:?}");
    Ok(())
}

async fn pages_hold_every_key_once_and_no_more_than_asked(scene: Scene) -> Result<()> {
    let all: Vec<_> = (0..23).map(|n| format!("key-{n:02}")).collect();
    put_all(&scene, &all).await?;
    for max_keys in [1, 4, 22, 23, 24] {
        let pages = pages(&scene, &ListRequest { max_keys: Some(max_keys), ..request(&scene) }).await?;
        let sizes: Vec<_> = pages.iter().map(|page| page.entries.len()).collect();
        ensure!(sizes.iter().all(|size| *size <= max_keys as usize), "pages of {max_keys} hold {sizes:?}");
        let listed = in_order(&scene, names(&scene, &pages));
        ensure!(listed == all, "in pages of {max_keys}: {listed:?}");
    }
    Ok(())
}

async fn pages_come_in_the_order_of_the_keys_bytes(scene: Scene) -> Result<()> {
    // Walking folders gives "a/b" before "a-b", languages sort "B" beside "b".
    let mut all: Vec<_> = ["a!", "a-b", "a.b", "a/b", "a/c", "a0", "aB", "aa/x", "B", "b", "z", "\u{e9}", "\u{fffd}"]
        .map(String::from)
        .into();
    all.sort();
    put_all(&scene, &all).await?;
    for max_keys in [None, Some(1), Some(3)] {
        let listed = names(&scene, &pages(&scene, &ListRequest { max_keys, ..request(&scene) }).await?);
        ensure!(listed == all, "in pages of {max_keys:?}: {listed:?} and not {all:?}");
    }
    Ok(())
}

async fn characters_beyond_16_bits_come_in_the_order_of_their_bytes(scene: Scene) -> Result<()> {
    // In UTF-16 the second comes first: its units start with 0xD83D.
    let all = ["\u{ff5e}".to_owned(), "\u{1f600}".to_owned()];
    put_all(&scene, &all).await?;
    let listed = scene.names().await?;
    ensure!(listed == all, "listed: {listed:?}");
    Ok(())
}

async fn a_listing_starts_after_a_key(scene: Scene) -> Result<()> {
    let all: Vec<_> = ["a", "b", "b!", "c", "d/e"].map(String::from).into();
    put_all(&scene, &all).await?;
    // One that is there is left out; one that is not there need not be.
    for (after, expected) in
        [("b", &all[2..]), ("b#", &all[3..]), ("", &all[..]), ("d/", &all[4..]), ("d/e", &all[5..])]
    {
        let after = ListRequest { start_after: Some(scene.key(after)), ..request(&scene) };
        let listed = in_order(&scene, names(&scene, &pages(&scene, &after).await?));
        ensure!(listed == expected, "after {:?}: {listed:?} and not {expected:?}", after.start_after);
    }
    Ok(())
}

async fn a_listing_in_pages_starts_after_a_key(scene: Scene) -> Result<()> {
    let all: Vec<_> = (0..9).map(|n| format!("key-{n}")).collect();
    put_all(&scene, &all).await?;
    let request = ListRequest { start_after: Some(scene.key("key-3")), max_keys: Some(2), ..request(&scene) };
    let listed = in_order(&scene, names(&scene, &pages(&scene, &request).await?));
    ensure!(listed == all[4..], "listed: {listed:?}");
    Ok(())
}

async fn a_prefix_need_not_end_in_a_slash(scene: Scene) -> Result<()> {
    let all: Vec<_> = ["al", "alpha", "album/one", "be", "bell/al"].map(String::from).into();
    put_all(&scene, &all).await?;
    for (prefix, expected) in [("al", vec!["al", "album/one", "alpha"]), ("bell/a", vec!["bell/al"]), ("alx", vec![])] {
        let request = ListRequest { prefix: format!("{}{prefix}", scene.prefix), ..ListRequest::default() };
        let mut listed = names(&scene, &pages(&scene, &request).await?);
        listed.sort();
        ensure!(listed == expected, "under {prefix:?}: {listed:?}");
    }
    Ok(())
}

async fn folders(scene: &Scene) -> Result<()> {
    put_all(scene, &["a", "b/1", "b/2", "c/d/3", "e", "f/4", "g"].map(String::from)).await
}

fn prefixes(scene: &Scene, pages: &[ListPage]) -> Vec<String> {
    let short = |prefix: &String| prefix.trim_start_matches(&scene.prefix).to_owned();
    pages.iter().flat_map(|page| page.prefixes.iter().map(short)).collect()
}

async fn a_delimiter_rolls_up_folders(scene: Scene) -> Result<()> {
    folders(&scene).await?;
    let top = pages(&scene, &ListRequest { delimiter: Some("/".to_owned()), ..request(&scene) }).await?;
    ensure!(in_order(&scene, names(&scene, &top)) == ["a", "e", "g"], "entries: {:?}", names(&scene, &top));
    ensure!(in_order(&scene, prefixes(&scene, &top)) == ["b/", "c/", "f/"], "prefixes: {:?}", prefixes(&scene, &top));
    let inside = ListRequest {
        prefix: format!("{}c/", scene.prefix),
        delimiter: Some("/".to_owned()),
        ..ListRequest::default()
    };
    let inside = pages(&scene, &inside).await?;
    ensure!(names(&scene, &inside).is_empty(), "entries: {:?}", names(&scene, &inside));
    ensure!(prefixes(&scene, &inside) == ["c/d/"], "prefixes: {:?}", prefixes(&scene, &inside));
    let flat = list(&*scene.bucket, &request(&scene)).await?;
    ensure!(flat.len() == 7, "without a delimiter: {} entries", flat.len());
    Ok(())
}

async fn a_delimiter_in_pages_names_each_folder_once(scene: Scene) -> Result<()> {
    folders(&scene).await?;
    for max_keys in [1, 2, 3] {
        let request = ListRequest { delimiter: Some("/".to_owned()), max_keys: Some(max_keys), ..request(&scene) };
        let pages = pages(&scene, &request).await?;
        ensure!(in_order(&scene, names(&scene, &pages)) == ["a", "e", "g"], "entries: {:?}", names(&scene, &pages));
        let prefixes = in_order(&scene, prefixes(&scene, &pages));
        ensure!(prefixes == ["b/", "c/", "f/"], "prefixes in pages of {max_keys}: {prefixes:?}");
    }
    Ok(())
}
