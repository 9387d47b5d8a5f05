//! What is measured, as data: each case says what the source holds, where the ends stand and what is to be done.

use clap::ValueEnum;
use serde::Serialize;

use super::{end::ServerKind, stock::Stock};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// 50,000 objects of 4 KiB, from one endpoint to another
    Small,
    /// 40 objects of 64 MiB on SeaweedFS, in one part each and in parts
    Large,
    /// One object of 8 GiB, to a server that digests it and keeps nothing
    Huge,
    /// 1,000,000 keys on both sides, and nothing to copy
    Nochange,
    /// The same, each page after 30 ms
    NochangeFar,
    /// 1,000,000 keys in one folder, each page after 50 ms
    Listing,
    /// 10,000 objects of 1 MiB, from one prefix to another at the same endpoint
    Same,
    /// 4,000 objects from 1 B to 16 MiB
    Mixed,
    /// 200 archives of 8 MiB, unpacked on the way to two destinations
    Unpack,
    /// 5,000 objects of 4 KiB, to a server that answers 503 beyond 500 requests a second; 600 of 4 MiB, beyond 25
    Refused,
}

/// What a program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Task {
    /// Everything to an empty place.
    Copy,
    /// The same, unpacked.
    Unpack,
    /// Find out that there is nothing to do.
    Compare,
    /// Print every key.
    List,
}

/// For what a peer is tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests decide.
    Small,
    /// Bytes decide.
    Large,
}

/// What must hold of our own runs, on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// One GET and one PUT for each object, a listing, and nothing else.
    TwoRequests,
    /// The source is read once: one GET for each object or each of its parts, whatever the number of destinations.
    ReadOnce,
    /// No HEAD.
    NoHead,
    /// Nothing but listings, and of them as many as there are pages and so many in a hundred more; a range that was split
    /// off may end in a page that is not full.
    OnlyPages { sides: u64, more: u64 },
    /// Whatever is read, or copied by the server, is of the version that was listed.
    Pinned,
    /// One request for each object, which carries no bytes, a listing, and nothing else.
    NoBytes,
    /// One request in twenty is refused at most (each may cost another GET), and the destination gets about as many as it
    /// takes: where a server limits the rate, that is a matter of the client alone.
    FewRefusals,
}

/// One table of results.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Case {
    /// Of its files.
    pub(crate) name: String,
    /// For people.
    pub(crate) title: String,
    pub(crate) server: ServerKind,
    pub(crate) stock: Stock,
    pub(crate) task: Task,
    /// Both ends are at one endpoint.
    pub(crate) together: bool,
    pub(crate) destinations: usize,
    /// Milliseconds before each page of a listing.
    pub(crate) page_delay: u64,
    /// Requests a second beyond which the destination answers 503.
    pub(crate) refuses_above: Option<u32>,
    #[serde(skip)]
    pub(crate) kind: Kind,
    #[serde(skip)]
    pub(crate) bounds: &'static [Bound],
}

impl Case {
    /// Whether the testbed's server holds the objects from the start, without their bytes where they need not be held.
    pub(crate) fn is_planted(&self) -> bool {
        self.server == ServerKind::Testbed
            && match self.stock {
                Stock::Alike { count, size } | Stock::Parts { count, size, .. } => count * size > GIB,
                Stock::Mixed { .. } | Stock::Archives { .. } | Stock::Numbered { .. } => true,
            }
    }

    /// Only its parts can be under way at the same time.
    pub(crate) fn is_one_object(&self) -> bool {
        self.stock.count() == 1
    }

    /// The same on another server.
    pub(crate) fn on(mut self, server: ServerKind) -> Self {
        self.name += &format!("-on-{}", server.slug());
        Self { server, ..self }
    }

    /// Whether the server can hold and do it: only the testbed's makes objects up, and refuses requests.
    pub(crate) fn can_run(&self) -> bool {
        let special = matches!(self.stock, Stock::Archives { .. } | Stock::Numbered { .. });
        self.server == ServerKind::Testbed || !special && self.refuses_above.is_none()
    }

    fn new(name: &'static str, stock: Stock, task: Task, bounds: &'static [Bound]) -> Self {
        Self {
            name: name.to_owned(),
            title: String::new(),
            server: ServerKind::Testbed,
            stock,
            task,
            together: false,
            destinations: 1,
            page_delay: 0,
            refuses_above: None,
            kind: Kind::Small,
            bounds,
        }
    }
}

impl Workload {
    /// Its cases, `scale` times as large as they should be.
    pub(crate) fn cases(self, scale: f64) -> Vec<Case> {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small numbers
        let of = |count: u64| ((count as f64 * scale).round() as u64).max(1);
        let large = |name, stock| Case {
            server: ServerKind::Seaweed,
            kind: Kind::Large,
            ..Case::new(name, stock, Task::Copy, &[Bound::NoHead, Bound::ReadOnce, Bound::Pinned])
        };
        let compare = |name, page_delay| Case {
            together: true,
            page_delay,
            ..Case::new(
                name,
                Stock::Numbered { count: of(1_000_000), padding: 0, size: 7 },
                Task::Compare,
                &[Bound::OnlyPages { sides: 2, more: 5 }],
            )
        };
        let cases = match self {
            Self::Small => {
                let stock = Stock::Alike { count: of(50_000), size: 4 * KIB };
                vec![Case::new("small", stock, Task::Copy, &[Bound::TwoRequests, Bound::NoHead, Bound::Pinned])]
            }
            Self::Large => vec![
                large("large-single", Stock::Alike { count: of(40), size: 64 * MIB }),
                large("large-parts", Stock::Parts { count: of(40), size: 64 * MIB, part: 8 * MIB }),
            ],
            Self::Huge => vec![Case {
                server: ServerKind::Testbed,
                // S3 holds nothing beyond 5 GiB in one part; these are what `aws s3 cp` makes.
                ..large("huge", Stock::Parts { count: 1, size: of(8 << 10).max(1025) * MIB, part: 8 * MIB })
            }],
            Self::Nochange => vec![compare("nochange", 0)],
            Self::NochangeFar => vec![compare("nochange-far", 30)],
            Self::Listing => vec![Case {
                together: true,
                page_delay: 50,
                ..Case::new(
                    "listing",
                    Stock::Numbered { count: of(1_000_000), padding: 0, size: 7 },
                    Task::List,
                    &[Bound::OnlyPages { sides: 1, more: 20 }],
                )
            }],
            Self::Same => vec![Case {
                together: true,
                ..Case::new(
                    "same",
                    Stock::Alike { count: of(10_000), size: MIB },
                    Task::Copy,
                    &[Bound::NoBytes, Bound::NoHead, Bound::Pinned],
                )
            }],
            Self::Mixed => {
                let stock = Stock::Mixed { count: of(4000), largest: 16 * MIB };
                vec![Case::new("mixed", stock, Task::Copy, &[Bound::TwoRequests, Bound::NoHead, Bound::Pinned])]
            }
            Self::Unpack => vec![Case {
                destinations: 2,
                kind: Kind::Large,
                ..Case::new(
                    "unpack",
                    Stock::Archives { count: of(200), size: 8 * MIB },
                    Task::Unpack,
                    &[Bound::ReadOnce, Bound::NoHead, Bound::Pinned],
                )
            }],
            Self::Refused => {
                let refused = |name, count, size, rate, kind| Case {
                    refuses_above: Some(rate),
                    kind,
                    ..Case::new(
                        name,
                        Stock::Alike { count: of(count), size },
                        Task::Copy,
                        &[Bound::FewRefusals, Bound::NoHead, Bound::Pinned],
                    )
                };
                vec![
                    refused("refused", 5000, 4 * KIB, 500, Kind::Small),
                    refused("refused-large", 600, 4 * MIB, 25, Kind::Large),
                ]
            }
        };
        cases.into_iter().map(Case::titled).collect()
    }
}

impl Case {
    fn titled(mut self) -> Self {
        let size = |bytes: u64| match bytes {
            bytes if bytes >= GIB && bytes % GIB == 0 => format!("{} GiB", bytes / GIB),
            bytes if bytes >= MIB => format!("{} MiB", bytes / MIB),
            bytes => format!("{} KiB", bytes / KIB),
        };
        self.title = match self.stock {
            Stock::Alike { count, size: bytes } => format!("{count} objects of {}, each in one part", size(bytes)),
            Stock::Parts { count: 1, size: bytes, part } => {
                format!("one object of {}, in parts of {}", size(bytes), size(part))
            }
            Stock::Parts { count, size: bytes, part } => {
                format!("{count} objects of {}, each in parts of {}", size(bytes), size(part))
            }
            Stock::Mixed { count, largest } => format!("{count} objects from 1 B to {}, log-uniform", size(largest)),
            Stock::Archives { count, size: bytes } => format!("{count} gzip archives of {}", size(bytes)),
            Stock::Numbered { count, .. } => format!("{count} keys, up to a million in one folder"),
        };
        self
    }
}
