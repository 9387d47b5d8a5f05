use std::sync::Arc;

use time::OffsetDateTime;
use transship_keys::{Defaults, KeyMap};
use transship_store::{Bucket, Encryption, Location, Result};
use transship_transfer::Destination;
use transship_types::Key;

/// A bucket and the prefix that counts.
#[derive(Clone, Debug)]
pub struct Place {
    /// The bucket.
    pub bucket: Arc<dyn Bucket>,
    /// What every key starts with: empty, or ending in `/`.
    pub prefix: String,
}

impl Place {
    /// Opens what a URL names, without credentials: see [`Location::from_url`] and [`transship_store::open`] for more.
    ///
    /// # Errors
    /// `Configuration`, saying what is wrong with the URL.
    pub fn open(url: &str) -> Result<Self> {
        Self::at(&Location::from_url(url)?)
    }

    /// Opens a location.
    ///
    /// # Errors
    /// `Configuration`, saying what is wrong with it.
    pub fn at(location: &Location) -> Result<Self> {
        Ok(Self { bucket: transship_store::open(&location.bucket)?, prefix: location.prefix.clone() })
    }

    /// A full key here, told apart from all keys elsewhere.
    pub(crate) fn address(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket.location().trim_end_matches('/'))
    }

    /// Whether whatever is written there is written here.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.address(&other.prefix).starts_with(&self.address(&self.prefix))
    }

    /// For people: the bucket's location, and the prefix.
    pub fn describe(&self) -> String {
        if self.prefix.is_empty() {
            self.bucket.location().to_owned()
        } else {
            format!("{}, below {:?}", self.bucket.location(), self.prefix)
        }
    }
}

/// One destination: where, under which names, and how it is written.
#[derive(Clone, Debug)]
pub struct Leg {
    /// How reports call it.
    pub name: String,
    /// Where.
    pub place: Place,
    /// How its keys follow from the source's.
    pub keys: KeyMap,
    /// Storage class to write into.
    pub storage_class: Option<String>,
    /// Encryption to ask for.
    pub encryption: Option<Encryption>,
}

impl Leg {
    /// A destination that keeps keys as they are.
    pub fn new(name: impl Into<String>, place: Place) -> Self {
        let keys = KeyMap::identity(Defaults::at(OffsetDateTime::now_utc()));
        Self { name: name.into(), place, keys, storage_class: None, encryption: None }
    }

    pub(crate) fn destination(&self) -> Destination {
        Destination {
            storage_class: self.storage_class.clone(),
            encryption: self.encryption.clone(),
            ..Destination::new(self.place.bucket.clone())
        }
    }

    /// Whether two source keys could get one key here.
    pub(crate) fn may_collide(&self) -> bool {
        self.keys.formatter().is_some() || self.keys.unpacks()
    }

    /// The full key of a rendered one.
    pub(crate) fn full(&self, rendered: &str) -> Key {
        Key::from(rendered).prefixed(&self.place.prefix)
    }
}

/// Where objects come from and where they go.
#[derive(Clone, Debug)]
pub struct Route {
    /// The source.
    pub source: Place,
    /// The destinations.
    pub legs: Vec<Leg>,
}

impl Route {
    /// A key as formatters see it: without the source's prefix.
    pub fn relative(&self, key: &Key) -> Key {
        key.strip_prefix(&self.source.prefix).unwrap_or_else(|| key.clone())
    }
}
