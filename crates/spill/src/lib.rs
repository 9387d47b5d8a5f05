//! Lists and maps that are kept in memory while they are small, and otherwise in a file without a name, which goes when
//! they go. Memory stays the same however much they hold.
//!
//! ```
//! use transship_spill::Table;
//!
//! let mut sizes = Table::new(&std::env::temp_dir());
//! sizes.insert("2024/b.csv", &7_u64)?;
//! sizes.insert("2024/a.csv", &3)?;
//! assert_eq!(sizes.get("2024/b.csv")?, Some(7));
//! assert_eq!(sizes.after("2024", 10)?, [("2024/a.csv".to_owned(), 3), ("2024/b.csv".to_owned(), 7)]);
//! # Ok::<(), transship_spill::Error>(())
//! ```

mod error;
mod spool;
mod table;
mod work_file;

pub use error::{Error, Result};
pub use spool::Spool;
pub use table::Table;
