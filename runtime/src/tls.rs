//! Certificates from mounted directories, and the TLS configurations made of them. ring is the only provider.
//!
//! Files are read once: the operator rolls a Deployment when its leaf is renewed (a checksum in the Pod template).

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tonic::transport::{Certificate, ClientTlsConfig, Identity as TonicIdentity, ServerTlsConfig};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Why certificates could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another crypto provider is installed already.
    #[error("a crypto provider is installed already: two would be compiled in")]
    Provider,
    /// A file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not PEM, or not of the expected kind.
    #[error("failed to parse {what}: {message}")]
    Parse {
        /// Which file or part.
        what: String,
        /// Why.
        message: String,
    },
    /// rustls refused the combination.
    #[error("failed to build a TLS configuration")]
    Rustls(#[source] rustls::Error),
}

/// Installs ring; call it first in `main`.
///
/// # Errors
/// [`Error::Provider`] when one is installed already.
pub fn install_provider() -> Result<(), Error> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_installed| Error::Provider)
}

/// A leaf with its key and the CA that the other side is verified with, all PEM.
#[derive(Clone)]
pub struct Identity {
    /// Certificate chain, leaf first.
    pub certificate: String,
    /// Private key.
    pub key: String,
    /// CA certificates to verify the other side with.
    pub ca: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity { .. }")
    }
}

impl Identity {
    /// Reads `tls.crt`, `tls.key` and `ca.crt` of a directory (a mounted Secret).
    ///
    /// # Errors
    /// [`Error::Read`] naming the file.
    pub fn from_dir(directory: &Path) -> Result<Self, Error> {
        Ok(Self {
            certificate: read(&directory.join("tls.crt"))?,
            key: read(&directory.join("tls.key"))?,
            ca: read(&directory.join("ca.crt"))?,
        })
    }

    /// For a tonic server that accepts only clients of [`Self::ca`].
    pub fn tonic_server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new()
            .identity(TonicIdentity::from_pem(&self.certificate, &self.key))
            .client_ca_root(Certificate::from_pem(&self.ca))
    }

    /// For a tonic client; the server's certificate must name the host of the URL that is dialed.
    pub fn tonic_client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .identity(TonicIdentity::from_pem(&self.certificate, &self.key))
            .ca_certificate(Certificate::from_pem(&self.ca))
    }

    /// For a rustls server that accepts only clients of [`Self::ca`] (HTTP/1.1).
    ///
    /// # Errors
    /// [`Error::Parse`] for bad PEM, [`Error::Rustls`] when certificate and key do not fit.
    pub fn rustls_server(&self) -> Result<Arc<ServerConfig>, Error> {
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots(&self.ca)?))
            .build()
            .map_err(|error| Error::Parse {
                what: "client CA".to_owned(),
                message: error.to_string(),
            })?;
        let mut config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?)
            .map_err(Error::Rustls)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Reads a PEM file.
///
/// # Errors
/// [`Error::Read`] naming the file.
pub fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.display().to_string(),
        source,
    })
}

/// All certificates of a PEM text.
///
/// # Errors
/// [`Error::Parse`].
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Parse {
            what: "certificates".to_owned(),
            message: error.to_string(),
        })
}

/// The private key of a PEM text.
///
/// # Errors
/// [`Error::Parse`].
pub fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| Error::Parse {
        what: "private key".to_owned(),
        message: error.to_string(),
    })
}

/// A root store of all certificates of a PEM text.
///
/// # Errors
/// [`Error::Parse`], [`Error::Rustls`] for a certificate that cannot be a root.
pub fn roots(pem: &str) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate).map_err(Error::Rustls)?;
    }
    Ok(store)
}

/// The subject's common name of a certificate, if it has one.
pub fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}
