use std::{fmt, path::PathBuf};

use transship_types::ErrorClass;

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was being done with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Finding and reaching it.
    Connect,
    /// Waiting for its greeting, saying hello.
    Greeting,
    /// Turning the connection into an encrypted one.
    Tls,
    /// Logging in.
    Login,
    /// Naming the sender.
    Sender,
    /// Handing over the message.
    Message,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "TLS",
            Self::Login => "login",
            Self::Sender => "sender",
            Self::Message => "message",
        })
    }
}

/// A recipient that the server did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The address.
    pub address: String,
    /// The server's reply code, where it replied.
    pub code: Option<u16>,
    /// What it said.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.detail)
    }
}

/// A message was not delivered, or not to everyone. Prints as one line, without the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address is none.
    #[error("{address:?} is no address for a {role}: {reason}")]
    Address {
        /// `sender` or `recipient`.
        role: &'static str,
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nobody to send to.
    #[error("the message has no recipient")]
    NoRecipient,
    /// The options contradict each other or cannot work.
    #[error("SMTP options: {detail}")]
    Options {
        /// What is wrong and what would be right.
        detail: String,
    },
    /// The file of certificate authorities cannot be used.
    #[error("CA bundle {}: {detail}", path.display())]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The message cannot be put into the form that travels.
    #[error("the message cannot be composed: {detail}")]
    Compose {
        /// Why.
        detail: String,
    },
    /// The server, or the way to it, failed.
    #[error("SMTP server {server}: {step}: {detail}")]
    Server {
        /// `host:port`
        server: String,
        /// What was being done.
        step: Step,
        /// The server's reply code, where it replied.
        code: Option<u16>,
        /// What happened; the code is part of it.
        detail: String,
        /// Whether it may be tried again.
        class: ErrorClass,
    },
    /// Some recipients, or all, were refused. The others got the message.
    #[error("SMTP server {server}: {} of {} recipients refused: {}", refused.len(), refused.len() + accepted, list(refused))]
    Refused {
        /// `host:port`
        server: String,
        /// Who was refused.
        refused: Vec<Refusal>,
        /// How many others the message was delivered to.
        accepted: usize,
    },
}

impl Error {
    /// Whether the message may be sent again. A message that some recipients already got is `Permanent`, so that they
    /// do not get it twice.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Server { class, .. } => *class,
            Self::Refused { refused, accepted: 0, .. } if refused.iter().all(|r| transient(r.code)) => {
                ErrorClass::Transient
            }
            _ => ErrorClass::Permanent,
        }
    }
}

/// RFC 5321, section 4.2.1: 4yz is worth another try. No reply at all is a matter of the network.
pub(crate) fn transient(code: Option<u16>) -> bool {
    code.is_none_or(|code| (400..500).contains(&code))
}

fn list(refused: &[Refusal]) -> String {
    refused.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; ")
}
