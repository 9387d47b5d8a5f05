//! rclone's patterns as regular expressions: <https://rclone.org/filtering/#patterns>.

use std::{iter::Peekable, str::Chars};

use regex::Regex;

use super::FilterError;

/// What matches a path without its leading `/`.
pub(super) fn compile(glob: &str, ignore_case: bool) -> Result<Regex, FilterError> {
    let wrong = |why: &str| FilterError::Pattern { pattern: glob.to_owned(), why: why.to_owned() };
    let mut out = String::from(if ignore_case { "(?i)" } else { "" });
    let rest = glob.strip_prefix('/');
    out.push_str(if rest.is_some() { "^" } else { "(^|/)" });
    translate(rest.unwrap_or(glob), &mut out).map_err(wrong)?;
    out.push('$');
    Regex::new(&out).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default();
        wrong(last.strip_prefix("error: ").unwrap_or(last))
    })
}

fn translate(glob: &str, out: &mut String) -> Result<(), &'static str> {
    let mut chars = glob.chars().peekable();
    let mut braces = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push('\\');
                out.extend(chars.next());
            }
            '*' => match 1 + run(&mut chars, '*') {
                1 => out.push_str("[^/]*"),
                // A name may hold the end of a line.
                2 => out.push_str("(?s:.*)"),
                _ => return Err("three or more stars in a row; two match across folders, one does not"),
            },
            '?' => out.push_str("[^/]"),
            '[' => class(&mut chars, out)?,
            ']' => return Err("']' without '['"),
            '{' if chars.next_if_eq(&'{').is_some() => expression(&mut chars, out)?,
            '{' => {
                braces += 1;
                out.push('(');
            }
            '}' => {
                braces = braces.checked_sub(1).ok_or("'}' without '{'")?;
                out.push(')');
            }
            ',' if braces > 0 => out.push('|'),
            c => {
                if matches!(c, '.' | '+' | '(' | ')' | '|' | '^' | '$') {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
    if braces == 0 { Ok(()) } else { Err("'{' without '}'") }
}

/// How many more of this character follow.
fn run(chars: &mut Peekable<Chars<'_>>, wanted: char) -> usize {
    std::iter::from_fn(|| chars.next_if_eq(&wanted)).count()
}

/// `[...]`, behind its first bracket. Only `[:name:]` may stand inside.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    out.push('[');
    out.extend(chars.next_if_eq(&'^'));
    let mut depth = 1_u32;
    loop {
        let c = chars.next().ok_or("'[' without ']'")?;
        match c {
            '[' => {
                depth += 1;
                // Here a bracket is a bracket, but for a class with a name.
                out.push_str(if chars.peek() == Some(&':') { "[" } else { "\\[" });
            }
            ']' => {
                depth -= 1;
                out.push(c);
                if depth == 0 {
                    return Ok(());
                }
            }
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
}

/// `{{...}}`, behind its first braces. It ends with the last of the braces that close it.
fn expression(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    out.push('(');
    loop {
        let c = chars.next().ok_or("'{{' without '}}'")?;
        if c == '}' && chars.next_if_eq(&'}').is_some() {
            (0..run(chars, '}')).for_each(|_| out.push('}'));
            out.push(')');
            return Ok(());
        }
        out.push(c);
    }
}

/// Whether the folders that a pattern reaches into cannot be told from its text.
fn is_opaque(glob: &str) -> bool {
    let mut inside = None;
    for (at, c) in glob.char_indices() {
        match (c, inside) {
            ('{', Some(_)) => return true,
            ('{', None) => inside = Some(at + 1),
            ('}', Some(start)) => {
                let group = &glob[start..at];
                if group.contains('/') || group.contains("**") || glob[at..].starts_with("}}") {
                    return true;
                }
                inside = None;
            }
            _ => {}
        }
    }
    false
}

/// Patterns for the folders that may hold what a pattern matches, innermost first. Folders end in `/`.
pub(super) fn folders(glob: &str) -> Vec<String> {
    const ANY: &str = "/**";
    if is_opaque(glob) {
        return vec![ANY.to_owned()];
    }
    let mut single = String::with_capacity(glob.len());
    for c in glob.chars() {
        if !(c == '/' && single.ends_with('/')) {
            single.push(c);
        }
    }
    let (mut rest, mut found) = (single.as_str(), Vec::<String>::new());
    loop {
        let (slash, stars) = (rest.rfind('/'), rest.rfind("**"));
        let Some(at) = slash.max(stars) else { break };
        let folder = format!("{}{}/", &rest[..at], if stars > slash { "**" } else { "" });
        rest = &rest[..at];
        if found.last() != Some(&folder) {
            found.push(folder);
        }
    }
    if found.is_empty() {
        found.push(ANY.to_owned());
    }
    found
}

/// The text that everything a pattern matches begins with. `None` where it may begin anywhere.
pub(super) fn root(glob: &str) -> Option<&str> {
    let anchored = glob.strip_prefix('/')?;
    let end = anchored.find(['\\', '*', '?', '[', ']', '{', '}']).unwrap_or(anchored.len());
    Some(&anchored[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, path: &str) -> bool {
        compile(glob, false).unwrap().is_match(path)
    }

    /// The examples of <https://rclone.org/filtering/#pattern-syntax>.
    #[test]
    fn the_documented_examples_hold() {
        for (glob, yes, no) in [
            ("*.jpg", "directory/file.jpg", "file.jpg/x"),
            ("file.jpg", "directory/file.jpg", "afile.jpg"),
            ("/file.jpg", "file.jpg", "directory/file.jpg"),
            ("/dir/*.jpg", "dir/a.jpg", "dir/sub/a.jpg"),
            ("/dir/**.jpg", "dir/sub/a.jpg", "other/a.jpg"),
            ("te?t.txt", "test.txt", "teest.txt"),
            ("h[ae]llo", "hallo", "hullo"),
            ("h[^e]llo", "hallo", "hello"),
            ("{one,two}_potato", "one_potato", "three_potato"),
            ("\\*.jpg", "*.jpg", "a.jpg"),
            ("{{.*\\.jpe?g}}", "a.jpeg", "a.png"),
            ("a{{b{2}}}", "abb", "ab"),
            ("*.{jpg,{png,gif}}", "a.gif", "a.tif"),
            ("[[:digit:]a&&b]", "7", "[:"),
        ] {
            assert!(matches(glob, yes), "{glob} must match {yes}");
            assert!(!matches(glob, no), "{glob} must not match {no}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for glob in ["***", "a]", "a[b", "a{b", "a}b", "a{{b", "[z-a]"] {
            assert!(compile(glob, false).is_err(), "{glob}");
        }
    }

    #[test]
    fn folders_follow_from_patterns() {
        assert_eq!(folders("*.jpg"), ["/**"]);
        assert_eq!(folders("/a/b/c.jpg"), ["/a/b/", "/a/", "/"]);
        assert_eq!(folders("/a/**"), ["/a/**/", "/a/", "/"]);
        assert_eq!(folders("/a/{b,c/d}"), ["/**"]);
        assert_eq!(folders("a//b"), ["a/"]);
    }

    #[test]
    fn roots_are_what_is_certain() {
        assert_eq!(root("/data/2024-*/x"), Some("data/2024-"));
        assert_eq!(root("*.jpg"), None);
    }
}
