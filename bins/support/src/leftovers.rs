use std::{fs, path::Path};

use transship_store::is_unfinished_file_of;
use transship_transfer::Unfinished;

/// A line for each thing that stays of an upload when a run is ended at once, and how to get rid of it.
pub fn removal(upload: &Unfinished) -> Vec<String> {
    let Unfinished { location, key, .. } = upload;
    match location.split_once("://") {
        Some(("file", folder)) => files(&Path::new(folder).join(key.as_str())),
        Some(("s3", place)) => vec![at_s3(upload, place)],
        Some(("az", _)) => {
            vec![format!(
                "uncommitted blocks of {key} in {location}: they are no object, and Azure drops them in a week"
            )]
        }
        Some(("gs", _)) => vec![format!(
            "an unfinished upload of {key} in {location}: a lifecycle rule with AbortIncompleteMultipartUpload removes it"
        )],
        _ => Vec::new(),
    }
}

/// A file is written under another name, and renamed when it is whole.
fn files(path: &Path) -> Vec<String> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy();
    let names =
        fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|file| file.file_name().into_string().ok());
    names
        .filter(|found| is_unfinished_file_of(&name, found))
        .map(|found| format!("the unfinished file {}: remove it", folder.join(found).display()))
        .collect()
}

fn at_s3(upload: &Unfinished, place: &str) -> String {
    let (bucket, endpoint) = place.split_once(" at ").unwrap_or((place, ""));
    let elsewhere = !["", "AWS"].contains(&endpoint);
    let endpoint = if elsewhere { format!(" --endpoint-url {}", quoted(endpoint)) } else { String::new() };
    let (key, id) = (quoted(upload.key.as_str()), quoted(&upload.upload_id));
    format!(
        "an unfinished upload: remove it with `aws s3api abort-multipart-upload{endpoint} --bucket {bucket} --key {key} \
         --upload-id {id}`, or let a lifecycle rule of the bucket do so"
    )
}

/// For a shell: control characters need the form that bash and zsh know.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:~+".contains(c);
    if !text.is_empty() && !text.starts_with('~') && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let escaped = |c: char| match c {
        '\'' | '\\' => format!("\\{c}"),
        c if c.is_control() => c.to_string().bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        c => c.to_string(),
    };
    format!("$'{}'", text.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(location: &str, key: &str) -> Vec<String> {
        let upload_id = "2~a/b+c=".to_owned();
        removal(&Unfinished { location: location.to_owned(), key: key.into(), upload_id })
    }

    #[test]
    fn every_kind_of_store_has_its_own_way() {
        let expected = "an unfinished upload: remove it with `aws s3api abort-multipart-upload --endpoint-url \
                        http://127.0.0.1:1 --bucket lake --key 'it'\\''s' --upload-id '2~a/b+c='`, or let a lifecycle \
                        rule of the bucket do so";
        assert_eq!(of("s3://lake at http://127.0.0.1:1", "it's"), [expected]);
        assert!(of("s3://lake at http://h", "a\n'\u{85}")[0].contains(r"--key $'a\x0a\'\xc2\x85' --upload"));
        assert!(of("s3://lake at AWS", "a")[0].contains("upload --bucket lake --key a --upload-id"));
        assert!(of("az://account/box", "a")[0].contains("uncommitted blocks of a in az://account/box"));
        assert!(of("gs://bucket", "a")[0].contains("lifecycle rule"));
        assert_eq!(of("memory://m", "a"), [""; 0]);
        assert_eq!(of("file:///no/such/folder", "a"), [""; 0]);
    }
}
