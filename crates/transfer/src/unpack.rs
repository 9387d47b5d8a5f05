//! Gzip on the way.

use async_compression::tokio::bufread::GzipDecoder;
use bytes::BytesMut;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use tokio_util::io::StreamReader;
use transship_store::{ByteStream, Error, ErrorKind};
use transship_types::ErrorClass;

const CHUNK: usize = 128 << 10;

/// The most that DEFLATE makes of one byte: <https://zlib.net/zlib_tech.html>.
const LARGEST_RATIO: u64 = 1032;

/// Bytes that a gzip archive of `packed` bytes unpacks to, at most.
pub(crate) fn largest_unpacked(packed: u64) -> u64 {
    packed.saturating_mul(LARGEST_RATIO)
}

/// The unpacked bytes of a gzip stream, all members of it. Each member's CRC and length are checked. Zeros behind the
/// last member are the padding of tapes and blocks, and no content.
///
/// An error of `packed` comes out as it is; anything else that goes wrong is the content's fault and permanent.
pub(crate) fn gunzip(packed: ByteStream) -> ByteStream {
    let packed = StreamReader::new(packed.map_err(std::io::Error::other));
    let start = (GzipDecoder::new(packed), BytesMut::new());
    let unpacked = stream::try_unfold(Some(start), |members| async {
        let Some((mut member, mut bytes)) = members else { return Ok(None) };
        loop {
            bytes.reserve(if bytes.capacity() == 0 { CHUNK } else { 0 });
            if member.read_buf(&mut bytes).await? > 0 {
                return Ok(Some((bytes.split().freeze(), Some((member, bytes)))));
            }
            let mut behind = member.into_inner();
            match behind.fill_buf().await?.first() {
                None => return Ok(None),
                Some(0) => return only_zeros(behind).await.map(|()| None),
                Some(_) => member = GzipDecoder::new(behind),
            }
        }
    });
    unpacked.map_err(unwrap).boxed()
}

async fn only_zeros(mut rest: impl AsyncBufRead + Unpin) -> std::io::Result<()> {
    loop {
        let bytes = rest.fill_buf().await?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(std::io::Error::other("something follows the zeros behind its last member"));
        }
        match bytes.len() {
            0 => return Ok(()),
            length => rest.consume(length),
        }
    }
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
    async fn zeros_behind_the_last_member_are_padding() {
        let packed = [gzip(b"one,"), gzip(b"two"), vec![0; 10_000]].concat();
        for cut in [1, 7, 4096, packed.len()] {
            assert_eq!(unpack(&packed, cut).await.unwrap(), b"one,two", "{cut}");
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
        let mut padded = packed.clone();
        padded.extend_from_slice(b"\0\0\0\0 and more");
        let behind_padding = [packed.clone(), vec![0; 9], packed.clone()].concat();
        let second_cut_short = [&packed[..], &packed[..9]].concat();
        for bad in [
            &packed[..packed.len() - 1],
            &packed[..20],
            &wrong_crc,
            &wrong_length,
            b"plain text",
            b"",
            &[0; 100],
            &trailing,
            &padded,
            &behind_padding,
            &second_cut_short,
        ] {
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
