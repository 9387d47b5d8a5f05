//! An S3 server in this process, with its objects in memory.
//!
//! It speaks S3 as AWS does, holds keys as exact bytes, logs every request as it was on the wire, and can be made to
//! misbehave. Other tools can use it too: see [`serve_standalone`].
//!
//! ```
//! use transship_testbed::s3::{Effect, Fault, Operation, S3Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let server = S3Server::builder().bucket("source").start().await?;
//! server.put_object("source", "a//b", "exact keys");
//! let slow_downs = server.faults().add(Fault::answer(503, "SlowDown").on(Operation::GetObject).times(2));
//! // ... use `server.endpoint()`, `server.access_key()`, `server.secret_key()` ...
//! assert_eq!(server.keys("source"), ["a//b"]);
//! assert_eq!(slow_downs.count(), 0);
//! assert!(server.requests().is_empty());
//! # Ok(())
//! # }
//! ```

mod admission;
mod attributes;
mod backend;
mod bodies;
mod buckets;
mod builder;
mod checksums;
mod content;
mod copying;
mod documents;
mod effect;
mod encoding;
mod fault;
mod flow;
mod front;
mod hosts;
mod keys;
mod listener;
mod listing;
mod log;
mod multipart;
mod numbered;
mod object;
mod objects;
mod operation;
mod pages;
mod reading;
mod receive;
mod refusal;
mod server;
mod standalone;
mod store;
mod tls;
mod upload;
mod wire;

pub use admission::WrongRegion;
pub use builder::S3ServerBuilder;
pub use effect::{Effect, PageFault};
pub use fault::{Fault, FaultHits, Faults};
pub use log::{LogDetail, LoggedRequest};
pub use object::{Attributes, StoredObject};
pub use operation::Operation;
pub use server::S3Server;
pub use standalone::{StandaloneOptions, serve_standalone};
pub use store::Store;
pub use upload::UnfinishedUpload;
