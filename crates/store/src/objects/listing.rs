//! Pages of a listing.

use std::sync::Arc;

use object_store::{ObjectMeta, list::PaginatedListOptions, list::PaginatedListStore};
use tokio::sync::Mutex;
use transship_types::{ETag, Entry, Key};

use super::{
    backing::{Backing, Held},
    failure::explain,
    keys,
    keys::Rules,
    open_listing::OpenListing,
    reading::last_modified,
    wanted::{Item, MAX_PAGE, Roll, Wanted},
};
use crate::{Cursor, CursorKind, Error, ErrorKind, ListPage, ListRequest, Result};

/// One page, from the store's own pages where it has them, else from a listing that stays open between pages.
pub(super) async fn page(
    backing: &Backing,
    rules: Rules,
    ordered: bool,
    request: &ListRequest,
    cursor: Option<Cursor>,
) -> Result<ListPage> {
    let wanted = match backing.held() {
        Held::Directory(_) => Wanted::new(request, keys::names)?,
        Held::Store(_) => Wanted::new(request, |folder| keys::path(folder).map(drop))?,
    };
    if let Some(pages) = backing.pages().filter(|_| wanted.suits_servers()) {
        let token = match cursor.map(|cursor| cursor.0) {
            Some(CursorKind::Token(token)) => Some(token),
            None => None,
            Some(CursorKind::Open(_)) => return Err(foreign_cursor()),
        };
        return server_page(pages, rules, &wanted, token).await;
    }
    let open = match cursor.map(|cursor| cursor.0) {
        Some(CursorKind::Open(open)) => open,
        None => Arc::new(Mutex::new(OpenListing::new(wanted, ordered))),
        Some(CursorKind::Token(_)) => return Err(foreign_cursor()),
    };
    let (page, more) = open.lock().await.page(backing).await?;
    let next = more.then(|| Cursor(CursorKind::Open(Arc::clone(&open))));
    Ok(ListPage { next, ..page })
}

fn foreign_cursor() -> Error {
    Error::new(ErrorKind::InvalidRequest, "the cursor is that of another store's listing")
}

async fn server_page(
    pages: &dyn PaginatedListStore,
    rules: Rules,
    wanted: &Wanted,
    token: Option<String>,
) -> Result<ListPage> {
    let prefix = server_prefix(&wanted.0.prefix);
    let after = wanted.0.start_after.as_ref().map(Key::as_str).filter(|key| rules.path(key).is_ok());
    let options = PaginatedListOptions {
        offset: after.map(str::to_owned),
        delimiter: wanted.rolls_up_at_slashes().then(|| "/".into()),
        max_keys: wanted.0.max_keys.map(|most| most.clamp(1, MAX_PAGE) as usize),
        page_token: token,
        ..PaginatedListOptions::default()
    };
    let listed =
        pages.list_paginated(Some(prefix).filter(|p| !p.is_empty()), options).await.map_err(|e| explain(&e))?;
    let prefixes = listed.result.common_prefixes.iter().map(|path| Item::Prefix(format!("{path}/")));
    let objects = listed.result.objects.into_iter().map(|meta| Item::Object(entry(meta)));
    let mut roll = Roll::new(wanted.clone(), false);
    let page = in_page(objects.chain(prefixes).filter_map(|item| roll.take(item)).collect());
    let next = listed.page_token.filter(|token| !token.is_empty()).map(|token| Cursor(CursorKind::Token(token)));
    Ok(ListPage { next, ..page })
}

/// Azure's listing by pages leaves out the object whose name is the prefix itself, so it is asked for one character
/// less; a prefix that ends in `/` names no object here.
fn server_prefix(prefix: &str) -> &str {
    if prefix.ends_with('/') {
        return prefix;
    }
    prefix.char_indices().next_back().map_or("", |(at, _)| &prefix[..at])
}

pub(super) fn in_page(items: Vec<Item>) -> ListPage {
    let mut page = ListPage::default();
    for item in items {
        match item {
            Item::Object(entry) => page.entries.push(entry),
            Item::Prefix(prefix) => page.prefixes.push(prefix),
        }
    }
    page
}

pub(super) fn entry(meta: ObjectMeta) -> Entry {
    Entry {
        size: meta.size,
        last_modified: last_modified(&meta),
        etag: meta.e_tag.as_deref().map(ETag::new),
        storage_class: None,
        key: Key::from(String::from(meta.location)),
    }
}
