//! Parse object keys with one template and render them with another (repartitioning).
//!
//! A source [`Template`] takes a key apart: its `{name}` groups are lazy (each takes as little as it can, the first
//! one first), may span `/` and everything else, and the whole key must match. A destination template puts the
//! groups together again, over the [`Defaults`] of the run. [`KeyMap`] is the whole rule by which one destination
//! names its objects.
//!
//! ```
//! use transship_keys::{Defaults, Formatter, Template};
//!
//! let source = Template::parse("{date}/{collection}.{ext}")?;
//! let destination = Template::parse("{collection}/historic/{date}-{collection}.{ext}")?;
//! let formatter = Formatter::new(&source, &destination)?;
//! let defaults = Defaults::at(time::OffsetDateTime::now_utc());
//! assert_eq!(
//!     formatter.format("2020-01-01/orders.csv", &defaults)?,
//!     "orders/historic/2020-01-01-orders.csv"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod defaults;
mod error;
mod formatter;
mod map;
mod matching;
mod template;

pub use defaults::Defaults;
pub use error::{FormatError, TemplateError, TemplateProblem};
pub use formatter::{Captures, Formatter};
pub use map::{KeyMap, Mapped, unpacked_key};
pub use template::Template;
