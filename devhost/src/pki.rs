//! The host's certificates: made anew by each `up`, valid for 90 days.
mod kubeconfig;

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::{
    network::{API_SERVICE_ADDRESS, CONTROL_PLANE_ADDRESS, NodeNetwork},
    state::{State, write_private},
};

/// Whom the NetworkPolicy agents of all nodes are to the API.
pub const NETPOL_USER: &str = "warren-netpol";
const VALIDITY: Duration = Duration::days(90);
/// Clocks of a laptop that slept may be off by a little.
const BACKDATE: Duration = Duration::hours(1);

/// A certificate authority that can sign leaves.
struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A signed certificate and its key, PEM.
struct Leaf {
    certificate_pem: String,
    key_pem: String,
}

/// Writes all certificates, keys and kubeconfigs of a host with these nodes.
///
/// # Errors
/// If one cannot be made or written.
pub fn create(state: &State, nodes: &[NodeNetwork], forward_port: u16) -> Result<()> {
    let ca = Authority::new("warren-host-ca")?;
    let front = Authority::new("warren-host-front-proxy-ca")?;
    ca.write(state, "ca")?;
    front.write(state, "front")?;
    let service_account = KeyPair::generate().context("failed to make the service account key")?;
    write_private(&state.pki("sa.key"), &service_account.serialize_pem())?;
    write_private(&state.pki("sa.pub"), &service_account.public_key_pem())?;

    let names = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "localhost",
    ];
    let addresses = [CONTROL_PLANE_ADDRESS, API_SERVICE_ADDRESS, "127.0.0.1"];
    ca.sign("kube-apiserver", None, &names, &addresses)?
        .write(state, "apiserver")?;
    ca.sign("apiserver-kubelet-client", Some("system:masters"), &[], &[])?
        .write(state, "kubelet-client")?;
    front
        .sign("front-proxy-client", None, &[], &[])?
        .write(state, "front-client")?;

    let inside = format!("https://{CONTROL_PLANE_ADDRESS}:{}", crate::apiserver::PORT);
    let outside = format!("https://127.0.0.1:{forward_port}");
    let admin = ca.sign("warren-host-admin", Some("system:masters"), &[], &[])?;
    kubeconfig::write(&state.pki("admin.conf"), &inside, &ca, &admin)?;
    kubeconfig::write(&state.kubeconfig(), &outside, &ca, &admin)?;
    for user in ["kube-controller-manager", "kube-scheduler", "kube-proxy"] {
        let leaf = ca.sign(&format!("system:{user}"), None, &[], &[])?;
        kubeconfig::write(&state.pki(&format!("{user}.conf")), &inside, &ca, &leaf)?;
    }
    let netpol = ca.sign(NETPOL_USER, None, &[], &[])?;
    kubeconfig::write(&state.pki(&format!("{NETPOL_USER}.conf")), &inside, &ca, &netpol)?;
    for NodeNetwork { name, address, .. } in nodes {
        ca.sign(name, None, &[name], &[address])?
            .write(state, &format!("kubelet-{name}"))?;
        let leaf = ca.sign(&format!("system:node:{name}"), Some("system:nodes"), &[], &[])?;
        kubeconfig::write(&state.pki(&format!("{name}.conf")), &inside, &ca, &leaf)?;
    }
    Ok(())
}

impl Authority {
    fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate().with_context(|| format!("failed to make the key of {name}"))?;
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params
            .self_signed(&key)
            .with_context(|| format!("failed to sign {name}"))?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    fn sign(&self, name: &str, group: Option<&str>, dns: &[&str], addresses: &[&str]) -> Result<Leaf> {
        let context = || format!("failed to make the certificate of {name}");
        let key = KeyPair::generate().with_context(context)?;
        let mut params = params(name);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        for name in dns {
            params
                .subject_alt_names
                .push(SanType::DnsName((*name).try_into().with_context(context)?));
        }
        for address in addresses {
            let address: IpAddr = address.parse().with_context(context)?;
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        let certificate = params.signed_by(&key, &self.issuer).with_context(context)?;
        Ok(Leaf {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// The key is written too: the controller-manager signs certificate requests with it.
    fn write(&self, state: &State, name: &str) -> Result<()> {
        write_private(&state.pki(&format!("{name}.crt")), &self.certificate_pem)?;
        write_private(
            &state.pki(&format!("{name}.key")),
            &self.issuer.key().serialize_pem(),
        )
    }
}

impl Leaf {
    fn write(&self, state: &State, name: &str) -> Result<()> {
        write_private(&state.pki(&format!("{name}.crt")), &self.certificate_pem)?;
        write_private(&state.pki(&format!("{name}.key")), &self.key_pem)
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATE;
    params.not_after = now + VALIDITY;
    params
}
