//! `--min-age` and `--max-age`, as dates and as spans.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use crate::time;

/// Which objects an age lets in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    limit: Limit,
    since: Since,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    Min,
    Max,
}

#[derive(Clone, Copy, Debug)]
enum Since {
    /// Just after the second time of three.
    Date,
    /// The same, as it is said on the day of the test.
    Span,
    /// All that was written for the test is newer, and all that is old is older.
    AnHour,
}

impl Age {
    pub(crate) fn flag(self) -> String {
        let name = match self.limit {
            Limit::Min => "min",
            Limit::Max => "max",
        };
        match self.since {
            Since::Date => format!("--{name}-age=2023-11-14T22:14:21"),
            Since::Span => format!("--{name}-age={}s", self.begin().elapsed().unwrap().as_secs()),
            Since::AnHour => format!("--{name}-age=1h"),
        }
    }

    pub(crate) fn lets_in(self, modified: SystemTime) -> bool {
        match self.limit {
            Limit::Min => modified <= self.begin(),
            Limit::Max => modified >= self.begin(),
        }
    }

    /// All times lie at least 40 seconds after it or before it: so long may a span take until it is looked at.
    fn begin(self) -> SystemTime {
        match self.since {
            Since::Date | Since::Span => time(1) + Duration::from_secs(1),
            Since::AnHour => SystemTime::now() - Duration::from_secs(3600),
        }
    }
}

pub(crate) fn age() -> impl Strategy<Value = Age> {
    let limit = prop::sample::select(vec![Limit::Min, Limit::Max]);
    let since = prop::sample::select(vec![Since::Date, Since::Span, Since::AnHour]);
    (limit, since).prop_map(|(limit, since)| Age { limit, since })
}
