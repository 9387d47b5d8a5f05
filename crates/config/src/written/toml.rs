//! TOML into a tree.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use transship_types::Secret;

use super::tree::{Content, Located, Node};
use crate::{At, ConfigError};

/// # Errors
/// What is not TOML, a table or key that stands twice; without the file's name, and without any of its text, which
/// may be a secret.
pub(crate) fn parse(text: &str) -> Located<Node> {
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(At::line(1), |span| place(text, &span));
        // The error's own Display repeats the line.
        (at, ConfigError::new(format!("not TOML: {}", error.message().replace('\n', ", "))))
    })?;
    let at = place(text, &root.span());
    Ok(Node { at, content: table(text, root.get_ref()) })
}

/// In the file's order: the parser sorts by name.
fn table(text: &str, table: &DeTable<'_>) -> Content {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries.into_iter().map(|(key, value)| {
        let at = place(text, &key.span());
        (key.get_ref().to_string(), at, node(text, value))
    });
    Content::Table(entries.collect())
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(string) => Content::Text(Secret::new(string.as_ref())),
        DeValue::Integer(number) => Content::Text(Secret::new(number.to_string())),
        DeValue::Float(number) => Content::Text(Secret::new(number.to_string())),
        DeValue::Boolean(value) => Content::Text(Secret::new(value.to_string())),
        DeValue::Datetime(value) => Content::Text(Secret::new(value.to_string())),
        DeValue::Array(items) => Content::List(items.iter().map(|item| node(text, item)).collect()),
        DeValue::Table(entries) => table(text, entries),
    };
    Node { at: place(text, &value.span()), content }
}

fn place(text: &str, span: &Range<usize>) -> At {
    let before = &text[..text.floor_char_boundary(span.start.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    At { line: before.matches('\n').count() + 1, column: Some(before[line_start..].chars().count() + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let (at, error) = parse(text).err().expect(text);
        format!("{at}: {error}")
    }

    #[test]
    fn tables_keep_the_order_of_the_file() {
        let root = parse("[z]\nb = 1\na = \"x\"\n[c]\n").unwrap_or_else(|(at, error)| panic!("{at}: {error}"));
        let Content::Table(tables) = root.content else { panic!("a table") };
        let names: Vec<_> = tables.iter().map(|(name, at, _)| format!("{name}@{at}")).collect();
        assert_eq!(names, ["z@1:2", "c@4:2"]);
        let Content::Table(entries) = &tables[0].2.content else { panic!("a table") };
        let names: Vec<_> = entries.iter().map(|(name, _, node)| format!("{name}@{}", node.at)).collect();
        assert_eq!(names, ["b@2:5", "a@3:5"]);
    }

    #[test]
    fn errors_are_located_and_repeat_nothing() {
        for bad in
            ["[a]\nx = \"canary\n", "[a]\nx = canary\n", "[a]\nx = 1\nx = \"canary\"\n", "[a]\n[a]\nx = 'canary'"]
        {
            let error = error(bad);
            assert!(error.contains("not TOML: ") && !error.contains("canary") && !error.contains('\n'), "{error}");
            assert!(error.starts_with("2:") || error.starts_with("3:"), "{error}");
        }
    }
}
