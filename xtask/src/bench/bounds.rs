//! What must hold of our own runs. Times are for people to judge; these hold on every machine.

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

/// What does not hold of a run, for people.
pub(crate) fn broken(case: &Case, contender: &Contender, sample: &Sample) -> Vec<String> {
    let mut broken: Vec<_> = case.bounds.iter().filter_map(|bound| bound.broken(case, sample)).collect();
    if let Some(most) = contender.most_memory
        && sample.usage.peak > most
    {
        broken.push(format!("peak memory of {} MiB, beyond {}", sample.usage.peak >> 20, most >> 20));
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
                let few = all <= 2 * objects + objects.div_ceil(1000) + 16;
                (few && of("GetObject") == objects && of("PutObject") == objects, "one GET and one PUT an object")
            }
            Self::ReadOnce => (of("GetObject") == reads(case.stock), "the source is read once"),
            Self::NoHead => (heads == 0, "no HEAD"),
            Self::OnlyPages { sides, more } => {
                let most = sides * objects.div_ceil(1000) * (100 + more) / 100 + SPARE_PAGES;
                (listings == all && listings <= most, "nothing but one listing of each side")
            }
            Self::Pinned => (sample.unpinned == Some(0), "every read is of the version that was listed"),
            Self::FewRefusals => {
                let few = of("GetObject").max(of("PutObject")) <= objects + objects / 20;
                let best = case.refuses_above.map_or(0.0, |rate| objects as f64 / f64::from(rate));
                let rule = "few requests are refused, and nearly as many are sent as may be";
                (few && sample.usage.wall < 1.4 * best + 2.0, rule)
            }
            Self::NoBytes => {
                let few = all <= objects + objects.div_ceil(1000) + 16;
                (few && of("CopyObject") == objects, "one request an object, and no bytes through the client")
            }
        };
        (!holds).then(|| format!("not true: {rule}; requests {requests:?}"))
    }
}
