//! The pages of one side, one after the other, each checked.

use std::sync::Arc;

use transship_store::{Cursor, ListRequest, retry};
use transship_types::{Entry, Key};

use crate::{Error, Jump, KeyRange, ListOptions, Result, Side, advance::Advance, own_order::OwnOrder, side::Order};

/// Asks for pages from a key on.
#[derive(Debug)]
pub(crate) struct Pages {
    side: Side,
    options: ListOptions,
    /// Everything up to this relative key is known: it was listed, or not wanted.
    known: Option<String>,
    /// Where the server goes on by itself.
    cursor: Option<Cursor>,
    /// The last key that came by `cursor`, or none where the next page is the first of a request.
    last: Option<Key>,
    advance: Advance,
    /// The store's own order, where that is taken: from the first page to the last, nothing is known of what lies between.
    own: Option<OwnOrder>,
    ended: bool,
}

impl Pages {
    pub(crate) fn new(side: Side, range: &KeyRange, options: ListOptions) -> Self {
        let known = range.after.as_ref().map(|key| key.as_str().to_owned());
        let own = (side.order() == Order::Own).then(OwnOrder::default);
        let (cursor, last, advance) = (None, None, Advance::default());
        let mut pages = Self { side, options, known, cursor, last, advance, own, ended: false };
        pages.jump();
        pages
    }

    /// The next page, or `None` behind the last. Every key in it lies behind those before.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Entry>>> {
        if self.ended {
            return Ok(None);
        }
        if let Some(page) = self.side.sorted_page(self.known.as_deref())? {
            self.ended = page.is_empty();
            self.learn(&page);
            return Ok(Some(page));
        }
        let request = ListRequest {
            prefix: self.side.prefix.clone(),
            start_after: self.known.as_ref().map(|known| Key::from(format!("{}{known}", self.side.prefix))),
            ..ListRequest::default()
        };
        let bucket = Arc::clone(&self.side.bucket);
        // A wrong address shows at once; a store that is away in between is waited for.
        let first = self.cursor.is_none() && self.known.is_none();
        let policy = if first { &self.options.retry.at_first_contact() } else { &self.options.retry };
        let page = retry(policy, |_| bucket.list_page(&request, self.cursor.clone())).await?;
        let (another, any) = (page.unordered, first && self.side.order() == Order::Any);
        if any && (another || !page.entries.is_sorted_by_key(|entry| &entry.key)) {
            self.own = Some(OwnOrder::default());
        } else if another && self.own.is_none() {
            return Err(Error::Unordered { location: bucket.location().to_owned() });
        }
        for entry in &page.entries {
            self.check(&entry.key, request.start_after.as_ref())?;
            self.last = Some(entry.key.clone());
        }
        self.advance.check(bucket.location(), self.cursor.as_ref(), &page)?;
        self.cursor = page.next;
        self.ended = self.cursor.is_none();
        self.learn(&page.entries);
        Ok(Some(page.entries))
    }

    /// Whether nothing more will come.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Everything up to here is known.
    pub(crate) fn known(&self) -> Option<&str> {
        self.known.as_deref()
    }

    /// Everything up to the end of a page is known.
    fn learn(&mut self, page: &[Entry]) {
        if self.own.is_some() {
            return;
        }
        if let Some(last) = page.last() {
            self.known = Some(self.side.relative(&last.key).to_owned());
        }
        self.jump();
    }

    /// Leaves out what is not wanted.
    fn jump(&mut self) {
        if self.own.is_some() {
            return;
        }
        match self.options.skip.ask(self.known.as_deref().unwrap_or_default()) {
            Jump::Next => {}
            Jump::End => self.ended = true,
            Jump::Behind(key) => {
                self.known = Some(key);
                self.cursor = None;
                self.last = None;
            }
        }
    }

    fn check(&mut self, key: &Key, after: Option<&Key>) -> Result<()> {
        let follows = self.follows(key);
        let location = || self.side.bucket.location().to_owned();
        if !key.as_str().starts_with(&self.side.prefix) {
            return Err(Error::Outside { location: location(), prefix: self.side.prefix.clone(), found: key.clone() });
        }
        match (&self.last, after) {
            (Some(last), _) if !follows => {
                Err(Error::OutOfOrder { location: location(), before: last.clone(), after: key.clone() })
            }
            (None, Some(after)) if key <= after => {
                Err(Error::StartIgnored { location: location(), after: after.clone(), found: key.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether a key may come right after the last one.
    fn follows(&mut self, key: &Key) -> bool {
        let Some(last) = &self.last else { return true };
        match &mut self.own {
            None => key > last,
            Some(own) => !self.side.bucket.capabilities().ordered_listing || own.allows(last, key),
        }
    }
}
