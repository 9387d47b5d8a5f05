//! Gzip on the way.

use async_compression::tokio::bufread::GzipDecoder;
use futures::{StreamExt, TryStreamExt};
use tokio_util::io::{ReaderStream, StreamReader};
use transship_store::{ByteStream, Error, ErrorKind};
use transship_types::ErrorClass;

const CHUNK: usize = 128 << 10;

/// The most that DEFLATE makes of one byte: <https://zlib.net/zlib_tech.html>.
const LARGEST_RATIO: u64 = 1032;

/// Bytes that a gzip archive of `packed` bytes unpacks to, at most.
pub(crate) fn largest_unpacked(packed: u64) -> u64 {
    packed.saturating_mul(LARGEST_RATIO)
}

/// The unpacked bytes of a gzip stream, all members of it. Each member's CRC and length are checked.
///
/// An error of `packed` comes out as it is; anything else that goes wrong is the content's fault and permanent.
pub(crate) fn gunzip(packed: ByteStream) -> ByteStream {
    let reader = StreamReader::new(packed.map_err(std::io::Error::other));
    let mut decoder = GzipDecoder::new(reader);
    decoder.multiple_members(true);
    ReaderStream::with_capacity(decoder, CHUNK).map_err(unwrap).boxed()
}

fn unwrap(error: std::io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => Error::new(ErrorKind::InvalidRequest, format!("the object is no intact gzip archive: {error}"))
            .with_class(ErrorClass::Permanent),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use futures::stream;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn unpack(packed: &[u8], cut: usize) -> Result<Vec<u8>, Error> {
        let chunks: Vec<_> = packed.chunks(cut).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        let parts: Vec<Bytes> = gunzip(stream::iter(chunks).boxed()).try_collect().await?;
        Ok(parts.concat())
    }

    #[tokio::test]
    async fn every_member_is_unpacked_however_the_bytes_arrive() {
        let packed = [gzip(b"one,"), gzip(b""), gzip(&vec![b'x'; 300_000])].concat();
        for cut in [1, 7, 4096, packed.len()] {
            let unpacked = unpack(&packed, cut).await.unwrap();
            assert_eq!((unpacked.len(), &unpacked[..5]), (300_004, &b"one,x"[..]));
        }
    }

    #[tokio::test]
    async fn what_is_cut_short_damaged_or_no_gzip_fails_for_good() {
        let packed = gzip(&vec![b'x'; 100_000]);
        let mut wrong_crc = packed.clone();
        let at = wrong_crc.len() - 8;
        wrong_crc[at] ^= 1;
        let mut wrong_length = packed.clone();
        let at = wrong_length.len() - 1;
        wrong_length[at] ^= 1;
        let mut trailing = packed.clone();
        trailing.extend_from_slice(b"no gzip behind it");
        for bad in
            [&packed[..packed.len() - 1], &packed[..20], &wrong_crc, &wrong_length, b"plain text", b"", &trailing]
        {
            let error = unpack(bad, 4096).await.unwrap_err();
            assert_eq!(error.class(), ErrorClass::Permanent, "{error}");
        }
    }

    #[tokio::test]
    async fn an_error_of_the_source_stays_what_it_is() {
        let broken = stream::iter([Err(Error::new(ErrorKind::AccessDenied, "denied"))]).boxed();
        let error = gunzip(broken).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
    }
}
