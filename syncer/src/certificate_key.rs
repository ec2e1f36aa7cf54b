//! Keys of pod certificates: made as a kubelet makes them, with the empty PKCS#10 request that proves possession.

mod stub;

use std::fmt;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use rcgen::{PublicKeyData, SigningKey};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use warren_translate::pem;

use stub::{Algorithm, stub};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A type that this Warren does not know; an apiserver of its version admits no other.
    #[error("key type {0} is not known")]
    Unknown(String),
    /// It could not be made, or could not sign.
    #[error("failed to make a key of type {key_type}: {why}")]
    Failed {
        /// The type.
        key_type: &'static str,
        /// What failed; no part of the key.
        why: String,
    },
}

/// A new key.
pub struct MadeKey {
    /// The private key, PKCS#8 PEM.
    pub private_key: String,
    /// An empty PKCS#10 request signed with it, DER.
    pub stub: Vec<u8>,
}

impl fmt::Debug for MadeKey {
    /// Without the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeKey").finish_non_exhaustive()
    }
}

/// Makes a key of the type that a projection asks for. Blocks: RSA takes seconds.
///
/// # Errors
/// [`Error`].
pub fn make(key_type: &str) -> Result<MadeKey, Error> {
    match key_type {
        "ECDSAP256" => of_ring("ECDSAP256", &PKCS_ECDSA_P256_SHA256, Algorithm::EcdsaSha256),
        "ECDSAP384" => of_ring("ECDSAP384", &PKCS_ECDSA_P384_SHA384, Algorithm::EcdsaSha384),
        "ECDSAP521" => p521(),
        "ED25519" => ed25519(),
        "RSA3072" => rsa("RSA3072", 3072),
        "RSA4096" => rsa("RSA4096", 4096),
        other => Err(Error::Unknown(other.to_owned())),
    }
}

fn failed<E: fmt::Display>(key_type: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Failed {
        key_type,
        why: error.to_string(),
    }
}

fn made(private_key: &[u8], stub: Vec<u8>) -> MadeKey {
    MadeKey {
        private_key: pem::block("PRIVATE KEY", private_key),
        stub,
    }
}

fn of_ring(
    key_type: &'static str,
    kind: &'static rcgen::SignatureAlgorithm,
    algorithm: Algorithm,
) -> Result<MadeKey, Error> {
    let pair = KeyPair::generate_for(kind).map_err(failed(key_type))?;
    let stub = stub(&pair.subject_public_key_info(), algorithm, |body| pair.sign(body));
    Ok(made(&pair.serialize_der(), stub.map_err(failed(key_type))?))
}

/// The first version of PKCS#8, as a kubelet writes: older libraries do not read what ring makes, which has the public
/// key behind the private one.
fn ed25519() -> Result<MadeKey, Error> {
    const KEY_TYPE: &str = "ED25519";
    const SEED: std::ops::Range<usize> = 16..48;
    /// Version 0, the algorithm, and the lengths of what follows.
    const HEAD: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ];
    let pair = KeyPair::generate_for(&PKCS_ED25519).map_err(failed(KEY_TYPE))?;
    let whole = pair.serialize_der();
    let seed = whole
        .get(SEED)
        .ok_or("it is too short")
        .map_err(failed(KEY_TYPE))?;
    let stub = stub(&pair.subject_public_key_info(), Algorithm::Ed25519, |body| {
        pair.sign(body)
    });
    Ok(made(&[&HEAD, seed].concat(), stub.map_err(failed(KEY_TYPE))?))
}

fn rsa(key_type: &'static str, bits: usize) -> Result<MadeKey, Error> {
    let mut random = rsa::rand_core::UnwrapErr(getrandom::SysRng);
    let key = rsa::RsaPrivateKey::new(&mut random, bits).map_err(failed(key_type))?;
    let der = key.to_pkcs8_der().map_err(failed(key_type))?;
    let public = key
        .to_public_key()
        .to_public_key_der()
        .map_err(failed(key_type))?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &PKCS_RSA_SHA256)
        .map_err(failed(key_type))?;
    let stub = stub(public.as_bytes(), Algorithm::RsaSha256, |body| pair.sign(body));
    Ok(made(der.as_bytes(), stub.map_err(failed(key_type))?))
}

fn p521() -> Result<MadeKey, Error> {
    use p521::ecdsa::signature::Signer;
    use p521::ecdsa::{DerSignature, SigningKey, VerifyingKey};
    use p521::elliptic_curve::Generate;

    const KEY_TYPE: &str = "ECDSAP521";
    let secret = p521::SecretKey::generate();
    let key = SigningKey::from(&secret);
    let public = VerifyingKey::from(&key)
        .to_public_key_der()
        .map_err(failed(KEY_TYPE))?;
    let stub = stub(public.as_bytes(), Algorithm::EcdsaSha512, |body| {
        let signature: DerSignature = key.try_sign(body)?;
        Ok::<_, p521::ecdsa::Error>(signature.as_bytes().to_vec())
    });
    let der = secret.to_pkcs8_der().map_err(failed(KEY_TYPE))?;
    Ok(made(der.as_bytes(), stub.map_err(failed(KEY_TYPE))?))
}

#[cfg(test)]
mod tests;
