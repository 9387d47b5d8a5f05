use std::path::Path;

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{Error, ErrorKind, Result};

/// TLS as every client of this crate speaks it: ring, the system's certificate authorities and those of `ca_bundle`,
/// a PEM file. The provider is named here, so that no process-wide default has to be installed. No ALPN is set.
///
/// Reading the system's authorities takes milliseconds: make one and clone it.
///
/// # Errors
/// `Configuration`, naming the file, where the bundle cannot be read or holds no certificate.
pub(crate) fn client_config(ca_bundle: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "some of the system's certificate authorities cannot be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_bundle {
        add_bundle(&mut roots, path)?;
    }
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Configuration, "TLS cannot be set up").caused_by(e))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add_bundle(roots: &mut RootCertStore, path: &Path) -> Result<()> {
    let wrong = |what: String| Error::new(ErrorKind::Configuration, format!("CA bundle {}: {what}", path.display()));
    let pem = std::fs::read(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| wrong(format!("is not PEM: {e}")))?;
        roots.add(certificate).map_err(|e| wrong(format!("certificate {} is not valid: {e}", found + 1)))?;
        found += 1;
    }
    if found == 0 {
        return Err(wrong("holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_an_error_that_names_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(Some(file.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
        let error = client_config(Some(Path::new("/no/such/bundle.pem"))).unwrap_err().to_string();
        assert!(error.starts_with("CA bundle /no/such/bundle.pem: cannot be read"), "{error}");
    }
}
