//! What the micro-benchmark measures: it is of no use to anybody else.

use transship_store::ByteStream;

/// The unpacked bytes of a gzip stream.
pub fn gunzip(packed: ByteStream) -> ByteStream {
    crate::unpack::gunzip(packed)
}
