use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use transship_types::{ErrorClass, Secret};

use super::{Credentials, home, stand_in::assumed};
use crate::{Error, ErrorKind, S3Credentials, S3Spec};

/// An STS on `https://localhost` with a certificate of its own authority: its address, and the authority as PEM.
fn sts() -> (String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = answer(&mut rustls::StreamOwned::new(session, stream));
        }
    });
    (format!("https://localhost:{port}"), authority.pem())
}

fn answer(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    let (mut asked, mut buffer) = (String::new(), [0; 4096]);
    while !asked.contains("WebIdentityToken=") {
        let read = stream.read(&mut buffer)?;
        asked += &String::from_utf8_lossy(&buffer[..read]);
    }
    let body = assumed("TLS", 3600);
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())?;
    stream.flush()
}

async fn key(url: &str, home: &Path, ca_bundle: Option<&Path>) -> Result<String, Error> {
    std::fs::write(home.join("token"), "jwt").unwrap();
    let variables = [
        ("HOME", home.to_str().unwrap()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "~/token"),
        ("AWS_ROLE_ARN", "arn:x/one"),
        ("AWS_ENDPOINT_URL_STS", url),
    ];
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), Secret::new(value))).into();
    let mut spec = S3Spec::new("bucket", S3Credentials::Chain(variables));
    spec.ca_bundle = ca_bundle.map(Path::to_owned);
    Ok(Credentials::new(&spec.credentials, &spec)?.keys().await?.unwrap().access_key_id.clone())
}

#[tokio::test]
async fn sts_is_trusted_through_the_ca_bundle_and_otherwise_refused_for_good() {
    let (url, authority) = sts();
    let home = home("", "");
    let error = key(&url, home.path(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Connection, ErrorClass::Permanent));
    assert!(
        error.to_string().contains(&format!("STS at {url} cannot be reached: invalid peer certificate")),
        "{error}"
    );

    let bundle = home.path().join("ca.pem");
    std::fs::write(&bundle, authority).unwrap();
    assert_eq!(key(&url, home.path(), Some(&bundle)).await.unwrap(), "TLS");
    std::fs::write(&bundle, "nothing").unwrap();
    let error = key(&url, home.path(), Some(&bundle)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}
