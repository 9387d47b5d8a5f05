//! What was written: the same sections, whatever the file's format.

mod format;
mod from_ini;
mod from_tree;
mod reading;
mod toml;
mod tree;
mod yaml;

use std::path::PathBuf;

use transship_types::Secret;

use crate::At;

pub(crate) use self::{
    format::{document, keys_file},
    reading::{Reading, Text, found, is_quoted, not_among},
};

/// A configuration file, read but not yet understood.
pub(crate) struct Document {
    pub(crate) file: PathBuf,
    /// In the file's order; general ones may be several.
    pub(crate) sections: Vec<Section>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    General,
    Source,
    Destination,
    /// A file with nothing but AWS keys.
    Keys,
}

pub(crate) struct Section {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) at: At,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: At,
    pub(crate) value: Value,
    /// It stands in `[DEFAULT]`.
    pub(crate) inherited: bool,
}

pub(crate) enum Value {
    /// Present, without a value.
    Null,
    /// One text.
    Text(Secret),
    /// Several, each with its place: a list, or the lines of a continued value.
    List(Vec<(Secret, At)>, ListForm),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListForm {
    Items,
    Lines,
}
