use crate::{Defaults, FormatError, Formatter};

/// The key without its last three characters, where these are exactly `.gz`.
///
/// ```
/// assert_eq!(transship_keys::unpacked_key("a/b.csv.gz"), Some("a/b.csv"));
/// assert_eq!(transship_keys::unpacked_key("a/b.csv.GZ"), None);
/// assert_eq!(transship_keys::unpacked_key("a/b.tgz"), None);
/// ```
pub fn unpacked_key(key: &str) -> Option<&str> {
    key.strip_suffix(".gz")
}

/// How one destination names its objects.
///
/// ```
/// use transship_keys::{Defaults, KeyMap};
///
/// let unpacking = KeyMap::new(None, true, Defaults::at(time::OffsetDateTime::now_utc()));
/// let mapped = unpacking.map("2020-01-01/orders.csv.gz")?;
/// assert_eq!((mapped.key.as_str(), mapped.unpack), ("2020-01-01/orders.csv", true));
/// # Ok::<(), transship_keys::FormatError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyMap {
    formatter: Option<Formatter>,
    unpack: bool,
    defaults: Defaults,
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The name at the destination, relative as the source's was.
    pub key: String,
    /// Whether the object is to be decompressed on its way.
    pub unpack: bool,
}

impl KeyMap {
    /// A map with these parts; without a formatter keys stay as they are. `unpack` drops `.gz` and decompresses.
    pub fn new(formatter: Option<Formatter>, unpack: bool, defaults: Defaults) -> Self {
        Self { formatter, unpack, defaults }
    }

    /// A map that leaves every key and every byte as it is.
    pub fn identity(defaults: Defaults) -> Self {
        Self::new(None, false, defaults)
    }

    /// The name of a source key at the destination; both are relative to their locations.
    ///
    /// An object is unpacked where its source key ends in `.gz`. The source template sees the key with its `.gz`; the
    /// suffix is dropped from the rendered key, if that still has it.
    ///
    /// # Errors
    /// As [`Formatter::format`], or nothing is left of the key but its dropped `.gz`. Never worth a retry.
    pub fn map(&self, key: &str) -> Result<Mapped, FormatError> {
        let unpack = self.unpack && unpacked_key(key).is_some();
        let mut mapped = match &self.formatter {
            Some(formatter) => formatter.format(key, &self.defaults)?,
            None => key.to_owned(),
        };
        if unpack && let Some(stem) = unpacked_key(&mapped) {
            mapped.truncate(stem.len());
            if mapped.is_empty() {
                return Err(FormatError::Empty { key: key.to_owned() });
            }
        }
        Ok(Mapped { key: mapped, unpack })
    }

    /// The formatter, where keys are renamed.
    pub fn formatter(&self) -> Option<&Formatter> {
        self.formatter.as_ref()
    }

    /// Whether objects whose keys end in `.gz` are decompressed.
    pub fn unpacks(&self) -> bool {
        self.unpack
    }

    /// Whether several source keys are meant to become one: the formatter drops a captured group.
    /// Then the newest object wins; otherwise equal names are a collision.
    pub fn newest_wins(&self) -> bool {
        self.formatter.as_ref().is_some_and(|formatter| !formatter.dropped().is_empty())
    }
}
