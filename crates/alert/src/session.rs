use std::error::Error as _;

use base64::Engine as _;
use lettre::{
    Address,
    transport::smtp::{
        self,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use transship_types::ErrorClass;

use crate::{
    Error, Message, Refusal, Result, Security, SmtpOptions, Step,
    error::transient,
    message::{Envelope, one_line},
    options::Server,
};

/// Sends one message, in one attempt. Recipients that the server refuses do not keep it from the others.
///
/// # Errors
/// Addresses and options are checked before anything is sent. [`Error::Refused`] where the server did not take all
/// recipients; [`Error::Server`] for everything else that happens on the way.
pub async fn send(options: &SmtpOptions, message: &Message) -> Result<()> {
    let server = options.resolve()?;
    let envelope = message.envelope()?;
    let mut session = Session::open(options, &server).await?;
    session.log_in().await?;
    let outcome = session.deliver(&envelope).await;
    if matches!(outcome, Ok(()) | Err(Error::Refused { .. })) {
        session.quit().await;
    }
    outcome
}

struct Session<'a> {
    options: &'a SmtpOptions,
    server: &'a Server,
    connection: AsyncSmtpConnection,
}

/// A failed step, not yet placed.
struct Trouble {
    code: Option<u16>,
    detail: String,
    class: ErrorClass,
}

impl<'a> Session<'a> {
    async fn open(options: &'a SmtpOptions, server: &'a Server) -> Result<Self> {
        let hello = ClientId::default();
        let failed = |step, trouble| place(server, step, trouble);
        if server.security == Security::Tls {
            let tls = tls_parameters(options, server)?;
            let address = (server.host.as_str(), server.port);
            let connecting =
                AsyncSmtpConnection::connect_tokio1(address, Some(options.timeout), &hello, Some(tls), None);
            let connection =
                step(options, connecting).await.map_err(|(step, t)| failed(step.unwrap_or(Step::Tls), t))?;
            return Ok(Self { options, server, connection });
        }
        let stream = connect(options, server).await.map_err(|t| failed(Step::Connect, t))?;
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello);
        let mut connection = step(options, greeting).await.map_err(|(_, t)| failed(Step::Greeting, t))?;
        let offered = connection.can_starttls();
        if server.security == Security::StartTls && !offered {
            let detail = "the server does not offer STARTTLS; nothing was sent".into();
            return Err(failed(Step::Tls, Trouble { code: None, detail, class: ErrorClass::Permanent }));
        }
        if offered && server.security != Security::None {
            let tls = tls_parameters(options, server)?;
            step(options, connection.starttls(tls, &hello)).await.map_err(|(_, t)| failed(Step::Tls, t))?;
        }
        Ok(Self { options, server, connection })
    }

    async fn log_in(&mut self) -> Result<()> {
        let Some(username) = &self.options.username else { return Ok(()) };
        if self.server.security == Security::Auto && !self.connection.is_encrypted() {
            let detail = "the server offers no STARTTLS, and the password is not sent unencrypted: \
                          set security to none to allow it";
            let trouble = Trouble { code: None, detail: detail.into(), class: ErrorClass::Permanent };
            return Err(self.failed(Step::Login, trouble));
        }
        let credentials = Credentials::new(username.clone(), self.options.password.expose().to_owned());
        let login = self.connection.auth(DEFAULT_MECHANISMS, &credentials);
        match step(self.options, login).await {
            Ok(_) => Ok(()),
            Err((_, trouble)) => Err(self.failed(Step::Login, trouble)),
        }
    }

    async fn deliver(&mut self, envelope: &Envelope) -> Result<()> {
        let unicode = !std::iter::once(&envelope.from).chain(&envelope.to).all(|a| a.to_string().is_ascii());
        if unicode && !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let detail = "an address is not ASCII, and the server does not support SMTPUTF8".into();
            return Err(self.failed(Step::Sender, Trouble { code: None, detail, class: ErrorClass::Permanent }));
        }
        let parameters = if unicode { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        self.command(Step::Sender, Mail::new(Some(envelope.from.clone()), parameters)).await?;
        let refused = self.recipients(&envelope.to).await?;
        let accepted = envelope.to.len() - refused.len();
        if accepted > 0 {
            self.command(Step::Message, Data).await?;
            let body = self.connection.message(&envelope.mime);
            if let Err((_, trouble)) = step(self.options, body).await {
                return Err(self.failed(Step::Message, trouble));
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        Err(Error::Refused { server: self.server.to_string(), refused, accepted })
    }

    async fn recipients(&mut self, to: &[Address]) -> Result<Vec<Refusal>> {
        let mut refused = Vec::new();
        for address in to {
            let command = self.connection.command(Rcpt::new(address.clone(), Vec::new()));
            match step(self.options, command).await {
                Ok(_) => {}
                Err((_, trouble)) if trouble.code.is_some() => {
                    let detail = self.hide_password(trouble.detail);
                    refused.push(Refusal { address: address.to_string(), code: trouble.code, detail });
                }
                Err((_, trouble)) => {
                    let detail = format!("recipient {address}: {}", trouble.detail);
                    return Err(self.failed(Step::Message, Trouble { detail, ..trouble }));
                }
            }
        }
        Ok(refused)
    }

    async fn command(&mut self, what: Step, command: impl std::fmt::Display) -> Result<Response> {
        let done = step(self.options, self.connection.command(command)).await;
        done.map_err(|(_, trouble)| self.failed(what, trouble))
    }

    /// The message is with the server by now, or has failed: what becomes of the farewell changes nothing.
    async fn quit(&mut self) {
        if let Err((_, trouble)) = step(self.options, self.connection.quit()).await {
            tracing::debug!(server = %self.server, error = trouble.detail, "the server did not say goodbye");
        }
    }

    fn failed(&self, step: Step, trouble: Trouble) -> Error {
        let detail = self.hide_password(trouble.detail);
        place(self.server, step, Trouble { detail, ..trouble })
    }

    /// Some servers quote in their reply what they were sent.
    fn hide_password(&self, detail: String) -> String {
        let password = self.options.password.expose();
        if password.is_empty() {
            return detail;
        }
        let base64 = base64::engine::general_purpose::STANDARD;
        let user = self.options.username.as_deref().unwrap_or_default();
        let plain = base64.encode(format!("\0{user}\0{password}"));
        [plain, base64.encode(password), password.to_owned()].iter().fold(detail, |d, secret| d.replace(secret, "***"))
    }
}

fn place(server: &Server, step: Step, trouble: Trouble) -> Error {
    let Trouble { code, detail, class } = trouble;
    Error::Server { server: server.to_string(), step, code, detail, class }
}

async fn connect(options: &SmtpOptions, server: &Server) -> Result<tokio::net::TcpStream, Trouble> {
    let connecting = tokio::net::TcpStream::connect((server.host.as_str(), server.port));
    match tokio::time::timeout(options.timeout, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) => Err(Trouble { code: None, detail: e.to_string(), class: ErrorClass::Transient }),
        Err(_) => Err(timed_out(options)),
    }
}

/// Runs one exchange with the server under the time limit. The step comes along where the error itself tells it.
async fn step<T>(
    options: &SmtpOptions,
    exchange: impl Future<Output = Result<T, smtp::Error>>,
) -> Result<T, (Option<Step>, Trouble)> {
    match tokio::time::timeout(options.timeout, exchange).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err((None, timed_out(options))),
    }
}

fn timed_out(options: &SmtpOptions) -> Trouble {
    let detail = format!("no answer within {} s", options.timeout.as_secs_f32());
    Trouble { code: None, detail, class: ErrorClass::Transient }
}

fn explain(error: &smtp::Error) -> (Option<Step>, Trouble) {
    let mut root: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = root.source() {
        root = source;
    }
    if let Some(code) = error.status() {
        let code = u16::from(code);
        let class = if transient(Some(code)) { ErrorClass::Transient } else { ErrorClass::Permanent };
        let said = error.source().map(|said| excerpt(&said.to_string())).filter(|said| !said.is_empty());
        let detail = said.map_or_else(|| code.to_string(), |said| format!("{code} {said}"));
        return (Some(Step::Greeting), Trouble { code: Some(code), detail, class });
    }
    if let Some(tls) = tls_error(root) {
        return (Some(Step::Tls), tls);
    }
    let io = root.downcast_ref::<std::io::Error>();
    let class = if error.is_client() { ErrorClass::Permanent } else { ErrorClass::Transient };
    let detail = if error.is_response() { format!("the reply makes no sense: {root}") } else { root.to_string() };
    let unreachable = io.is_some_and(|e| e.kind() != std::io::ErrorKind::UnexpectedEof);
    (unreachable.then_some(Step::Connect), Trouble { code: None, detail: excerpt(&detail), class })
}

/// A certificate that is wrong now will be wrong on the next attempt.
fn tls_error(root: &(dyn std::error::Error + 'static)) -> Option<Trouble> {
    let inner = root.downcast_ref::<rustls::Error>().or_else(|| {
        let io = root.downcast_ref::<std::io::Error>()?;
        io.get_ref()?.downcast_ref::<rustls::Error>()
    })?;
    let detail = match inner {
        rustls::Error::InvalidMessage(_) => format!("the server does not speak TLS here ({inner})"),
        other => other.to_string(),
    };
    Some(Trouble { code: None, detail: excerpt(&detail), class: ErrorClass::Permanent })
}

/// One line of at most 300 characters.
fn excerpt(text: &str) -> String {
    let line = one_line(text.trim()).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 300 { line.chars().take(299).chain(['…']).collect() } else { line }
}

fn tls_parameters(options: &SmtpOptions, server: &Server) -> Result<TlsParameters> {
    let mut tls = TlsParameters::builder(server.host.clone());
    if let Some(path) = &options.ca_bundle {
        let wrong = |detail: String| Error::CaBundle { path: path.clone(), detail };
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        if !pem.windows(27).any(|w| w == b"-----BEGIN CERTIFICATE-----") {
            return Err(wrong("it holds no PEM certificate".into()));
        }
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| wrong(e.to_string()))?);
    } else if server.security == Security::Auto && options.username.is_none() {
        // Documented at `Security::Auto`: this connection would be plain text otherwise.
        tls = tls.dangerous_accept_invalid_certs(true);
    }
    tls.build().map_err(|e| Error::Options { detail: format!("TLS cannot be set up: {e}") })
}
