//! What YAML and TOML have in common: tables, lists and text, with their places.

use transship_types::Secret;

use crate::{At, ConfigError};

/// A reader's error, still without the file's name.
pub(crate) type Located<T> = Result<T, (At, ConfigError)>;

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) content: Content,
}

#[derive(Clone)]
pub(crate) enum Content {
    /// Nothing: YAML's `~`, `null` or empty value.
    Null,
    /// Any scalar as it was written, quotes and escapes resolved. Whether it is a secret is not known here.
    Text(Secret),
    List(Vec<Node>),
    /// In the file's order.
    Table(Vec<(String, At, Node)>),
}

impl Content {
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Adds an entry to a table.
///
/// # Errors
/// The key is there already.
pub(crate) fn insert(table: &mut Vec<(String, At, Node)>, key: String, at: At, node: Node) -> Located<()> {
    if let Some((_, first, _)) = table.iter().find(|(known, ..)| *known == key) {
        let problem = format!("the key is already in line {}", first.line);
        return Err((at, ConfigError::new(problem).of_key(&key).expected("each key once")));
    }
    table.push((key, at, node));
    Ok(())
}
