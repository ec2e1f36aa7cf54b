//! Roots: self-signed ECDSA P-256 certificates, one for each purpose.

use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::{Error, Pair, offset};

/// Ten years, the age at which kubeadm's roots end as well. Rotation of roots needs an overlap of two trusted
/// roots in every client and is not built yet.
const LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// Clocks of nodes differ: a root must already be valid on the slowest.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// Makes a new root named `common_name`.
///
/// # Errors
/// When the crypto provider cannot make a key, or `now` is out of range.
pub fn generate(common_name: &str, now: Timestamp) -> Result<Pair, Error> {
    let key = KeyPair::generate().map_err(Error::Generate)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    // No path length: the tenant's controller-manager signs leaves only, and so does Warren.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.not_before = offset(now - BACKDATE)?;
    params.not_after = offset(now + LIFETIME)?;
    let certificate = params.self_signed(&key).map_err(Error::Generate)?.pem();
    Ok(Pair {
        ca: certificate.clone(),
        certificate,
        key: key.serialize_pem(),
    })
}
