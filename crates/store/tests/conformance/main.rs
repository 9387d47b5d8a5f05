//! Every back end passes the same suite, on every server: one test a server, which starts once and runs all cases side
//! by side. What a server does differently is listed beside its test, and described in `docs/stores.md`.

mod amazon_s3;
mod azurite;
mod ceph;
mod in_memory_s3;
mod local_directory;
mod memory;
mod moto;
mod page;
mod seaweedfs;
mod suite;
