//! A certificate for the server and the authority that signed it, made at start.

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// TLS for one server.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate, which clients must trust.
    pub(crate) authority_pem: String,
}

impl Tls {
    /// A certificate for `127.0.0.1`, `localhost`, the base domain and its buckets.
    ///
    /// # Errors
    /// Where keys or certificates cannot be made.
    pub(crate) fn new(base_domain: Option<&str>, buckets: &[String]) -> anyhow::Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "transship testbed authority");
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();

        let mut names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        if let Some(domain) = base_domain {
            // Buckets by name: below a domain of one label, such as `localhost`, clients accept no wildcard.
            names.extend(buckets.iter().map(|bucket| format!("{bucket}.{domain}")));
            names.extend([domain.to_owned(), format!("*.{domain}")]);
        }
        let mut server = CertificateParams::new(names)?;
        server.distinguished_name.push(DnType::CommonName, "transship testbed");
        server.use_authority_key_identifier_extension = true;
        let server_key = KeyPair::generate()?;
        let certificate = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;

        let key = PrivateKeyDer::try_from(server_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .context("the testbed's own certificate is refused")?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority_pem })
    }
}
