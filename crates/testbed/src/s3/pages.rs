//! ListObjects and ListObjectsV2, and the ways in which a listing can be made to lie.

use super::backend::{Backend, owner};
use super::effect::PageFault;
use super::encoding::Encoding;
use super::listing::{Line, Page, Question, page};
use super::object::StoredObject;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as TOKEN;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

/// The page, and after which name the client is told to go on.
struct Answer {
    page: Page,
    next: Option<String>,
}

impl Backend {
    pub(crate) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let fault = request.extensions.get::<PageFault>().copied();
        let token = input.continuation_token.as_deref().map(read_token).transpose()?;
        let start_after = input.start_after.as_deref().filter(|_| fault != Some(PageFault::IgnoreStartAfter));
        let question = Question {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: token.as_deref().or(start_after),
            limit: self.limit(input.max_keys),
        };
        let Answer { page, next } = self.answer(&input.bucket, question, fault)?;
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let owned = input.fetch_owner == Some(true);
        let key_count = i32::try_from(page.lines.len()).ok();
        let is_truncated = Some(page.truncated);
        let (contents, common_prefixes) = split(page, encoding, owned);
        Ok(S3Response::new(ListObjectsV2Output {
            prefix: Some(encoding.apply(question.prefix)),
            delimiter: input.delimiter.as_deref().map(|delimiter| encoding.apply(delimiter)),
            start_after: input.start_after.as_deref().map(|after| encoding.apply(after)),
            max_keys: i32::try_from(question.limit).ok(),
            next_continuation_token: next.map(|next| token_after(&next)),
            continuation_token: input.continuation_token,
            encoding_type: input.encoding_type,
            name: Some(input.bucket),
            key_count,
            is_truncated,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsV2Output::default()
        }))
    }

    pub(crate) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let fault = request.extensions.get::<PageFault>().copied();
        let question = Question {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.marker.as_deref(),
            limit: self.limit(input.max_keys),
        };
        let Answer { page, next } = self.answer(&input.bucket, question, fault)?;
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let is_truncated = Some(page.truncated);
        let (contents, common_prefixes) = split(page, encoding, true);
        // Without a delimiter there is no NextMarker: the client goes on after the last key.
        let next_marker = next.filter(|_| !question.delimiter.is_empty()).map(|next| encoding.apply(&next));
        Ok(S3Response::new(ListObjectsOutput {
            prefix: Some(encoding.apply(question.prefix)),
            marker: Some(encoding.apply(question.after.unwrap_or_default())),
            delimiter: input.delimiter.as_deref().map(|delimiter| encoding.apply(delimiter)),
            max_keys: i32::try_from(question.limit).ok(),
            encoding_type: input.encoding_type,
            name: Some(input.bucket),
            next_marker,
            is_truncated,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsOutput::default()
        }))
    }

    fn answer(&self, bucket: &str, question: Question<'_>, fault: Option<PageFault>) -> S3Result<Answer> {
        self.store.with_bucket(bucket, |bucket| {
            if let Some(numbered) = &bucket.numbered {
                let page = numbered.page(question);
                let next = page.last().filter(|_| page.truncated).map(str::to_owned);
                return Ok(Answer { page, next });
            }
            let mut page = page(&bucket.objects, question);
            let mut next = page.last().filter(|_| page.truncated).map(str::to_owned);
            match fault {
                Some(PageFault::Repeat) if page.truncated => next = Some(question.after.unwrap_or_default().to_owned()),
                Some(PageFault::Skip) if page.truncated => {
                    let skipped =
                        super::listing::page(&bucket.objects, Question { after: next.as_deref(), ..question });
                    page.truncated = skipped.truncated;
                    next = skipped.last().filter(|_| skipped.truncated).map(str::to_owned);
                }
                Some(PageFault::OutOfOrder) => page.lines.reverse(),
                Some(PageFault::NoToken) => next = None,
                Some(PageFault::Stuck | PageFault::Empty) => {
                    let ahead = if fault == Some(PageFault::Empty) { "\0" } else { "" };
                    page = Page { lines: Vec::new(), truncated: true };
                    next = Some(format!("{}{ahead}", question.after.unwrap_or_default()));
                }
                _ => {}
            }
            Ok(Answer { page, next })
        })
    }
}

/// Opaque to clients, and never empty.
fn token_after(name: &str) -> String {
    TOKEN.encode(format!("after {name}"))
}

fn read_token(token: &str) -> S3Result<String> {
    let text = TOKEN.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.strip_prefix("after ").map(str::to_owned))
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

fn split(page: Page, encoding: Encoding, owned: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut contents, mut prefixes) = (Vec::with_capacity(page.lines.len()), Vec::new());
    for line in page.lines {
        match line {
            Line::Object(key, object) => contents.push(listed(encoding.apply(&key), &object, owned)),
            Line::CommonPrefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(encoding.apply(&prefix)) }),
        }
    }
    (contents, prefixes)
}

fn listed(key: String, object: &StoredObject, owned: bool) -> Object {
    let class = object.attributes.storage_class.clone().unwrap_or("STANDARD".to_owned());
    let algorithms: Vec<ChecksumAlgorithm> =
        object.checksums.algorithms().map(|algorithm| algorithm.name().to_owned().into()).collect();
    Object {
        key: Some(key),
        size: Some(object.size() as i64),
        e_tag: Some(ETag::Strong(object.etag().to_owned())),
        last_modified: Some(object.modified().into()),
        storage_class: Some(class.into()),
        checksum_type: object.checksums.kind(),
        checksum_algorithm: (!algorithms.is_empty()).then_some(algorithms),
        owner: owned.then(owner),
        restore_status: None,
    }
}
