//! What must hold of our own runs, on every machine. Times are for people to judge, but for one: how long a server that
//! limits the rate is made to wait.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    contender::Contender,
    race::Sample,
    stock::Stock,
    workload::{Bound, Case},
};

/// GETs that bring every byte once.
fn reads(stock: Stock) -> u64 {
    match stock {
        Stock::Parts { count, size, part } => count * size.div_ceil(part),
        stock => stock.count(),
    }
}

/// Pages beyond those that are allowed for their number, where there are few.
const SPARE_PAGES: u64 = 32;

/// The most listings that may be sent where there are so many pages, and `more` in a hundred may come on top.
pub(crate) fn most_pages(pages: u64, more: u64) -> u64 {
    pages * (100 + more) / 100 + SPARE_PAGES
}

/// What does not hold of a run, for people.
pub(crate) fn broken(case: &Case, contender: &Contender, sample: &Sample) -> Vec<String> {
    // Where more memory is asked for than there is by default, so are more pages that are not full.
    let judged = |bound: &&Bound| contender.most_memory.is_some() || !matches!(bound, Bound::OnlyPages { .. });
    let bounds = case.bounds.iter().filter(judged);
    let mut broken: Vec<_> = bounds.filter_map(|bound| bound.broken(case, sample)).collect();
    if let Some(most) = contender.most_memory
        && sample.usage.peak > most
    {
        broken.push(format!("peak memory of {} MiB, beyond {}", sample.usage.peak >> 20, most >> 20));
    }
    if case.is_mixed() && sample.requests.is_some() && sample.small_objects.is_none() {
        broken.push("not every small object was seen to be read and written".to_owned());
    }
    broken.into_iter().map(|what| format!("{}: {what}", contender.name)).collect()
}

/// How many copies a run says that it verified by what the two stores know of the content, without reading it again.
///
/// # Errors
/// It printed no summary in JSON.
pub(crate) fn verified(printed: &str) -> Result<u64> {
    let json = printed.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
    let verified = json.as_ref().and_then(|json| json.pointer("/totals/verified")).and_then(Value::as_object);
    let verified = verified.context("the run printed no summary")?.iter();
    let by_content = verified.filter(|(name, _)| ["md5", "multipart-etag"].contains(&name.as_str()));
    Ok(by_content.filter_map(|(_, count)| count.as_u64()).sum())
}

impl Bound {
    #[allow(clippy::cast_precision_loss)] // thousands of objects
    fn broken(self, case: &Case, sample: &Sample) -> Option<String> {
        let requests = sample.requests.as_ref()?;
        let of = |operation: &str| requests.get(operation).copied().unwrap_or(0);
        let (all, objects) = (requests.values().sum::<u64>(), case.stock.count());
        let heads = of("HeadObject");
        let listings = of("ListObjectsV2") + of("ListObjects");
        let (holds, rule) = match self {
            Self::TwoRequests => {
                let alone = all == 2 * objects + listings && listings <= objects.div_ceil(1000) + 16;
                let each = of("GetObject") == objects && of("PutObject") == objects;
                (alone && each, "one GET and one PUT an object, and listings")
            }
            Self::ReadOnce => (of("GetObject") == reads(case.stock), "the source is read once"),
            Self::NoHead => (heads == 0, "no HEAD"),
            Self::OnlyPages { sides, more } => {
                let few = listings <= most_pages(sides * objects.div_ceil(1000), more);
                (listings == all && few, "nothing but one listing of each side")
            }
            Self::Pinned => (sample.unpinned == Some(0), "every read is of the version that was listed"),
            Self::FewRefusals => {
                let few = of("GetObject").max(of("PutObject")) <= objects + objects / 20 && of("UploadPart") == 0;
                let best = case.refuses_above.map_or(0.0, |rate| objects as f64 / f64::from(rate));
                let rule = "few requests are refused, and nearly as many are sent as may be";
                (few && sample.usage.wall < 1.2 * best + 1.0, rule)
            }
            Self::NoBytes => {
                let few = listings <= objects.div_ceil(1000) + 16;
                let copies = of("CopyObject") == objects && all == objects + listings;
                (few && copies, "one request an object, and no bytes through the client")
            }
        };
        let wall = sample.usage.wall;
        (!holds).then(|| format!("not true: {rule}; requests {requests:?} in {wall:.2} s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{measure::Usage, workload::Workload};

    fn sample(requests: &[(&str, u64)], wall: f64, unpinned: u64) -> Sample {
        Sample {
            round: 1,
            contender: "ours",
            command: String::new(),
            usage: Usage { wall, user: 0.0, system: 0.0, peak: 0 },
            requests: Some(requests.iter().map(|(operation, n)| ((*operation).to_owned(), *n)).collect()),
            small_objects: None,
            unpinned: Some(unpinned),
        }
    }

    /// What is broken in the first case of a workload of full size.
    fn broken(workload: Workload, requests: &[(&str, u64)], wall: f64, unpinned: u64) -> Vec<&'static Bound> {
        let cases = workload.cases(1.0);
        let (case, sample) = (&cases[0], sample(requests, wall, unpinned));
        case.bounds.iter().filter(|bound| bound.broken(case, &sample).is_some()).collect()
    }

    const LIST: &str = "ListObjectsV2";
    const GET: &str = "GetObject";
    const PUT: &str = "PutObject";
    const COPY: &str = "CopyObject";
    const HEAD: &str = "HeadObject";

    #[test]
    fn what_is_asked_for_passes_and_a_little_more_does_not() {
        use Bound::{FewRefusals, NoBytes, NoHead, Pinned, ReadOnce, TwoRequests};
        use Workload::{Huge, Listing, Mixed, Nochange, Refused, Same, Small, Unpack};

        let small = |gets, heads, unpinned| {
            broken(Small, &[(LIST, 53), (GET, gets), (PUT, 50_000), (HEAD, heads)], 9.0, unpinned)
        };
        assert_eq!(small(50_000, 0, 0), [] as [&Bound; 0]);
        assert_eq!(small(50_001, 0, 0), [&TwoRequests]);
        assert_eq!(small(50_000, 1, 0), [&TwoRequests, &NoHead]);

        assert_eq!(small(50_000, 0, 1), [&Pinned]);
        let more = |operation| broken(Small, &[(LIST, 53), (GET, 50_000), (PUT, 50_000), (operation, 1)], 9.0, 0);
        assert_eq!(more("GetObjectTagging"), [&TwoRequests]);

        let mixed = |unpinned| broken(Mixed, &[(LIST, 5), (GET, 4000), (PUT, 4000)], 9.0, unpinned);
        assert_eq!((mixed(0), mixed(1)), (vec![], vec![&Pinned]));

        let huge = |gets| broken(Huge, &[(LIST, 2), (GET, gets), ("UploadPart", 1024)], 9.0, 0);
        assert_eq!((huge(1024), huge(1025)), (vec![], vec![&ReadOnce]));

        let unpack = |gets| broken(Unpack, &[(LIST, 3), (GET, gets), (PUT, 400)], 9.0, 0);
        assert_eq!((unpack(200), unpack(400)), (vec![], vec![&ReadOnce]));

        let same = |puts, heads| broken(Same, &[(LIST, 12), (COPY, 10_000), (PUT, puts), (HEAD, heads)], 9.0, 0);
        assert_eq!(same(0, 0), [] as [&Bound; 0]);
        assert_eq!(same(1, 0), [&NoBytes]);
        assert_eq!(same(0, 1), [&NoBytes, &NoHead]);

        let pages = |workload, pages, heads| broken(workload, &[(LIST, pages), (HEAD, heads)], 9.0, 0).len();
        assert_eq!((pages(Nochange, 2132, 0), pages(Nochange, 2133, 0), pages(Nochange, 2000, 1)), (0, 1, 1));
        assert_eq!((pages(Listing, 1232, 0), pages(Listing, 1233, 0)), (0, 1));

        // Ten seconds are the least.
        let refused = |puts, wall| broken(Refused, &[(LIST, 6), (GET, 5000), (PUT, puts)], wall, 0);
        assert_eq!(refused(5250, 12.5), [] as [&Bound; 0]);
        assert_eq!(refused(5251, 12.5), [&FewRefusals]);
        assert_eq!(refused(5000, 13.5), [&FewRefusals]);
    }

    #[test]
    fn only_what_was_compared_by_content_counts() {
        let printed = r#"{"totals":{"verified":{"md5":3,"multipart-etag":2,"size":4}}}"#;
        assert_eq!(verified(&format!("a line\n{printed}")).unwrap(), 5);
        assert_eq!(verified(r#"{"totals":{"verified":{"size":4}}}"#).unwrap(), 0);
        assert!(verified("no summary").is_err() && verified("{}").is_err());
    }
}
