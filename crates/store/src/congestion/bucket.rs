use std::{fmt, ops::Range, sync::Arc};

use async_trait::async_trait;
use futures::future::try_join_all;
use transship_types::Key;

use super::{
    base_rtt::Class,
    gate::{Gate, Verdict, Weight},
};
use crate::{
    Body, Bucket, Capabilities, CopySource, Cursor, Deleted, GetOptions, GetReply, ListPage, ListRequest, ObjectInfo,
    Part, PartInfo, PutOptions, PutReply, RequestCounts, Result, Tag, UnfinishedUpload, Upload,
};

/// The time of a request with a longer body (in bytes) is the body's: [`open`](crate::open)ed buckets do not judge by it how
/// many such requests a store can take. Whoever sends them decides that.
pub const LONG_BODY: u64 = 1 << 20;
/// A body up to this long adds nothing to speak of to the time of a request. Of longer ones those are compared that are
/// less than twice as long as another.
const NEXT_TO_NOTHING: u64 = 64 << 10;

// What is read.
const GET: Class = Class::new(0);
const HEAD: Class = Class::new(1);
const HEAD_PART: Class = Class::new(2);
const TAGS: Class = Class::new(3);

// What is written, after the five sizes of bodies.
const CREATE_UPLOAD: Class = Class::new(5);
const PUT_TAGS: Class = Class::new(6);

// What the store copies.
const COPY: Class = Class::new(0);
const COPY_PART: Class = Class::new(1);

// What is listed.
const LIST: Class = Class::new(0);
const LIST_UPLOADS: Class = Class::new(1);

/// A bucket that gets as many requests as it can take.
pub(crate) struct AdaptiveBucket {
    inner: Arc<dyn Bucket>,
    reads: Gate,
    writes: Gate,
    /// Copies that the store makes by itself: each may take long, and nothing else waits behind them.
    copies: Gate,
    lists: Gate,
    deletes: Gate,
}

impl AdaptiveBucket {
    pub(crate) fn over(inner: Arc<dyn Bucket>) -> Self {
        let [reads, writes, copies, lists, deletes] =
            ["read", "write", "copy", "list", "delete"].map(|verb| Gate::new(verb, inner.location()));
        Self { inner, reads, writes, copies, lists, deletes }
    }
}

impl fmt::Debug for AdaptiveBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

async fn through<T>(gate: &Gate, weight: Weight, request: impl Future<Output = Result<T>>) -> Result<T> {
    let passage = gate.pass(weight).await;
    let result = request.await;
    passage.end(&result);
    result
}

/// Deletes so many keys at most with each request; what became of each, in order.
pub(super) async fn deleted<'a, F>(
    gate: &Gate,
    keys: &'a [Key],
    most: usize,
    delete: impl Fn(&'a [Key]) -> F,
) -> Result<Vec<Deleted>>
where
    F: Future<Output = Result<Vec<Deleted>>>,
{
    let request = |keys: &'a [Key]| {
        let delete = &delete;
        async move {
            let passage = gate.pass(Weight::Counted(Class::new(digits(keys.len() as u64 / 2)))).await;
            let result = delete(keys).await;
            match &result {
                Ok(all) => passage.judge(verdict_on(all)),
                failed => passage.end(failed),
            }
            result
        }
    };
    // As many as the gate lets through.
    let deleted = try_join_all(keys.chunks(most.max(1)).map(request)).await?;
    Ok(deleted.into_iter().flatten().collect())
}

/// A store may refuse single keys, in a reply that is a success; and where a batch fails, each key of it does.
fn verdict_on(all: &[Deleted]) -> Verdict {
    let verdict = |one: &Deleted| one.result.as_ref().map_or_else(Verdict::on, |()| Verdict::Answered);
    match all {
        [only] => verdict(only),
        all if all.iter().any(|one| verdict(one) == Verdict::Refused) => Verdict::Refused,
        all if all.iter().all(|one| verdict(one) == Verdict::Unanswered) => Verdict::Unanswered,
        _ => Verdict::Answered,
    }
}

fn weight_of(body: &Body) -> Weight {
    match body.len() {
        length if length > LONG_BODY || !body.is_at_hand() => Weight::Free,
        length => Weight::Counted(Class::new(digits(length.saturating_sub(1) / NEXT_TO_NOTHING))),
    }
}

/// Binary digits of a number: equal for numbers of which none is twice the other.
fn digits(n: u64) -> usize {
    (u64::BITS - n.leading_zeros()) as usize
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bucket for AdaptiveBucket {
    /// A read counts until its reply begins, because that is what the store decides on and what it takes its time for.
    /// How long the body takes is up to who reads it: it may wait for leave to write at the other end, and what is
    /// written there may wait for more to be read here.
    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        through(&self.reads, Weight::Counted(GET), self.inner.get(key, options)).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        through(&self.reads, Weight::Counted(HEAD), self.inner.head(key)).await
    }

    async fn head_part(&self, key: &Key, number: u32) -> Result<PartInfo> {
        through(&self.reads, Weight::Counted(HEAD_PART), self.inner.head_part(key, number)).await
    }

    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        through(&self.reads, Weight::Counted(TAGS), self.inner.tags(key)).await
    }

    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        through(&self.writes, weight_of(&body), self.inner.put(key, body, options)).await
    }

    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        through(&self.writes, weight_of(&body), self.inner.put_part(upload, number, body, options)).await
    }

    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        through(&self.writes, Weight::Counted(CREATE_UPLOAD), self.inner.create_upload(key, options)).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
        through(&self.writes, Weight::Free, self.inner.complete_upload(upload, parts, options)).await
    }

    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        through(&self.copies, Weight::Counted(COPY), self.inner.copy(source, key, options)).await
    }

    async fn copy_part(&self, source: &CopySource, range: Range<u64>, upload: &Upload, number: u32) -> Result<Part> {
        through(&self.copies, Weight::Counted(COPY_PART), self.inner.copy_part(source, range, upload, number)).await
    }

    async fn put_tags(&self, key: &Key, tags: &[Tag]) -> Result<()> {
        through(&self.writes, Weight::Counted(PUT_TAGS), self.inner.put_tags(key, tags)).await
    }

    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        through(&self.lists, Weight::Counted(LIST), self.inner.list_page(request, cursor)).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>> {
        through(&self.lists, Weight::Counted(LIST_UPLOADS), self.inner.list_uploads(prefix)).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>> {
        let most = self.inner.capabilities().max_delete;
        deleted(&self.deletes, keys, most, |keys| self.inner.delete(keys)).await
    }

    /// Cleans up, often in the last seconds of a run: it waits for nobody.
    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.inner.abort_upload(upload).await
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn check_key(&self, key: &Key) -> Result<()> {
        self.inner.check_key(key)
    }

    fn copy_source(&self, key: &Key) -> Option<CopySource> {
        self.inner.copy_source(key)
    }

    fn requests(&self) -> RequestCounts {
        self.inner.requests()
    }
}
