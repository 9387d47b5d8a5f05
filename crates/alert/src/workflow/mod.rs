mod exit_code;
mod failures;
mod render;
mod unquote;

pub use exit_code::exit_code_meaning;
pub use failures::{Failure, Failures};

use crate::{Message, message::one_line};

/// How an Argo workflow ended, as Argo's variables tell it. Every field may hold anything, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowStatus {
    /// `{{workflow.name}}`
    pub name: String,
    /// `{{workflow.namespace}}`
    pub namespace: String,
    /// `{{workflow.status}}`: `Succeeded`, `Failed`, `Error`.
    pub status: String,
    /// When it was, in the form that the reader is to see.
    pub timestamp: String,
    /// The host name of Argo's user interface, for the link; none where empty.
    pub host: String,
    /// `{{workflow.failures}}`: a JSON list, or the same in a quoted, escaped string.
    pub failures: String,
}

impl WorkflowStatus {
    /// The mail that tells about it. There always is one: failures that cannot be read are quoted as they are.
    pub fn message(&self, from: impl Into<String>, to: Vec<String>) -> Message {
        let failures = Failures::parse(&self.failures);
        Message {
            subject: self.subject(),
            text: render::text(self, &failures),
            html: Some(render::html(self, &failures)),
            from: from.into(),
            to,
        }
    }

    /// `[namespace][name] Argo workflow <status>`, on one line whatever the values hold.
    fn subject(&self) -> String {
        let Self { name, namespace, status, .. } = self;
        format!("[{}][{}] Argo workflow {}", one_line(namespace), one_line(name), one_line(status))
    }

    /// The page of the workflow in Argo's user interface, where the host can be one.
    fn link(&self) -> Option<String> {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        const SEGMENT: &percent_encoding::AsciiSet =
            &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
        let host = self.host.trim();
        let host = host.strip_prefix("https://").or_else(|| host.strip_prefix("http://")).unwrap_or(host);
        let host = host.trim_end_matches('/');
        let plausible = |c: char| c.is_ascii_alphanumeric() || "-._:/[]".contains(c);
        if host.is_empty() || !host.chars().all(plausible) || self.name.is_empty() {
            return None;
        }
        let [namespace, name] = [&self.namespace, &self.name].map(|part| utf8_percent_encode(part, SEGMENT));
        Some(format!("https://{host}/workflows/{namespace}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> WorkflowStatus {
        WorkflowStatus { name: "nightly".into(), namespace: "data".into(), ..WorkflowStatus::default() }
    }

    #[test]
    fn a_line_break_in_a_value_does_not_start_a_header() {
        let status = WorkflowStatus { status: "Failed\r\nBcc: x@y.org".into(), ..status() };
        assert_eq!(status.message("a@x.org", vec![]).subject, "[data][nightly] Argo workflow Failed  Bcc: x@y.org");
    }

    #[test]
    fn links_lead_to_the_workflow_over_https_only() {
        for (host, link) in [
            ("argo.x.org", Some("https://argo.x.org/workflows/data/nightly")),
            ("http://argo.x.org:8443/ui/", Some("https://argo.x.org:8443/ui/workflows/data/nightly")),
            ("", None),
            ("argo\"><script>", None),
            ("javascript:alert(1)", None),
            ("a b", None),
        ] {
            let status = WorkflowStatus { host: host.into(), ..status() };
            assert_eq!(status.link().as_deref(), link, "{host:?}");
        }
        let odd = WorkflowStatus { host: "h".into(), name: "a/../b?x#y".into(), ..status() };
        assert_eq!(odd.link().unwrap(), "https://h/workflows/data/a%2F..%2Fb%3Fx%23y");
    }
}
