/// Takes one layer of quotes and escapes off a text that is no JSON as it stands: `"..."` with Go's escapes
/// (<https://go.dev/ref/spec#String_literals>, which Argo writes), `'...'` without escapes, and JSON whose quotes
/// are escaped but which has lost the quotes around it. `None` where it is none of these.
pub(super) fn unquote(text: &str) -> Option<String> {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(inner) = inside('\'') {
        return Some(inner.to_owned());
    }
    if let Some(inner) = inside('"') {
        return unescape(inner);
    }
    let escaped = text.starts_with(['[', '{']) && text.contains("\\\"");
    if escaped { unescape(text).filter(|inner| inner != text) } else { None }
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let hex = |digits: usize, rest: &mut std::str::Chars<'_>| {
            let code = rest.as_str().get(..digits)?;
            *rest = rest.as_str()[digits..].chars();
            char::from_u32(u32::from_str_radix(code, 16).ok()?)
        };
        out.push(match rest.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => hex(2, &mut rest)?,
            'u' => hex(4, &mut rest)?,
            'U' => hex(8, &mut rest)?,
            same @ ('\\' | '"' | '\'' | '/') => same,
            _ => return None,
        });
    }
    Some(out)
}
