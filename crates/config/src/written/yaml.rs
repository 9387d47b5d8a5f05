//! YAML into a tree, from the parser's events: serde would lose what a number looked like and where keys stand.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};
use transship_types::Secret;

use super::tree::{Content, Located, Node, insert};
use crate::{At, ConfigError};

/// Far more than any configuration needs; aliases of aliases could otherwise fill the memory.
const MAX_NODES: usize = 100_000;
/// Of tables and lists in each other: the deepest that means anything is 3.
const MAX_DEPTH: usize = 32;

/// `None`: the document is empty.
///
/// # Errors
/// What is not YAML, more than one document, a key that stands twice; without the file's name, and without any of
/// its text, which may be a secret.
pub(crate) fn parse(text: &str) -> Located<Option<Node>> {
    let mut reader = Reader { parser: Parser::new_from_str(text), text, anchors: HashMap::new(), nodes: 0 };
    let mut document = None;
    while let Some((event, at)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if document.is_some() => {
                return Err((at, ConfigError::new("a second document").expected("one document")));
            }
            event => document = Some(reader.node(event, at, 0)?),
        }
    }
    Ok(document.filter(|node| !matches!(node.content, Content::Null)))
}

type Events<'a> = Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>;

struct Reader<'a> {
    parser: Events<'a>,
    text: &'a str,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Located<Option<(Event<'a>, At)>> {
        loop {
            match self.parser.next() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok(Some((event, at(span)))),
                Some(Err(error)) => {
                    let mark = error.marker();
                    let at = At { line: mark.line(), column: Some(mark.col() + 1) };
                    return Err((at, self.not_yaml(mark.line(), error.info())));
                }
            }
        }
    }

    fn not_yaml(&self, line: usize, info: String) -> ConfigError {
        let error = ConfigError::new(format!("not YAML: {info}"));
        let source = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let opens =
            source.split_once(": ").is_some_and(|(_, value)| value.trim_start().starts_with(['{', '[', '*', '%']));
        if opens { error.expected("quotes around a value that starts with a special character") } else { error }
    }

    fn node(&mut self, event: Event<'a>, at: At, depth: usize) -> Located<Node> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err((at, ConfigError::new("too large or too deep for a configuration")));
        }
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = matches!(style, ScalarStyle::Plain) && tag.is_none();
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                (anchor, if null { Content::Null } else { Content::Text(Secret::new(text)) })
            }
            Event::SequenceStart(_, anchor, _) => (anchor, Content::List(self.list(depth)?)),
            Event::MappingStart(_, anchor, _) => (anchor, Content::Table(self.table(depth)?)),
            Event::Alias(id) => return self.alias(id, at),
            _ => return Err((at, ConfigError::new("not YAML"))),
        };
        let node = Node { at, content };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, at: At) -> Located<Node> {
        let node = self.anchors.get(&id).cloned();
        let node = node.ok_or_else(|| (at, ConfigError::new("an alias inside what it stands for")))?;
        self.nodes += count(&node);
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Located<Vec<Node>> {
        let mut items = Vec::new();
        while let Some((event, at)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, at, depth + 1)?);
        }
        Ok(items)
    }

    fn table(&mut self, depth: usize) -> Located<Vec<(String, At, Node)>> {
        let mut table = Vec::new();
        let mut merged = Vec::new();
        while let Some((event, key_at)) = self.next()? {
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err((key_at, ConfigError::new("a key that is no text").expected("key: value"))),
            };
            let Some((event, at)) = self.next()? else { break };
            let value = self.node(event, at, depth + 1)?;
            if key == "<<" { merged.push(value) } else { insert(&mut table, key, key_at, value)? }
        }
        for node in merged {
            merge(&mut table, node)?;
        }
        Ok(table)
    }
}

/// What the table says itself wins, then what comes first: <https://yaml.org/type/merge.html>.
fn merge(table: &mut Vec<(String, At, Node)>, node: Node) -> Located<()> {
    match node.content {
        Content::Table(entries) => {
            for (key, at, value) in entries {
                if !table.iter().any(|(known, ..)| *known == key) {
                    table.push((key, at, value));
                }
            }
            Ok(())
        }
        Content::List(nodes) => nodes.into_iter().try_for_each(|node| merge(table, node)),
        _ => Err((node.at, ConfigError::new("nothing to merge").of_key("<<").expected("a table, or a list of them"))),
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.content {
        Content::Null | Content::Text(_) => 0,
        Content::List(items) => items.iter().map(count).sum(),
        Content::Table(entries) => entries.iter().map(|(_, _, node)| count(node)).sum(),
    }
}

fn at(span: Span) -> At {
    At { line: span.start.line(), column: Some(span.start.col() + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tree as text: `{a: 1, b: [x, null]}`, with `@line:column` behind each scalar.
    fn show(node: &Node) -> String {
        match &node.content {
            Content::Null => "null".to_owned(),
            Content::Text(text) => format!("{}@{}", text.expose(), node.at),
            Content::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
            Content::Table(entries) => {
                let entries: Vec<_> = entries.iter().map(|(key, _, node)| format!("{key}: {}", show(node))).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn tree(text: &str) -> String {
        show(&parse(text).unwrap_or_else(|(at, error)| panic!("{at}: {error}")).unwrap())
    }

    fn error(text: &str) -> String {
        let (at, error) = parse(text).err().expect(text);
        format!("{at}: {error}")
    }

    #[test]
    fn scalars_keep_what_they_looked_like_and_where() {
        assert_eq!(
            tree("a: 007\nb: '1e5'\nc: yes\nd: \"x\\ty\"\n"),
            "{a: 007@1:4, b: 1e5@2:4, c: yes@3:4, d: x\ty@4:4}"
        );
        assert_eq!(tree("a: ~\nb:\nc: ''\n"), "{a: null, b: null, c: @3:4}");
        assert_eq!(tree("- a: 1 # x\n  b: [2, 3]\n"), "[{a: 1@1:6, b: [2@2:7, 3@2:10]}]");
    }

    #[test]
    fn aliases_and_merges_stand_for_what_they_name() {
        let text = "x: &keys {a: 1, b: 2}\ny: {<<: *keys, b: 3}\nz: *keys\n";
        assert_eq!(tree(text), "{x: {a: 1@1:14, b: 2@1:20}, y: {b: 3@2:19, a: 1@1:14}, z: {a: 1@1:14, b: 2@1:20}}");
        assert_eq!(error("a: *none\n").split(':').next(), Some("1"));
        assert!(error("a: &a [*a]\n").contains("1:"));
    }

    #[test]
    fn nothing_is_no_document() {
        for empty in ["", "# only a comment\n", "---\n", "~\n"] {
            assert!(parse(empty).unwrap_or_else(|_| panic!("{empty:?}")).is_none(), "{empty:?}");
        }
    }

    #[test]
    fn what_is_said_twice_names_both_lines() {
        assert_eq!(error("a: 1\nb: 2\na: canary\n"), "3:1: a: the key is already in line 1: expected each key once");
        assert_eq!(error("a: 1\n---\nb: 2\n"), "3:1: a second document: expected one document");
    }

    #[test]
    fn an_unquoted_formatter_gets_a_hint() {
        let error = error("source:\n  formatter: {date}/{collection}.{ext}\n");
        assert!(
            error.starts_with("2:")
                && error.ends_with("expected quotes around a value that starts with a special character"),
            "{error}"
        );
    }

    #[test]
    fn aliases_of_aliases_do_not_fill_the_memory() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
        }
        assert!(error(&text).contains("too large or too deep"));
        assert!(error(&"- ".repeat(100)).contains("too large or too deep"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), lines in "([a:\\-\\[\\]{}&*#!|>'\"? \\n]){0,60}") {
            let _ = parse(&text);
            let _ = parse(&lines);
        }
    }
}
