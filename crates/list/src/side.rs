use std::{fmt, path::Path, sync::Arc};

use transship_spill::Table;
use transship_store::{Bucket, ListRequest, retry};
use transship_types::{Entry, Key};

use crate::{Error, ListOptions, Result, advance::Advance};

/// A bucket, and the prefix below which keys count. Ranges are relative to the prefix.
#[derive(Clone)]
pub struct Side {
    /// The bucket.
    pub bucket: Arc<dyn Bucket>,
    /// What every key starts with. It need not end in `/`.
    pub prefix: String,
    /// By relative key, where it was listed already.
    sorted: Option<Arc<Table<Entry>>>,
    order: Order,
}

/// In which order keys are to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// In that of their bytes.
    #[default]
    Bytes,
    /// In that of their bytes, or in the store's own where it says at once that it has another.
    Any,
    /// In the store's own.
    Own,
}

impl Side {
    /// What lies below a prefix.
    pub fn new(bucket: Arc<dyn Bucket>, prefix: impl Into<String>) -> Self {
        Self { bucket, prefix: prefix.into(), sorted: None, order: Order::Bytes }
    }

    /// The same for a store that does not list in the order of the keys' bytes: lists it from its first page to its last,
    /// and keeps the entries in `work_dir`, from where they come in order.
    ///
    /// # Errors
    /// Those of the listing, and `Spill`.
    pub async fn sorted(self, options: &ListOptions, work_dir: &Path) -> Result<Self> {
        let mut entries = Table::new(work_dir);
        let request = ListRequest { prefix: self.prefix.clone(), ..ListRequest::default() };
        let (mut cursor, mut advance) = (None, Advance::default());
        loop {
            let page = retry(&options.retry, |_| self.bucket.list_page(&request, cursor.clone())).await?;
            self.take_in(&mut entries, &page.entries)?;
            advance.check(self.bucket.location(), cursor.as_ref(), &page)?;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        entries.settle()?;
        Ok(Self { sorted: Some(Arc::new(entries)), ..self })
    }

    /// The same, known to hold nothing: it is not asked.
    #[must_use]
    pub fn known_empty(self) -> Self {
        Self { sorted: Some(Arc::new(Table::new(Path::new("")))), ..self }
    }

    pub(crate) fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    fn take_in(&self, entries: &mut Table<Entry>, page: &[Entry]) -> Result<()> {
        let location = || self.bucket.location().to_owned();
        if let Some(last) = page.last()
            && entries.get(self.relative(&last.key))?.is_some()
        {
            return Err(Error::Repeated { location: location(), key: last.key.clone() });
        }
        for entry in page {
            let Some(relative) = entry.key.as_str().strip_prefix(&self.prefix) else {
                return Err(Error::Outside {
                    location: location(),
                    prefix: self.prefix.clone(),
                    found: entry.key.clone(),
                });
            };
            entries.insert(relative, entry)?;
        }
        Ok(())
    }

    /// A key without the prefix. The whole key where it does not start with it.
    pub fn relative<'k>(&self, key: &'k Key) -> &'k str {
        key.as_str().strip_prefix(&self.prefix).unwrap_or(key.as_str())
    }

    /// Whether it was listed already.
    pub fn is_sorted(&self) -> bool {
        self.sorted.is_some()
    }

    /// A page behind a relative key, where all was listed already.
    pub(crate) fn sorted_page(&self, behind: Option<&str>) -> Result<Option<Vec<Entry>>> {
        const PAGE: usize = 1000;
        let Some(entries) = &self.sorted else { return Ok(None) };
        let page = entries.after(behind.unwrap_or_default(), PAGE)?;
        // Nothing sorts before the empty key, so it has to be asked for by name.
        let first = if behind.is_none() { entries.get("")? } else { None };
        Ok(Some(first.into_iter().chain(page.into_iter().map(|(_, entry)| entry)).collect()))
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side")
            .field("bucket", &self.bucket.location())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
