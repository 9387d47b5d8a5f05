use quick_xml::{Reader, events::Event};
use transship_types::Secret;

use super::{
    Keys,
    document::expiration,
    wire::{Reply, one_line},
};
use crate::{Error, ErrorKind, Result};

/// The elements of a reply that matter, whatever they are wrapped in.
#[derive(Default)]
struct Fields {
    id: Option<Secret>,
    secret: Option<Secret>,
    token: Option<Secret>,
    expiration: Option<Secret>,
    code: Option<Secret>,
    message: Option<Secret>,
}

/// The keys that STS gave, or why it did not. `what` says what was asked, for people; `secrets` travelled in the
/// request, and some servers repeat the request when they refuse it.
pub(super) fn keys(reply: &Reply, what: &str, secrets: &[Option<&Secret>]) -> Result<Keys> {
    let fields = read(&reply.text).unwrap_or_default();
    if reply.status != 200 {
        return Err(refusal(reply.status, &fields, what, secrets));
    }
    let missing = |name: &str| Error::new(ErrorKind::InvalidReply, format!("{what} answers without {name}"));
    let expires = fields.expiration.ok_or_else(|| missing("Expiration"))?;
    let keys = Keys {
        access_key_id: fields.id.ok_or_else(|| missing("AccessKeyId"))?.expose().to_owned(),
        secret_access_key: fields.secret.ok_or_else(|| missing("SecretAccessKey"))?,
        session_token: Some(fields.token.ok_or_else(|| missing("SessionToken"))?),
        expires: Some(expiration(expires.expose()).ok_or_else(|| missing("an Expiration that is a time"))?),
    };
    keys.checked(what)
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>, and the errors of the two actions.
fn refusal(status: u16, fields: &Fields, what: &str, secrets: &[Option<&Secret>]) -> Error {
    let code = fields.code.as_ref().map_or("", Secret::expose);
    let message = fields.message.as_ref().map_or("", Secret::expose);
    let (kind, meaning) = match code {
        _ if message.contains("Signature expired") || message.contains("Signature not yet current") => {
            (ErrorKind::ClockSkew, "this machine's clock and the server's differ by too much")
        }
        "RequestExpired" | "RequestTimeTooSkewed" => {
            (ErrorKind::ClockSkew, "this machine's clock and the server's differ by too much")
        }
        "AccessDenied" | "AccessDeniedException" => (ErrorKind::Credentials, "access denied"),
        "ExpiredToken" | "ExpiredTokenException" => (ErrorKind::ExpiredToken, "the token has expired"),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
            (ErrorKind::Credentials, "the access key is not known")
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" => (ErrorKind::Credentials, "the secret access key is wrong"),
        "InvalidIdentityToken" | "IDPRejectedClaim" => {
            (ErrorKind::Credentials, "the web identity token is not accepted")
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => (ErrorKind::Throttled, "asks to slow down"),
        "IDPCommunicationError" => (ErrorKind::Server, "cannot reach the identity provider"),
        "ValidationError" | "RegionDisabledException" | "NoSuchEntity" => {
            (ErrorKind::Configuration, "the request is not accepted")
        }
        _ => match status {
            429 => (ErrorKind::Throttled, "asks to slow down"),
            500.. => (ErrorKind::Server, "failed"),
            _ => (ErrorKind::Credentials, "gives no keys"),
        },
    };
    let said = one_line(&redacted(message, secrets));
    let detail = if said.is_empty() { format!("{what}: {meaning}") } else { format!("{what}: {meaning}: {said}") };
    Error::new(kind, detail).answered(status, Some(code).filter(|code| !code.is_empty()))
}

/// The longest secret goes first: one may be the beginning of another.
fn redacted(text: &str, secrets: &[Option<&Secret>]) -> String {
    let mut secrets: Vec<_> =
        secrets.iter().flatten().map(|secret| secret.expose()).filter(|s| !s.is_empty()).collect();
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// `None` where the text is not XML to its end.
fn read(xml: &str) -> Option<Fields> {
    let mut reader = Reader::from_str(xml);
    let (mut fields, mut text, mut depth) = (Fields::default(), String::new(), 0_usize);
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) => {
                depth += 1;
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().ok()?),
            Event::CData(part) => text.push_str(&part.decode().ok()?),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(c) => text.push(c),
                None => text.push_str(quick_xml::escape::resolve_xml_entity(&reference.decode().ok()?)?),
            },
            Event::End(end) => {
                depth = depth.checked_sub(1)?;
                let value = Secret::new(std::mem::take(&mut text).trim());
                let field = match end.local_name().as_ref() {
                    b"AccessKeyId" => &mut fields.id,
                    b"SecretAccessKey" => &mut fields.secret,
                    b"SessionToken" => &mut fields.token,
                    b"Expiration" => &mut fields.expiration,
                    b"Code" => &mut fields.code,
                    b"Message" => &mut fields.message,
                    _ => continue,
                };
                field.get_or_insert(value);
            }
            Event::Eof => return (depth == 0).then_some(fields),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> Error {
        let text = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        );
        keys(&Reply { status, text }, "assuming R: STS at S", &[Some(&Secret::new("canary")), None]).unwrap_err()
    }

    #[test]
    fn every_refusal_is_one_line_that_says_what_it_means() {
        use ErrorKind::{ClockSkew, Credentials, ExpiredToken, Server, Throttled};
        for (status, code, message, kind, line) in [
            (
                403,
                "AccessDenied",
                "User: u is not authorized",
                Credentials,
                "assuming R: STS at S: access denied: User: u is not authorized (403 AccessDenied)",
            ),
            (
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
                ExpiredToken,
                "assuming R: STS at S: the token has expired: The security token included in the request is expired \
                 (403 ExpiredToken)",
            ),
            (
                403,
                "InvalidClientTokenId",
                "x",
                Credentials,
                "assuming R: STS at S: the access key is not known: x (403 InvalidClientTokenId)",
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "no match.\n\nx-amz-security-token:other-secret",
                Credentials,
                "assuming R: STS at S: the secret access key is wrong: no match. (403 SignatureDoesNotMatch)",
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "Signature expired: a is now earlier than b",
                ClockSkew,
                "assuming R: STS at S: this machine's clock and the server's differ by too much: Signature expired: \
                 a is now earlier than b (403 SignatureDoesNotMatch)",
            ),
            (
                400,
                "Throttling",
                "Rate exceeded",
                Throttled,
                "assuming R: STS at S: asks to slow down: Rate exceeded (400 Throttling)",
            ),
            (403, "Odd", "you sent canary", Credentials, "assuming R: STS at S: gives no keys: you sent *** (403 Odd)"),
            (500, "", "", Server, "assuming R: STS at S: failed (500)"),
        ] {
            let error = refused(status, code, message);
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, line));
        }
    }

    #[test]
    fn half_a_reply_gives_no_keys() {
        let whole = "<R><C><AccessKeyId>A</AccessKeyId><SecretAccessKey>a&amp;b</SecretAccessKey>\
            <SessionToken>t</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration></C></R>";
        let parse = |text: &str| keys(&Reply { status: 200, text: text.into() }, "W", &[]);
        assert_eq!(parse(whole).unwrap().secret_access_key.expose(), "a&b");
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]).unwrap_err().kind(), ErrorKind::InvalidReply, "{end}");
        }
    }
}
