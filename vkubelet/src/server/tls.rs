//! TLS of what the gate answers itself, with leaves that are minted here: one for each node's kubelet API, whose
//! callers show a certificate of the kubelet-client CA or a token later, and one for `metrics.k8s.io`, whose callers
//! must show a certificate of the front-proxy CA.

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
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use time::OffsetDateTime;
use warren_crds::keys::METRICS_SERVICE;
use warren_runtime::clock::SharedClock;
use warren_runtime::tls;

use crate::node::view::HostNode;

/// How long a leaf lives; it is minted again at two thirds.
const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// HTTP/2 as TLS negotiates it.
pub const HTTP2: &[u8] = b"h2";
/// Clocks differ: a leaf is valid a little before it is made.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// Why no leaf could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A certificate or key that was mounted cannot be used.
    #[error("failed to use the kubelet certificates")]
    Files(#[from] tls::Error),
    /// A client CA cannot verify anybody.
    #[error("failed to verify with a client CA: {0}")]
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

/// The mounted certificates and keys, PEM.
#[derive(Clone, Copy)]
pub struct Authorities<'a> {
    /// Certificate of the CA that signs the leaves.
    pub serving: &'a str,
    /// Its key.
    pub serving_key: &'a str,
    /// CA of the callers of the kubelet API.
    pub kubelet_client: &'a str,
    /// CA of the caller of `metrics.k8s.io`.
    pub front_proxy: &'a str,
}

/// Serving configurations: by node, and one without a name for `metrics.k8s.io`.
pub struct Leaves {
    issuer: Issuer<'static, KeyPair>,
    kubelet_client: Arc<dyn ClientCertVerifier>,
    front_proxy: Arc<dyn ClientCertVerifier>,
    clock: SharedClock,
    by_node: Mutex<HashMap<String, Leaf>>,
}

impl Leaves {
    /// With these authorities.
    ///
    /// # Errors
    /// [`Error`] when one of them cannot be used.
    pub fn new(authorities: Authorities<'_>, clock: SharedClock) -> Result<Self, Error> {
        let Authorities {
            serving,
            serving_key,
            kubelet_client,
            front_proxy,
        } = authorities;
        let issuer = Issuer::from_ca_cert_pem(serving, KeyPair::from_pem(serving_key)?)?;
        let refused = |error: VerifierBuilderError| Error::ClientCa(error.to_string());
        let verifier = |ca: &str| Ok::<_, Error>(WebPkiClientVerifier::builder(Arc::new(tls::roots(ca)?)));
        Ok(Self {
            issuer,
            kubelet_client: verifier(kubelet_client)?
                .allow_unauthenticated()
                .build()
                .map_err(refused)?,
            front_proxy: verifier(front_proxy)?.build().map_err(refused)?,
            clock,
            by_node: Mutex::default(),
        })
    }

    /// The configuration of one node's kubelet API.
    ///
    /// # Errors
    /// [`Error`].
    pub fn of(&self, node: &HostNode) -> Result<Arc<ServerConfig>, Error> {
        self.current(&node.name, names(node), &self.kubelet_client)
    }

    /// The configuration of `metrics.k8s.io`. With HTTP/2: the apiserver looks whether it is there with five requests
    /// at once, twice a minute, and would else keep five connections open.
    ///
    /// # Errors
    /// [`Error`].
    pub fn of_metrics(&self) -> Result<Arc<ServerConfig>, Error> {
        let name = Ia5String::try_from(format!("{METRICS_SERVICE}.kube-system.svc"))?;
        self.current("", vec![SanType::DnsName(name)], &self.front_proxy)
    }

    /// Minted when there is none, or its names changed, or it is old.
    fn current(
        &self,
        of: &str,
        names: Vec<SanType>,
        verifier: &Arc<dyn ClientCertVerifier>,
    ) -> Result<Arc<ServerConfig>, Error> {
        let now = self.clock.now();
        let mut leaves = self.by_node.lock();
        if let Some(leaf) = leaves.get(of)
            && leaf.names == names
            && now < leaf.minted + LIFETIME * 2 / 3
        {
            return Ok(Arc::clone(&leaf.config));
        }
        let config = self.mint(of, names.clone(), verifier, now)?;
        leaves.insert(
            of.to_owned(),
            Leaf {
                names,
                minted: now,
                config: Arc::clone(&config),
            },
        );
        Ok(config)
    }

    fn mint(
        &self,
        of: &str,
        names: Vec<SanType>,
        verifier: &Arc<dyn ClientCertVerifier>,
        now: Timestamp,
    ) -> Result<Arc<ServerConfig>, Error> {
        let key = KeyPair::generate()?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, common_name(of));
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
            .with_client_cert_verifier(Arc::clone(verifier))
            .with_single_cert(chain, key)
            .map_err(tls::Error::Rustls)?;
        config.alpn_protocols = alpn(of);
        Ok(Arc::new(config))
    }
}

/// Upgrades are HTTP/1.1, so kubelets have nothing else.
fn alpn(of: &str) -> Vec<Vec<u8>> {
    let http1 = b"http/1.1".to_vec();
    if of.is_empty() {
        vec![HTTP2.to_vec(), http1]
    } else {
        vec![http1]
    }
}

fn common_name(of: &str) -> String {
    if of.is_empty() {
        "warren:metrics".to_owned()
    } else {
        format!("warren:kubelet:{of}")
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
