//! Delivers a message by SMTP, and writes the one that tells how an Argo workflow ended.
//!
//! [`send`] speaks to one server, once: errors are classified ([`Error::class`]), never retried here.
//! [`WorkflowStatus::message`] turns what Argo tells about a workflow into a [`Message`].
//!
//! ```
//! use transship_alert::WorkflowStatus;
//!
//! let status = WorkflowStatus {
//!     name: "nightly-7".into(),
//!     namespace: "data".into(),
//!     status: "Failed".into(),
//!     failures: r#"[{"displayName": "list", "message": "Error (exit code 3)"}]"#.into(),
//!     ..WorkflowStatus::default()
//! };
//! let mail = status.message("alerts@example.com", vec!["team@example.com".into()]);
//! assert_eq!(mail.subject, "[data][nightly-7] Argo workflow Failed");
//! assert!(mail.text.contains("Exit code 3: nothing to do"));
//! ```

mod error;
mod message;
mod options;
mod session;
mod workflow;

pub use error::{Error, Refusal, Result, Step};
pub use message::Message;
pub use options::{Security, SmtpOptions};
pub use session::send;
pub use workflow::{Failure, Failures, WorkflowStatus, exit_code_meaning};
