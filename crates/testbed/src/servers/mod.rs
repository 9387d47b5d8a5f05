//! Real servers for tests, without containers: Ceph RGW, SeaweedFS, moto and Azurite.
//!
//! [`Server::start`] looks for each in this order: an address in the environment, a program on `PATH`, what
//! [`install`] put under `target/testbed`, and a container where the feature `containers` is on and an engine
//! answers. Servers that are started here listen on free loopback ports, keep their data in a temporary directory,
//! count as started when a signed request has succeeded, and end with the value - or with the process, however that
//! ends.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use transship_testbed::servers::{Server, ServerKind};
//!
//! if let Some(ceph) = Server::start(ServerKind::Ceph).await? {
//!     ceph.create_bucket("reports").await?;
//!     let bucket = transship_store::open(&ceph.bucket_spec("reports"))?;
//!     bucket.probe().await?;
//! }
//! # Ok(()) }
//! ```

mod address;
mod azurite;
mod ceph;
#[cfg(feature = "containers")]
mod containers;
mod guard;
mod install;
mod kind;
mod moto;
mod peer;
mod place;
mod ports;
mod seaweed;
mod server;
mod skipped;
mod wire;

pub use install::{Packages, install};
pub use kind::ServerKind;
pub use peer::peer_or_skip;
pub use place::testbed_directory;
pub use server::Server;
pub use skipped::{forget_skipped, skipped};
