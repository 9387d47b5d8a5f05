use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::{Ending, Error, Header, ObjectReport, Result, Totals, seconds};

/// The version of the report's form. Fields may be added under the same version; a reader must ignore those that it
/// does not know.
pub const SCHEMA: &str = "transship.report/1";

/// Writes a report as the run goes: one JSON document, with the objects one a line, and the totals at its end.
/// It is valid JSON only after [`finish`](Self::finish).
#[derive(Debug)]
pub struct ReportWriter<W: Write> {
    out: W,
    header: Header,
    empty: bool,
}

#[derive(Serialize, Deserialize)]
struct Head<H> {
    schema: String,
    #[serde(flatten)]
    header: H,
}

#[derive(Serialize)]
struct Tail<'a> {
    #[serde(flatten)]
    ending: &'a Ending,
    elapsed_seconds: f64,
    objects_per_second: f64,
    bytes_written_per_second: f64,
    totals: &'a Totals,
}

impl<W: Write> ReportWriter<W> {
    /// Starts a report. Writes are small: give it a buffered writer.
    ///
    /// # Errors
    /// The writer's.
    pub fn start(mut out: W, header: &Header) -> Result<Self> {
        let mut json = serde_json::to_vec(&Head { schema: SCHEMA.to_owned(), header })?;
        json.pop(); // the brace that closes the document
        out.write_all(&json)?;
        out.write_all(b",\n\"objects\":[")?;
        Ok(Self { out, header: header.clone(), empty: true })
    }

    /// What is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// Writes one object.
    ///
    /// # Errors
    /// The writer's.
    pub fn object(&mut self, object: &ObjectReport) -> Result<()> {
        let json = serde_json::to_vec(object)?;
        self.out.write_all(if self.empty { b"\n" } else { b",\n" })?;
        self.out.write_all(&json)?;
        self.empty = false;
        Ok(())
    }

    /// Ends the report, and gives the writer back, flushed.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self, ending: &Ending, totals: &Totals) -> Result<W> {
        let elapsed = (ending.finished - self.header.started).try_into().unwrap_or_default();
        let elapsed_seconds = seconds::rounded(elapsed);
        #[allow(clippy::cast_precision_loss)] // a rate
        let rate = |count: u64| {
            if elapsed_seconds > 0.0 { (count as f64 / elapsed_seconds * 10.0).round() / 10.0 } else { 0.0 }
        };
        let tail = Tail {
            ending,
            elapsed_seconds,
            objects_per_second: rate(totals.objects),
            bytes_written_per_second: rate(totals.bytes_written),
            totals,
        };
        let json = serde_json::to_vec(&tail)?;
        self.out.write_all(b"\n],\n")?;
        self.out.write_all(&json[1..])?; // without the brace that opens a document
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A whole report in memory: for tests, and for small ones.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Report {
    /// [`SCHEMA`]
    pub schema: String,
    /// What was known at the start.
    #[serde(flatten)]
    pub header: Header,
    /// The objects, in the order in which they were done.
    pub objects: Vec<ObjectReport>,
    /// What was known at the end.
    #[serde(flatten)]
    pub ending: Ending,
    /// From start to end, in seconds.
    pub elapsed_seconds: f64,
    /// Objects per second.
    pub objects_per_second: f64,
    /// Bytes written per second, over all destinations.
    pub bytes_written_per_second: f64,
    /// The sums.
    pub totals: Totals,
}

impl Report {
    /// Reads a finished report.
    ///
    /// # Errors
    /// It is none, it was never finished, or it has another schema.
    pub fn read(from: impl Read) -> Result<Self> {
        let report: Self = serde_json::from_reader(std::io::BufReader::new(from))?;
        if report.schema == SCHEMA { Ok(report) } else { Err(Error::Schema { found: report.schema }) }
    }
}
