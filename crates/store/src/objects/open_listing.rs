//! A listing that stays open between its pages.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::ObjectStore;
use transship_types::Key;

use super::{
    backing::{Backing, Held},
    directory::on_disk,
    failure::explain,
    keys,
    listing::{entry, in_page},
    walk::Walk,
    wanted::{Item, Roll, Wanted},
};
use crate::{Error, ErrorKind, ListPage, Result};

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
    pub(super) fn new(wanted: Wanted, ordered: bool) -> Self {
        Self { wanted, ordered, reading: None, handed_over: None }
    }

    /// The next page, and whether there are more.
    pub(super) async fn page(&mut self, backing: &Backing) -> Result<(ListPage, bool)> {
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
        Ok((in_page(items), more))
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
        let source = match backing.held() {
            Held::Directory(directory) => Source::Walk(Box::new(Walk::new(Arc::clone(directory), wanted))),
            Held::Store(store) => Source::Stream(stream(store, &wanted).await?),
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
                on_disk(move || {
                    let mut items = Vec::new();
                    while items.len() < most {
                        let Some(item) = walk.next()? else { break };
                        items.push(item);
                    }
                    walk.check_root()?;
                    Ok((items, Self::Walk(walk)))
                })
                .await
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
