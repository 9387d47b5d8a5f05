use std::{fmt, sync::Arc};

use transship_store::RetryOptions;

use crate::pool::LISTER;

/// How a listing goes.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// How many ranges are listed side by side, at most. 1 lists from the first page to the last. Each takes up to
    /// [`LISTER`](Self::LISTER) bytes; in order, where they are read slowly, up to a quarter more, because each range that waits
    /// to be read holds one page in any case.
    pub listers: usize,
    /// When a page is asked for again.
    pub retry: RetryOptions,
    /// What need not be listed.
    pub skip: Skip,
}

impl ListOptions {
    /// What a lister takes, in bytes: its pages, on all sides. Where pages are larger than usual, because keys are long or a
    /// store puts more of them on a page, fewer ranges are listed side by side, so that all together take no more.
    pub const LISTER: usize = LISTER << 10;
}

impl Default for ListOptions {
    /// 32 ranges, 48 MiB of pages (in order up to 60). More make a listing from afar faster, for more memory.
    fn default() -> Self {
        Self { listers: 32, retry: RetryOptions::default(), skip: Skip::nothing() }
    }
}

/// Tells how far a listing may jump: see [`Skip::new`].
#[derive(Clone)]
pub struct Skip(Option<Arc<Rule>>);

type Rule = dyn Fn(&str) -> Jump + Send + Sync;

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jump {
    /// With the next key.
    Next,
    /// Behind this key, relative to the prefix: nothing up to it is wanted.
    Behind(String),
    /// Nowhere: nothing that follows is wanted.
    End,
}

impl Skip {
    /// Leaves nothing out.
    pub fn nothing() -> Self {
        Self(None)
    }

    /// A rule that is asked with a relative key up to which everything was listed. What it jumps over is not listed,
    /// and what it does not jump over may be: the rule saves requests, it is no filter.
    pub fn new(rule: impl Fn(&str) -> Jump + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(rule)))
    }

    pub(crate) fn ask(&self, listed: &str) -> Jump {
        match &self.0 {
            None => Jump::Next,
            Some(rule) => match rule(listed) {
                // Backwards would be an endless loop.
                Jump::Behind(key) if key.as_str() <= listed => Jump::Next,
                jump => jump,
            },
        }
    }
}

impl fmt::Debug for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Skip(rule)" } else { "Skip(nothing)" })
    }
}
