//! A mail server for tests: it takes mail over real sockets, keeps it, and can be made to refuse.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

mod session;

/// How the sink is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SinkTls {
    /// Not at all.
    #[default]
    None,
    /// On demand.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// How the sink behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkOptions {
    /// Encryption.
    pub tls: SinkTls,
    /// The host names in the certificate; `localhost` and `127.0.0.1` where empty.
    pub names: Vec<String>,
    /// The only user and password that may log in; mail is taken from nobody else.
    pub user: Option<(String, String)>,
    /// The mechanisms that are offered, of `PLAIN` and `LOGIN`; both where empty.
    pub mechanisms: Vec<&'static str>,
    /// Recipients to refuse, with the reply: `("a@x.org", "550 5.1.1 no such user")`.
    pub refuse: Vec<(String, String)>,
    /// The reply to give to this command in place of the usual one: `("DATA", "451 try later")`. The name
    /// `GREETING` stands for the greeting, and `.` for the end of the message.
    pub replies: Vec<(&'static str, String)>,
    /// Accept connections, and never say a word.
    pub silent: bool,
}

/// A mail as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message: headers and body, with CR LF between lines.
    pub data: Vec<u8>,
    /// Whether it came through TLS.
    pub encrypted: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

/// A mail server on a port of 127.0.0.1, on a thread of its own, until dropped.
///
/// ```
/// let sink = transship_testbed::smtp::SmtpSink::start(Default::default()).unwrap();
/// assert!(sink.mails().is_empty());
/// ```
pub struct SmtpSink {
    address: SocketAddr,
    certificate: String,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    options: SinkOptions,
    mails: Mutex<Vec<Received>>,
    commands: Mutex<Vec<String>>,
    arrived: Notify,
}

impl SmtpSink {
    /// Starts it.
    ///
    /// # Errors
    /// No port, no certificate.
    pub fn start(options: SinkOptions) -> io::Result<Self> {
        let (acceptor, certificate) = certificate(&options)?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { options, ..State::default() });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped => {}
                    _ = accept(listener, acceptor, shared) => {}
                }
            });
        });
        Ok(Self { address, certificate, state, stop: Some(stop), thread: Some(thread) })
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate, as PEM: it is its own authority.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The mails that were taken so far.
    pub fn mails(&self) -> Vec<Received> {
        self.state.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The commands that were received so far, without the answers to challenges and the messages.
    pub fn commands(&self) -> Vec<String> {
        self.state.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until at least `count` mails were taken.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        loop {
            let arrived = self.state.arrived.notified();
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            arrived.await;
        }
    }
}

impl fmt::Debug for SmtpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpSink({})", self.address)
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server's thread has been printed; the test decides by what was received.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, acceptor: TlsAcceptor, state: Arc<State>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(session::serve(stream, acceptor.clone(), state.clone()));
    }
}

fn certificate(options: &SinkOptions) -> io::Result<(TlsAcceptor, String)> {
    let default = || vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let names = if options.names.is_empty() { default() } else { options.names.clone() };
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key))
        .map_err(io::Error::other)?;
    Ok((TlsAcceptor::from(Arc::new(config)), cert.pem()))
}
