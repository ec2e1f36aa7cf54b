//! TLS of the virtual kubelets: one serving leaf a node, minted here; callers must hold a certificate of the
//! kubelet-client CA.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use time::OffsetDateTime;
use warren_runtime::clock::SharedClock;
use warren_runtime::tls;

use crate::node::view::HostNode;

/// How long a leaf lives; it is minted again at two thirds.
const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Clocks differ: a leaf is valid a little before it is made.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// Why no leaf could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A certificate or key that was mounted cannot be used.
    #[error("failed to use the kubelet certificates")]
    Files(#[from] tls::Error),
    /// The client CA cannot verify anybody.
    #[error("failed to verify with the kubelet client CA: {0}")]
    ClientCa(String),
    /// rcgen refused.
    #[error("failed to mint a serving certificate")]
    Mint(#[from] rcgen::Error),
    /// The time is out of range.
    #[error("failed to compute a validity: {0}")]
    Time(String),
}

struct Leaf {
    names: Vec<SanType>,
    minted: Timestamp,
    config: Arc<ServerConfig>,
}

/// Serving configurations by node.
pub struct Leaves {
    issuer: Issuer<'static, KeyPair>,
    verifier: Arc<dyn ClientCertVerifier>,
    clock: SharedClock,
    by_node: Mutex<HashMap<String, Leaf>>,
}

impl Leaves {
    /// `ca_certificate` and `ca_key` (PEM) sign the leaves, `client_ca` (PEM) verifies the callers.
    ///
    /// # Errors
    /// [`Error`] when one of them cannot be used.
    pub fn new(
        ca_certificate: &str,
        ca_key: &str,
        client_ca: &str,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let issuer = Issuer::from_ca_cert_pem(ca_certificate, KeyPair::from_pem(ca_key)?)?;
        let verifier = WebPkiClientVerifier::builder(Arc::new(tls::roots(client_ca)?))
            .build()
            .map_err(|error| Error::ClientCa(error.to_string()))?;
        Ok(Self {
            issuer,
            verifier,
            clock,
            by_node: Mutex::default(),
        })
    }

    /// The configuration of one node, minted when there is none, or its addresses changed, or it is old.
    ///
    /// # Errors
    /// [`Error`].
    pub fn of(&self, node: &HostNode) -> Result<Arc<ServerConfig>, Error> {
        let now = self.clock.now();
        let names = names(node);
        let mut leaves = self.by_node.lock();
        if let Some(leaf) = leaves.get(&node.name)
            && leaf.names == names
            && now < leaf.minted + LIFETIME * 2 / 3
        {
            return Ok(Arc::clone(&leaf.config));
        }
        let config = self.mint(&node.name, names.clone(), now)?;
        leaves.insert(
            node.name.clone(),
            Leaf {
                names,
                minted: now,
                config: Arc::clone(&config),
            },
        );
        Ok(config)
    }

    fn mint(&self, node: &str, names: Vec<SanType>, now: Timestamp) -> Result<Arc<ServerConfig>, Error> {
        let key = KeyPair::generate()?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, format!("warren:kubelet:{node}"));
        let mut params = CertificateParams::default();
        params.distinguished_name = subject;
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = offset(now - BACKDATE)?;
        params.not_after = offset(now + LIFETIME)?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let chain = vec![CertificateDer::from(leaf.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_client_cert_verifier(Arc::clone(&self.verifier))
            .with_single_cert(chain, key)
            .map_err(tls::Error::Rustls)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Addresses and host name of the node, as a client that dials them verifies them.
fn names(node: &HostNode) -> Vec<SanType> {
    let addresses = node
        .addresses()
        .into_iter()
        .map(|address: IpAddr| SanType::IpAddress(address));
    let hostnames = [node.hostname(), &node.name];
    let mut names: Vec<SanType> = addresses.collect();
    for hostname in hostnames {
        if let Ok(name) = Ia5String::try_from(hostname).map(SanType::DnsName)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

fn offset(at: Timestamp) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|error| Error::Time(error.to_string()))
}
