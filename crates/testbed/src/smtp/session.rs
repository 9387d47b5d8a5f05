use std::{
    io,
    sync::{Arc, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{Received, SinkTls, State};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One connection. Clients that hang up are no error to anyone.
pub(super) async fn serve(stream: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) -> io::Result<()> {
    if state.options.silent {
        let mut stream = stream;
        return stream.read_to_end(&mut Vec::new()).await.map(drop);
    }
    let implicit = state.options.tls == SinkTls::Implicit;
    let stream: Box<dyn Stream> = if implicit { Box::new(acceptor.accept(stream).await?) } else { Box::new(stream) };
    let mut session = Session { stream: BufReader::new(stream), state, encrypted: implicit, user: None, mail: None };
    session.reply("GREETING", "220 sink ready").await?;
    loop {
        match session.command().await? {
            Next::Go => {}
            Next::Quit => return Ok(()),
            Next::Encrypt => {
                let plain = session.stream.into_inner();
                let stream: Box<dyn Stream> = Box::new(acceptor.accept(plain).await?);
                session = Session { stream: BufReader::new(stream), encrypted: true, ..session };
            }
        }
    }
}

enum Next {
    Go,
    Encrypt,
    Quit,
}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    state: Arc<State>,
    encrypted: bool,
    user: Option<String>,
    mail: Option<(String, Vec<String>)>,
}

impl Session {
    async fn command(&mut self) -> io::Result<Next> {
        let Some(line) = self.line().await? else { return Ok(Next::Quit) };
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let noted = if verb == "AUTH" { line.split(' ').take(2).collect::<Vec<_>>().join(" ") } else { line.clone() };
        self.state.commands.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
        match verb.as_str() {
            "EHLO" => self.hello().await?,
            "HELO" | "RSET" | "NOOP" => self.reply(&verb, "250 ok").await?,
            "STARTTLS" if self.state.options.tls == SinkTls::StartTls && !self.encrypted => {
                self.reply("STARTTLS", "220 go ahead").await?;
                return Ok(Next::Encrypt);
            }
            "AUTH" => self.authenticate(&line).await?,
            "MAIL" if self.state.options.user.is_some() && self.user.is_none() => {
                self.reply("MAIL", "530 5.7.0 log in first").await?;
            }
            "MAIL" => {
                self.mail = Some((address(&line), Vec::new()));
                self.reply("MAIL", "250 ok").await?;
            }
            "RCPT" => self.recipient(&line).await?,
            "DATA" => self.data().await?,
            "QUIT" => {
                self.reply("QUIT", "221 bye").await?;
                return Ok(Next::Quit);
            }
            _ => self.say("502 5.5.1 unknown command").await?,
        }
        Ok(Next::Go)
    }

    async fn hello(&mut self) -> io::Result<()> {
        let options = &self.state.options;
        let mut lines = vec!["sink".to_owned(), "8BITMIME".to_owned(), "SMTPUTF8".to_owned()];
        if options.tls == SinkTls::StartTls && !self.encrypted {
            lines.push("STARTTLS".into());
        }
        if options.user.is_some() {
            let all: &[&str] = &["PLAIN", "LOGIN"];
            let offered = if options.mechanisms.is_empty() { all } else { &options.mechanisms };
            lines.push(format!("AUTH {}", offered.join(" ")));
        }
        let last = lines.len() - 1;
        let lines = lines.iter().enumerate().map(|(n, l)| format!("250{}{l}", if n == last { ' ' } else { '-' }));
        let reply = lines.collect::<Vec<_>>().join("\r\n");
        self.reply("EHLO", &reply).await
    }

    async fn authenticate(&mut self, line: &str) -> io::Result<()> {
        let mut words = line.split(' ').skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let first = words.next().map(str::to_owned);
        let given = match mechanism.as_str() {
            "PLAIN" => {
                let response = self.response("", first).await?;
                let mut parts = response.split('\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            "LOGIN" => {
                let user = self.response("Username:", first).await?;
                Some((user, self.response("Password:", None).await?))
            }
            _ => return self.say("504 5.5.4 unknown mechanism").await,
        };
        if given.is_some() && given == self.state.options.user {
            self.user = given.map(|(user, _)| user);
            return self.reply("AUTH", "235 2.7.0 welcome").await;
        }
        self.reply("AUTH", "535 5.7.8 wrong user or password").await
    }

    async fn response(&mut self, challenge: &str, first: Option<String>) -> io::Result<String> {
        let answer = match first {
            Some(first) => first,
            None => {
                self.say(&format!("334 {}", BASE64.encode(challenge))).await?;
                self.line().await?.unwrap_or_default()
            }
        };
        let bytes = BASE64.decode(answer.trim()).map_err(io::Error::other)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    async fn recipient(&mut self, line: &str) -> io::Result<()> {
        let address = address(line);
        let refused = self.state.options.refuse.iter().find(|(who, _)| *who == address);
        if let Some((_, reply)) = refused {
            let reply = reply.clone();
            return self.say(&reply).await;
        }
        match &mut self.mail {
            Some((_, to)) => to.push(address),
            None => return self.say("503 5.5.1 MAIL first").await,
        }
        self.reply("RCPT", "250 ok").await
    }

    async fn data(&mut self) -> io::Result<()> {
        if self.mail.as_ref().is_none_or(|(_, to)| to.is_empty()) {
            return self.say("503 5.5.1 RCPT first").await;
        }
        if let Some(reply) = self.special("DATA") {
            return self.say(&reply).await;
        }
        self.say("354 go on").await?;
        let mut data = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            if line == b".\r\n" {
                break;
            }
            // RFC 5321, section 4.5.2: a dot at the start of a line was doubled.
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        if let Some(reply) = self.special(".") {
            return self.say(&reply).await;
        }
        if let Some((from, to)) = self.mail.take() {
            let mail = Received { from, to, data, encrypted: self.encrypted, user: self.user.clone() };
            self.state.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
            self.state.arrived.notify_waiters();
        }
        self.say("250 taken").await
    }

    fn special(&self, command: &str) -> Option<String> {
        self.state.options.replies.iter().find(|(name, _)| *name == command).map(|(_, reply)| reply.clone())
    }

    async fn reply(&mut self, command: &str, usual: &str) -> io::Result<()> {
        let reply = self.special(command).unwrap_or_else(|| usual.to_owned());
        self.say(&reply).await
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// What is between `<` and `>`.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address);
    inner.unwrap_or_default().to_owned()
}
