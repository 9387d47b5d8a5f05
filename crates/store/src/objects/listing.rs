//! Pages of a listing.

use std::{collections::HashSet, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{ObjectMeta, ObjectStore, list::PaginatedListOptions, list::PaginatedListStore, path::Path};
use tokio::sync::Mutex;
use transship_types::{ETag, Entry, Key};

use super::{backing::Backing, failure::explain, keys, keys::Rules, reading::last_modified, walk::Walk};
use crate::{Cursor, CursorKind, Error, ErrorKind, ListPage, ListRequest, Result};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>, and enough for a page anywhere.
const MAX_PAGE: u32 = 1000;
/// Beyond this no store has keys, and no address has room.
const MAX_PREFIX: usize = 4096;

/// An object, or what several roll up into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Object(Entry),
    Prefix(String),
}

impl Item {
    fn text(&self) -> &str {
        match self {
            Self::Object(entry) => entry.key.as_str(),
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// Which keys a request asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted(ListRequest);

impl Wanted {
    /// # Errors
    /// `UnrepresentableKey` where no key of such a store can have the prefix.
    fn new(request: &ListRequest) -> Result<Self> {
        let wanted = Self(request.clone());
        let impossible = |why: String| {
            let detail = format!("no key of this store can begin with {:?}: {why}", request.prefix);
            Error::new(ErrorKind::UnrepresentableKey, detail)
        };
        if request.prefix.len() > MAX_PREFIX {
            return Err(impossible("it is too long".into()));
        }
        match wanted.parent().strip_suffix('/') {
            None => {}
            Some("") => return Err(impossible("it begins with a slash".into())),
            Some(parent) => drop(keys::path(parent).map_err(impossible)?),
        }
        Ok(wanted)
    }

    /// All that is wanted under `directory`.
    pub(super) fn below(&self, directory: &str) -> Self {
        Self(ListRequest { prefix: directory.to_owned(), delimiter: None, ..self.0.clone() })
    }

    /// The prefix up to its last `/`.
    pub(super) fn parent(&self) -> &str {
        self.0.prefix.rfind('/').map_or("", |at| &self.0.prefix[..=at])
    }

    fn directory(&self) -> Option<Path> {
        Path::parse(self.parent()).ok().filter(|path| !path.is_root())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        key.starts_with(&self.0.prefix) && self.0.start_after.as_ref().is_none_or(|after| key > after.as_str())
    }

    /// Whether any wanted key can be under `directory`, which ends in `/`.
    pub(super) fn reaches_into(&self, directory: &str) -> bool {
        let prefix = &self.0.prefix;
        let related = directory.starts_with(prefix) || prefix.starts_with(directory);
        related
            && self
                .0
                .start_after
                .as_ref()
                .is_none_or(|after| directory > after.as_str() || after.as_str().starts_with(directory))
    }

    pub(super) fn rolls_up_at_slashes(&self) -> bool {
        self.0.delimiter.as_deref() == Some("/")
    }

    /// What `key` rolls up into.
    fn rolled_up(&self, key: &str) -> Option<String> {
        let delimiter = self.0.delimiter.as_deref().filter(|d| !d.is_empty())?;
        let behind = key.strip_prefix(&self.0.prefix)?;
        let end = self.0.prefix.len() + behind.find(delimiter)? + delimiter.len();
        Some(key[..end].to_owned())
    }

    /// Whether a server that rolls up at slashes does it as asked.
    fn suits_servers(&self) -> bool {
        match self.0.delimiter.as_deref() {
            None | Some("") => true,
            Some("/") => self.0.prefix.is_empty() || self.0.prefix.ends_with('/'),
            Some(_) => false,
        }
    }

    fn page_size(&self) -> usize {
        self.0.max_keys.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE) as usize
    }
}

/// One page, from the store's own pages where it has them, else from a listing that stays open between pages.
pub(super) async fn page(
    backing: &Backing,
    rules: Rules,
    ordered: bool,
    request: &ListRequest,
    cursor: Option<Cursor>,
) -> Result<ListPage> {
    let wanted = Wanted::new(request)?;
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
    let page = sorted(objects.chain(prefixes).filter_map(|item| roll.take(item)).collect());
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

/// Lets wanted items through, rolled up, each prefix once.
struct Roll {
    wanted: Wanted,
    seen: HashSet<String>,
    /// One prefix's objects come one after the other: only the last prefix need be remembered.
    ordered: bool,
}

impl Roll {
    fn new(wanted: Wanted, ordered: bool) -> Self {
        Self { wanted, seen: HashSet::new(), ordered }
    }

    fn take(&mut self, item: Item) -> Option<Item> {
        let prefix = match item {
            Item::Object(entry) if !self.wanted.has(entry.key.as_str()) => return None,
            Item::Object(entry) => match self.wanted.rolled_up(entry.key.as_str()) {
                None => return Some(Item::Object(entry)),
                Some(prefix) => prefix,
            },
            Item::Prefix(prefix) => prefix,
        };
        if !prefix.starts_with(&self.wanted.0.prefix)
            || !self.wanted.reaches_into(&prefix)
            || self.seen.contains(&prefix)
        {
            return None;
        }
        if self.ordered {
            self.seen.clear();
        }
        self.seen.insert(prefix.clone());
        Some(Item::Prefix(prefix))
    }
}

fn sorted(items: Vec<Item>) -> ListPage {
    let mut page = ListPage::default();
    for item in items {
        match item {
            Item::Object(entry) => page.entries.push(entry),
            Item::Prefix(prefix) => page.prefixes.push(prefix),
        }
    }
    page
}

fn entry(meta: ObjectMeta) -> Entry {
    Entry {
        size: meta.size,
        last_modified: last_modified(&meta),
        etag: meta.e_tag.as_deref().map(ETag::new),
        storage_class: None,
        key: Key::from(String::from(meta.location)),
    }
}

/// A listing that is being read, page by page.
///
/// After a failure it opens itself again behind what was handed over, where the store lists in order.
pub(crate) struct OpenListing {
    wanted: Wanted,
    ordered: bool,
    reading: Option<Reading>,
    handed_over: Option<String>,
}

struct Reading {
    source: Source,
    roll: Roll,
    ahead: Option<Item>,
}

enum Source {
    Walk(Box<Walk>),
    Stream(BoxStream<'static, Result<Item>>),
}

impl OpenListing {
    fn new(wanted: Wanted, ordered: bool) -> Self {
        Self { wanted, ordered, reading: None, handed_over: None }
    }

    /// The next page, and whether there are more.
    async fn page(&mut self, backing: &Backing) -> Result<(ListPage, bool)> {
        // Taken out while it is read: where that fails, or is given up half-way, it is opened again.
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.open(backing).await?,
        };
        let most = self.wanted.page_size();
        let mut items: Vec<_> = reading.ahead.take().into_iter().collect();
        while items.len() <= most {
            let asked = most + 1 - items.len();
            let (read, source) = reading.source.read(asked).await?;
            reading.source = source;
            let end = read.len() < asked;
            items.extend(read.into_iter().filter_map(|item| reading.roll.take(item)).filter(|item| self.is_new(item)));
            if end {
                break;
            }
        }
        reading.ahead = (items.len() > most).then(|| items.pop()).flatten();
        let more = reading.ahead.is_some();
        self.handed_over = items.last().map(|last| last.text().to_owned()).or(self.handed_over.take());
        self.reading = Some(reading);
        Ok((sorted(items), more))
    }

    fn is_new(&self, item: &Item) -> bool {
        !self.ordered || self.handed_over.as_deref().is_none_or(|last| item.text() > last)
    }

    async fn open(&mut self, backing: &Backing) -> Result<Reading> {
        let mut wanted = self.wanted.clone();
        if let Some(last) = &self.handed_over {
            if !self.ordered {
                let detail = "the listing broke, and without an order it cannot go on: list again from the start";
                return Err(Error::new(ErrorKind::InvalidRequest, detail));
            }
            wanted.0.start_after = Some(Key::from(last.as_str()));
        }
        let roll = Roll::new(wanted.clone(), self.ordered);
        let source = match backing.directory() {
            Some(directory) => {
                directory.check_root()?;
                Source::Walk(Box::new(Walk::new(directory.root(), wanted)))
            }
            None => Source::Stream(stream(backing.for_reading()?, &wanted).await?),
        };
        Ok(Reading { source, roll, ahead: None })
    }
}

impl Source {
    /// Up to `most` items; fewer only at the end.
    async fn read(self, most: usize) -> Result<(Vec<Item>, Self)> {
        match self {
            Self::Stream(mut stream) => {
                let items = stream.by_ref().take(most).try_collect().await?;
                Ok((items, Self::Stream(stream)))
            }
            Self::Walk(mut walk) => {
                let reading = tokio::task::spawn_blocking(move || {
                    let mut items = Vec::new();
                    while items.len() < most {
                        let Some(item) = walk.next()? else { break };
                        items.push(item);
                    }
                    Ok((items, Self::Walk(walk)))
                });
                reading.await.map_err(|e| Error::new(ErrorKind::Io, "the listing was interrupted").caused_by(e))?
            }
        }
    }
}

/// Everything in the directory of the prefix, and more: what is wanted is picked out later.
async fn stream(store: Arc<dyn ObjectStore>, wanted: &Wanted) -> Result<BoxStream<'static, Result<Item>>> {
    let directory = wanted.directory();
    if wanted.rolls_up_at_slashes() {
        let listed = store.list_with_delimiter(directory.as_ref()).await.map_err(|e| explain(&e))?;
        let prefixes = listed.common_prefixes.iter().map(|path| Item::Prefix(format!("{path}/")));
        let objects = listed.objects.into_iter().map(|meta| Item::Object(entry(meta)));
        let mut items: Vec<_> = objects.chain(prefixes).collect();
        items.sort_by(|a, b| a.text().cmp(b.text()));
        return Ok(stream::iter(items.into_iter().map(Ok)).boxed());
    }
    let after = wanted.0.start_after.as_ref().and_then(|key| keys::path(key.as_str()).ok());
    let listed = match &after {
        Some(after) => store.list_with_offset(directory.as_ref(), after),
        None => store.list(directory.as_ref()),
    };
    Ok(listed.map(|meta| meta.map(|meta| Item::Object(entry(meta))).map_err(|e| explain(&e))).boxed())
}
