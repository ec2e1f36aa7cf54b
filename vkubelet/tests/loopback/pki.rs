//! Certificate authorities and leaves for one test.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use warren_runtime::tls::Identity;

/// One authority.
pub(crate) struct Authority {
    pub(crate) certificate: String,
    pub(crate) key: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).unwrap().pem();
        let pem = key.serialize_pem();
        let issuer = Issuer::from_ca_cert_pem(&certificate, key).unwrap();
        Self {
            certificate,
            key: pem,
            issuer,
        }
    }

    /// A leaf for client and server; the other side is verified with this authority.
    pub(crate) fn leaf(&self, name: &str, names: &[&str]) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ];
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity {
            certificate,
            key: key.serialize_pem(),
            ca: self.certificate.clone(),
        }
    }
}

/// The authorities of one virtual cluster that the vkubelet knows.
pub(crate) struct Pki {
    pub(crate) internal: Authority,
    pub(crate) kubelet_client: Authority,
    pub(crate) kubelet_serving: Authority,
    pub(crate) front_proxy: Authority,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self {
            internal: Authority::new("internal"),
            kubelet_client: Authority::new("kubelet-client"),
            kubelet_serving: Authority::new("kubelet-serving"),
            front_proxy: Authority::new("front-proxy"),
        }
    }
}
