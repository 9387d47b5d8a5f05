use serde_json::{Map, Value};

use super::{exit_code::exit_code_in, unquote::unquote};

const NO_LIST: &str = "it is no list of failed steps as Argo writes it";
const CUT_OFF: &str = "it begins like a list of failed steps and breaks off before its end";
const NOT_FILLED_IN: &str = "it is a placeholder that Argo did not fill in";

/// What is known of the steps of a workflow that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failures {
    /// These steps, possibly none.
    Listed(Vec<Failure>),
    /// Something came that is no list of failures.
    Unreadable {
        /// As it came.
        raw: String,
        /// What is wrong with it, in plain words.
        reason: &'static str,
    },
}

/// One step that failed. Argo's fields, each of which may be missing.
/// <https://argo-workflows.readthedocs.io/en/latest/variables/#exit-handler>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The step's name.
    pub display_name: Option<String>,
    /// What Argo says happened. Null where Argo never learned it, as for many killed containers.
    pub message: Option<String>,
    /// The template that was run.
    pub template_name: Option<String>,
    /// `Failed` or `Error`.
    pub phase: Option<String>,
    /// Where it ran.
    pub pod_name: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// The element as it came, where it is not an object of texts: what could be read is in the other fields.
    pub unreadable: Option<String>,
}

impl Failures {
    /// Reads `{{workflow.failures}}`: JSON, or JSON in a quoted and escaped string (Argo quotes it once, and templates
    /// often once more).
    pub fn parse(raw: &str) -> Self {
        let unreadable = |reason| Self::Unreadable { raw: raw.to_owned(), reason };
        let mut text = raw.trim().to_owned();
        // Each round takes one layer of quotes off; a value that never ends is no list of failures.
        for _ in 0..4 {
            if text.is_empty() || text == "null" {
                return Self::Listed(Vec::new());
            }
            match serde_json::from_str(&text) {
                Ok(Value::Null) => return Self::Listed(Vec::new()),
                Ok(Value::Array(steps)) => return Self::Listed(steps.iter().map(Failure::read).collect()),
                Ok(step @ Value::Object(_)) => return Self::Listed(vec![Failure::read(&step)]),
                Ok(Value::String(inner)) => inner.trim().clone_into(&mut text),
                Ok(_) => return unreadable(NO_LIST),
                Err(error) => match unquote(&text) {
                    Some(inner) => inner.trim().clone_into(&mut text),
                    None if text.starts_with("{{") => return unreadable(NOT_FILLED_IN),
                    None if error.is_eof() => return unreadable(CUT_OFF),
                    None => return unreadable(NO_LIST),
                },
            }
        }
        unreadable(NO_LIST)
    }
}

impl Failure {
    /// The exit code that the message names.
    pub fn exit_code(&self) -> Option<i64> {
        exit_code_in(self.message.as_deref()?)
    }

    fn read(step: &Value) -> Self {
        let Value::Object(fields) = step else {
            return Self { unreadable: Some(step.to_string()), ..Self::default() };
        };
        let mut odd = false;
        let mut text = |name| {
            field(fields, name).unwrap_or_else(|()| {
                odd = true;
                None
            })
        };
        let read = Self {
            display_name: text("displayName"),
            message: text("message"),
            template_name: text("templateName"),
            phase: text("phase"),
            pod_name: text("podName"),
            finished_at: text("finishedAt"),
            unreadable: None,
        };
        let empty = read == Self::default();
        Self { unreadable: (odd || empty).then(|| step.to_string()), ..read }
    }
}

/// The text of a field, `None` where it is missing, null or blank; an error where it is something else.
fn field(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, ()> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"[{"displayName":"copy","message":"Error (exit code 4)","podName":"p-1"}]"#;

    fn one(raw: &str) -> Failure {
        match Failures::parse(raw) {
            Failures::Listed(steps) if steps.len() == 1 => steps[0].clone(),
            other => panic!("{raw} gave {other:?}"),
        }
    }

    #[test]
    fn quoted_and_escaped_json_is_the_same_as_plain_json() {
        let once = serde_json::to_string(PLAIN).unwrap();
        let twice = serde_json::to_string(&once).unwrap();
        let escaped = PLAIN.replace('"', "\\\"");
        let single = format!("'{PLAIN}'");
        for raw in [PLAIN, &once, &twice, &escaped, &single, &format!("\n {once} \n"), &PLAIN[1..PLAIN.len() - 1]] {
            assert_eq!(one(raw), one(PLAIN), "{raw}");
        }
        assert_eq!(one(PLAIN).exit_code(), Some(4));
    }

    #[test]
    fn escapes_that_only_go_writes_are_read() {
        // Go's strconv.Quote, as Argo uses it: \x7f and \a are no JSON.
        let raw = r#""[{\"displayName\":\"a\\u0007b\",\"message\":\"caf\u00e9 \x7f \U0001f600\"}]""#;
        assert_eq!(one(raw).message.unwrap(), "café \u{7f} 😀");
    }

    #[test]
    fn no_failures_are_not_an_error() {
        for raw in ["", " ", "null", "\"null\"", "[]", "\"[]\"", "\"\""] {
            assert_eq!(Failures::parse(raw), Failures::Listed(vec![]), "{raw:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_kept_as_it_came() {
        for (raw, why) in [
            ("[{", CUT_OFF),
            ("{{workflow.failures}}", NOT_FILLED_IN),
            ("42", NO_LIST),
            ("true", NO_LIST),
            ("nonsense", NO_LIST),
            ("\"[{\\\"a\"", CUT_OFF),
            ("\"", CUT_OFF),
            ("'", NO_LIST),
            ("\\", NO_LIST),
        ] {
            assert_eq!(Failures::parse(raw), Failures::Unreadable { raw: raw.into(), reason: why }, "{raw:?}");
        }
    }

    #[test]
    fn one_odd_step_does_not_hide_the_others() {
        let raw =
            r#"[null, {"displayName": "a", "message": null}, {"displayName": 5, "message": "(exit code 1)"}, {}]"#;
        let Failures::Listed(steps) = Failures::parse(raw) else { panic!("unreadable") };
        assert_eq!(steps[0].unreadable.as_deref(), Some("null"));
        assert_eq!((steps[1].message.as_ref(), steps[1].unreadable.as_ref()), (None, None));
        assert_eq!(steps[2].exit_code(), Some(1));
        assert!(steps[2].unreadable.is_some() && steps[3].unreadable.is_some());
    }
}
