//! Columns.

/// Prints a table.
pub(crate) fn print(heading: &[&str], rows: &[Vec<String>]) {
    print!("{}", table(heading, rows));
}

/// Rows under a heading, as Markdown: the first column to the left, the others to the right.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..heading.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(at, (cell, &width))| match at {
            0 => format!("| {cell:<width$} "),
            _ => format!("| {cell:>width$} "),
        });
        padded.collect::<String>() + "|\n"
    };
    let rules = widths
        .iter()
        .enumerate()
        .map(|(at, width)| if at == 0 { "-".repeat(*width) } else { "-".repeat(width - 1) + ":" });
    let rules: Vec<_> = rules.collect();
    let head = line(heading.to_vec()) + &line(rules.iter().map(String::as_str).collect());
    rows.iter().fold(head, |all, row| all + &line(row.iter().map(String::as_str).collect()))
}
