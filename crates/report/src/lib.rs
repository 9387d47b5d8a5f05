//! What became of a run: a versioned JSON report that is written as the run goes, the list of failed objects, and a
//! summary for people.
//!
//! Nothing here grows with the number of objects: [`ReportWriter`] writes each object when it is done, and [`Totals`]
//! counts. The report's fields are described in `docs/report.md`.
//!
//! ```
//! use transship_report::{DestinationReport, Ending, Header, ObjectReport, Report, ReportWriter, Totals};
//! use transship_types::{Key, Outcome, Strength};
//!
//! let mut totals = Totals::default();
//! let mut writer = ReportWriter::start(Vec::new(), &Header::new("example", "1.0.0", "sync"))?;
//! let mut object = ObjectReport::new(Key::from("2024-05-06/sales.csv"));
//! object.size = Some(1234);
//! let copied = Outcome::Copied { verified: Strength::Md5 };
//! object.destinations.push(DestinationReport::new("archive", Key::from("sales.csv"), copied));
//! totals.add(&object);
//! writer.object(&object)?;
//! let json = writer.finish(&Ending::now(0), &totals)?;
//!
//! let report = Report::read(&json[..])?;
//! assert_eq!(report.objects, [object]);
//! assert_eq!(report.totals.counts.copied, 1);
//! # Ok::<(), transship_report::Error>(())
//! ```

mod error;
mod failed_list;
mod failures;
mod header;
mod object;
mod output_file;
mod seconds;
mod summary;
mod totals;
mod writer;

pub use error::{Error, Result};
pub use failed_list::FailedList;
pub use failures::{Failures, Reason};
pub use header::{Ending, Header, Place, StoreRequests};
pub use object::{DestinationReport, Former, ObjectReport, Verdict};
pub use output_file::OutputFile;
pub use summary::Summary;
pub use totals::{Counts, DestinationTotals, Totals};
pub use writer::{Report, ReportWriter, SCHEMA};
