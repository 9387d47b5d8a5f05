use std::fmt::Write as _;

use super::{Failure, Failures, WorkflowStatus, exit_code_meaning};
use crate::message::one_line;

/// How much of a message is quoted, and how much of a value that could not be read, in characters.
const QUOTED: usize = 4000;
const SHORT: usize = 500;

/// The steps of a workflow that are shown one by one.
const SHOWN: usize = 50;

/// What the mail says, apart from the markup around it: each line is a label and a value.
struct Section {
    title: String,
    lines: Vec<(&'static str, String)>,
}

pub(super) fn text(status: &WorkflowStatus, failures: &Failures) -> String {
    let mut out = format!("{}\n", headline(status));
    for section in sections(status, failures) {
        let width = section.lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let _ = write!(out, "\n{}\n", section.title);
        for (label, value) in section.lines {
            let value = value.replace('\n', &format!("\n  {:width$}  ", ""));
            let _ = writeln!(out, "  {label:width$}  {value}");
        }
    }
    out
}

pub(super) fn html(status: &WorkflowStatus, failures: &Failures) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family: sans-serif\">\n<h2>{}</h2>\n",
        escape(&headline(status))
    );
    for section in sections(status, failures) {
        let _ = write!(out, "<h3>{}</h3>\n<table cellpadding=\"4\">\n", escape(&section.title));
        for (label, value) in section.lines {
            let value = if label == "Page" {
                format!("<a href=\"{0}\">{0}</a>", escape(&value))
            } else {
                escape(&value).replace('\n', "<br>")
            };
            let _ = writeln!(out, "<tr><td valign=\"top\"><b>{label}</b></td><td>{value}</td></tr>");
        }
        out.push_str("</table>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn headline(status: &WorkflowStatus) -> String {
    let known = |value: &str| if value.trim().is_empty() { "(not told)".to_owned() } else { one_line(value).into() };
    format!("Workflow {} ended: {}", known(&status.name), known(&status.status))
}

fn sections(status: &WorkflowStatus, failures: &Failures) -> Vec<Section> {
    let mut lines = Vec::new();
    let fields = [("Workflow", &status.name), ("Namespace", &status.namespace), ("Status", &status.status)];
    for (label, value) in fields.into_iter().chain([("Time", &status.timestamp)]) {
        if !value.trim().is_empty() {
            lines.push((label, one_line(value.trim()).into()));
        }
    }
    lines.extend(status.link().map(|link| ("Page", link)));
    let overview = (!lines.is_empty()).then(|| Section { title: "Overview".into(), lines });
    let mut sections: Vec<Section> = overview.into_iter().collect();
    match failures {
        Failures::Listed(steps) => {
            let count = steps.len();
            sections.extend(steps.iter().take(SHOWN).enumerate().map(|(n, step)| step_section(n + 1, count, step)));
            if count > SHOWN {
                sections.push(Section {
                    title: format!("{} more failed steps are not shown", count - SHOWN),
                    lines: vec![],
                });
            }
        }
        Failures::Unreadable { raw, reason } => sections.push(Section {
            title: "The list of failed steps could not be read".into(),
            lines: vec![("Why", (*reason).to_owned()), ("What came", escaped(raw))],
        }),
    }
    sections
}

fn step_section(number: usize, count: usize, step: &Failure) -> Section {
    let name = step.display_name.as_deref().map_or("(no name)".into(), one_line);
    let message = step.message.as_deref().map_or_else(|| "(none: why the step failed is not known)".to_owned(), quote);
    let mut lines = vec![("Message", message)];
    if let Some(code) = step.exit_code() {
        lines.push(("Reason", format!("Exit code {code}: {}", exit_code_meaning(code).unwrap_or("meaning unknown"))));
    }
    let fields = [("Phase", &step.phase), ("Template", &step.template_name), ("Pod", &step.pod_name)];
    for (label, value) in fields.into_iter().chain([("Ended", &step.finished_at)]) {
        if let Some(value) = value {
            lines.push((label, one_line(value).into()));
        }
    }
    if let Some(raw) = &step.unreadable {
        lines.push(("Not fully readable", escaped(raw)));
    }
    Section { title: format!("Failed step {number} of {count}: {name}"), lines }
}

/// A text of several lines, without other control characters, cut where it gets too long.
fn quote(text: &str) -> String {
    let text = text.trim().replace("\r\n", "\n");
    let clean = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let mut out: String = text.chars().take(QUOTED).map(clean).collect();
    if text.chars().nth(QUOTED).is_some() {
        out.push_str(" [cut]");
    }
    out
}

/// A text of any kind on one line, so that whoever reads the mail sees what is in it.
fn escaped(text: &str) -> String {
    let text = text.trim();
    let mut out = String::new();
    for c in text.chars().take(SHORT) {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    if text.chars().nth(SHORT).is_some() {
        out.push_str(" [cut]");
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
