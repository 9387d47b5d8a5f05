use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use bytes::Bytes;
use transship_store::{Body, Bucket, Error, ErrorKind, PutOptions, RetryOptions, Upload, retry};
use transship_types::Key;

/// The most that is in memory at once.
const PART: u64 = 8 << 20;

/// Uploads a file as JSON: in one request where it is small, in parts of 8 MiB otherwise.
pub(crate) async fn upload(file: &mut File, bucket: &dyn Bucket, key: &Key) -> Result<(), Error> {
    let length = file.seek(SeekFrom::End(0)).map_err(|e| unreadable(&e))?;
    let limits = bucket.capabilities().multipart;
    let part = PART.max(limits.min_part).max(length.div_ceil(u64::from(limits.max_parts.max(1))));
    let mut options = PutOptions::default();
    options.attributes.content_type = Some("application/json".into());
    file.rewind().map_err(|e| unreadable(&e))?;
    let tries = RetryOptions::default();
    if length <= part {
        let bytes = read(file, length)?;
        retry(&tries, |_| bucket.put(key, Body::bytes(bytes.clone()), &options)).await?;
        return Ok(());
    }
    let upload = retry(&tries, |_| bucket.create_upload(key, &options)).await?;
    let done = put_parts(file, length, part, bucket, &upload, &options).await;
    if done.is_err() {
        // The first error is the one that matters.
        let _ = bucket.abort_upload(&upload).await;
    }
    done
}

async fn put_parts(
    file: &mut File,
    length: u64,
    size: u64,
    bucket: &dyn Bucket,
    upload: &Upload,
    options: &PutOptions,
) -> Result<(), Error> {
    let tries = RetryOptions::default();
    let plain = PutOptions::default();
    let mut parts = Vec::new();
    let mut left = length;
    for number in 1.. {
        let bytes = read(file, left.min(size))?;
        left -= bytes.len() as u64;
        parts.push(retry(&tries, |_| bucket.put_part(upload, number, Body::bytes(bytes.clone()), &plain)).await?);
        if left == 0 {
            break;
        }
    }
    match retry(&tries, |_| bucket.complete_upload(upload, &parts, options)).await {
        // The reply to an earlier attempt was lost: look whether that one had done it.
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
            let there = bucket.head(&upload.key).await.is_ok_and(|info| info.size == length);
            if there { Ok(()) } else { Err(error) }
        }
        done => done.map(drop),
    }
}

fn read(file: &mut File, length: u64) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 == length { Ok(bytes.into()) } else { Err(Error::truncated(length, bytes.len() as u64)) }
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("read the report again: {error}"))
}
