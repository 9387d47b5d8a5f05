use std::borrow::Cow;

use lettre::{
    Address,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::{Error, Result};

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The subject. Line breaks and other control characters in it are sent as blanks.
    pub subject: String,
    /// The body for readers of plain text.
    pub text: String,
    /// The same as HTML, where there is such a form.
    pub html: Option<String>,
    /// The sender: `someone@example.com` or `Some One <someone@example.com>`.
    pub from: String,
    /// The recipients, one address each, in the same form.
    pub to: Vec<String>,
}

/// A message in the form that travels.
pub(crate) struct Envelope {
    pub(crate) from: Address,
    pub(crate) to: Vec<Address>,
    pub(crate) mime: Vec<u8>,
}

impl Message {
    /// Looks whether the message can be sent, without connecting.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::NoRecipient`] or [`Error::Compose`].
    pub fn check(&self) -> Result<()> {
        self.envelope().map(drop)
    }

    pub(crate) fn envelope(&self) -> Result<Envelope> {
        let from = mailbox("sender", &self.from)?;
        let to = self.to.iter().map(|to| mailbox("recipient", to)).collect::<Result<Vec<_>>>()?;
        if to.is_empty() {
            return Err(Error::NoRecipient);
        }
        // RFC 3834: keeps out-of-office replies from coming back to an unattended sender.
        let generated = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        let mut builder = lettre::Message::builder().date_now().message_id(None).raw_header(generated);
        builder = builder.from(from.clone()).subject(one_line(&self.subject));
        for recipient in &to {
            builder = builder.to(recipient.clone());
        }
        let text = self.text.clone();
        let message = match &self.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            None => builder.singlepart(SinglePart::plain(text)),
        };
        let message = message.map_err(|e| Error::Compose { detail: e.to_string() })?;
        let to = to.into_iter().map(|mailbox| mailbox.email).collect();
        Ok(Envelope { from: from.email, to, mime: message.formatted() })
    }
}

/// lettre's own parser of mailboxes ignores what follows the first address: with it, the rest of `a@x, b@y` would
/// silently get no mail.
fn mailbox(role: &'static str, text: &str) -> Result<Mailbox> {
    let wrong = |reason: String| Error::Address { role, address: text.to_owned(), reason };
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(wrong("it holds a control character".into()));
    }
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => {
            let address = rest.strip_suffix('>').ok_or_else(|| wrong("expected Name <user@domain>".into()))?;
            (Some(name.trim().trim_matches('"')).filter(|name| !name.is_empty()), address.trim())
        }
        None => (None, text),
    };
    let address = address.parse::<Address>().map_err(|e| wrong(e.to_string()))?;
    Ok(Mailbox::new(name.map(str::to_owned), address))
}

/// `text` with every control character replaced by a blank, so that it cannot start another header or line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) { text.replace(char::is_control, " ").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_named_in_the_error() {
        for bad in ["", "nobody", "a@b@c", "a@x.org, b@y.org", "<a@x.org", "a@x.org\r\nBcc: b@y.org", "a b@x.org"] {
            let message = Message { from: bad.into(), to: vec!["a@x.org".into()], ..Message::default() };
            let error = message.envelope().err().unwrap().to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
            assert!(!error.contains(['\n', '\r']), "{error:?}");
        }
    }

    #[test]
    fn addresses_come_with_and_without_a_name() {
        for (text, name) in [
            ("a@x.org", None),
            (" a@x.org ", None),
            ("<a@x.org>", None),
            ("Åse Ä <a@x.org>", Some("Åse Ä")),
            ("\"Last, First\" <a@x.org>", Some("Last, First")),
        ] {
            let mailbox = mailbox("sender", text).unwrap();
            assert_eq!((mailbox.name.as_deref(), mailbox.email.as_ref() as &str), (name, "a@x.org"));
        }
        assert!(mailbox("sender", "root@localhost").is_ok());
    }

    #[test]
    fn a_mail_without_recipients_is_refused() {
        let message = Message { from: "a@x.org".into(), ..Message::default() };
        assert!(matches!(message.envelope(), Err(Error::NoRecipient)));
    }
}
