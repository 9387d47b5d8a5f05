use transship_store::{Cursor, ListPage};

use crate::{Error, Result};

/// Watches that a listing gets on: a server may look through much between two pages, but not for ever.
#[derive(Debug, Default)]
pub(crate) struct Advance {
    /// Pages without a key, one after the other.
    empty: u32,
}

/// More pages without a key are not believed. Each stands for a thousand entries or more that a server passed over.
const MOST_EMPTY: u32 = 1000;

impl Advance {
    /// A page that was asked for by `cursor`.
    pub(crate) fn check(&mut self, location: &str, cursor: Option<&Cursor>, page: &ListPage) -> Result<()> {
        self.empty = if page.entries.is_empty() { self.empty + 1 } else { 0 };
        let Some(next) = &page.next else { return Ok(()) };
        let to_itself = next.token().is_some() && next.token() == cursor.and_then(Cursor::token);
        if to_itself || self.empty > MOST_EMPTY {
            return Err(Error::Endless { location: location.to_owned() });
        }
        Ok(())
    }
}
