//! Leaves: what a certificate must say, and issuing one that says it.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use sha2::{Digest, Sha256};

use super::{Error, Pair, offset};

/// The longest a leaf of Warren's lives.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Clocks of nodes differ: a leaf must already be valid on the slowest.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// To prove who calls.
    Client,
    /// To prove who answers.
    Server,
    /// Both: members of etcd call each other.
    Both,
}

/// What a certificate must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Subject common name: for clients of Kubernetes, the user.
    pub common_name: String,
    /// Subject organisation: for clients of Kubernetes, the group. One is enough: rcgen keeps one of each type.
    pub group: Option<String>,
    /// Subject alternative names: IP addresses or DNS names.
    pub names: Vec<String>,
    /// What it is for.
    pub usage: Usage,
    /// How long it lives.
    pub lifetime: SignedDuration,
}

impl Wanted {
    /// A client certificate for `common_name`.
    pub fn client(common_name: impl Into<String>) -> Self {
        Self {
            common_name: common_name.into(),
            group: None,
            names: Vec::new(),
            usage: Usage::Client,
            lifetime: LIFETIME,
        }
    }

    /// A serving certificate for `names`.
    pub fn server(common_name: impl Into<String>, mut names: Vec<String>) -> Self {
        names.sort();
        names.dedup();
        Self {
            common_name: common_name.into(),
            group: None,
            names,
            usage: Usage::Server,
            lifetime: LIFETIME,
        }
    }

    /// Puts the user in a group.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets the purpose.
    #[must_use]
    pub fn used_as(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Sets the lifetime.
    #[must_use]
    pub fn living(mut self, lifetime: SignedDuration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A short hash of all of it and of the issuer: stored beside the certificate, it tells whether what is there
    /// still says what is wanted, without reading certificates back field by field.
    pub fn fingerprint(&self, issuer: &Pair) -> String {
        let mut hash = Sha256::new();
        // Lengths go in as well, so that no two lists of parts hash alike.
        let mut part = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(&self.common_name);
        part(&format!("{:?} {}", self.usage, self.lifetime.as_secs()));
        part(self.group.as_deref().unwrap_or_default());
        self.names.iter().for_each(|n| part(n));
        part(&issuer.certificate);
        data_encoding::HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default())
    }
}

/// Issues a certificate with a new key.
///
/// # Errors
/// When the issuer cannot be read, a name is neither an IP address nor a DNS name, or no key can be made.
pub fn issue(issuer: &Pair, wanted: &Wanted, now: Timestamp) -> Result<Pair, Error> {
    let read = |source| Error::ReadCa {
        name: wanted.common_name.clone(),
        source,
    };
    let signer = KeyPair::from_pem(&issuer.key).map_err(read)?;
    let signer = Issuer::from_ca_cert_pem(&issuer.certificate, signer).map_err(read)?;

    let key = KeyPair::generate().map_err(Error::Generate)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, wanted.common_name.as_str());
    if let Some(group) = &wanted.group {
        params
            .distinguished_name
            .push(DnType::OrganizationName, group.as_str());
    }
    params.subject_alt_names = wanted
        .names
        .iter()
        .map(|n| alternative_name(n))
        .collect::<Result<_, _>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match wanted.usage {
        Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Usage::Both => vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ],
    };
    params.use_authority_key_identifier_extension = true;
    params.not_before = offset(now - BACKDATE)?;
    params.not_after = offset(now + wanted.lifetime)?;
    let certificate = params.signed_by(&key, &signer).map_err(Error::Generate)?;
    Ok(Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        ca: issuer.certificate.clone(),
    })
}

fn alternative_name(name: &str) -> Result<SanType, Error> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    Ok(SanType::DnsName(name.try_into().map_err(Error::Generate)?))
}
