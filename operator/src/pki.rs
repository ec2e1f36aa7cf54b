//! Certificates and keys: making them, and deciding when to make them anew.
//!
//! Code map: [`ca`] roots · [`leaf`] what a certificate must say, and issuing it · [`rotate`] keep or renew, a pure
//! function of what is there, what is wanted and the time.
//!
//! **Invariant:** a CA is generated once and kept; only leaves are renewed.

pub mod ca;
pub mod leaf;
pub mod rotate;

use std::fmt;

use jiff::Timestamp;

/// A certificate, its private key, and the certificate of the CA that signed it; all PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate (`tls.crt`).
    pub certificate: String,
    /// The private key, PKCS#8 (`tls.key`).
    pub key: String,
    /// The issuer's certificate (`ca.crt`); for a CA, itself.
    pub ca: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair(redacted)")
    }
}

/// The key that signs ServiceAccount tokens, and its public half; PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// PKCS#8 private key (`sa.key`).
    pub private: String,
    /// PKIX public key (`sa.pub`).
    pub public: String,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(redacted)")
    }
}

impl TokenKey {
    /// A new ECDSA P-256 key (`ES256` tokens).
    ///
    /// # Errors
    /// When the crypto provider cannot make a key.
    pub fn generate() -> Result<Self, Error> {
        let key = rcgen::KeyPair::generate().map_err(Error::Generate)?;
        Ok(Self {
            private: key.serialize_pem(),
            public: key.public_key_pem(),
        })
    }
}

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key or certificate could not be made.
    #[error("a key or certificate cannot be generated: {0}")]
    Generate(#[source] rcgen::Error),
    /// What is stored cannot be read.
    #[error("the stored certificate or key of CA `{name}` cannot be read: {source}")]
    ReadCa {
        /// Which CA.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// A time outside what certificates can hold.
    #[error("a validity time is out of range")]
    Time,
}

/// rcgen speaks the `time` crate, everything else jiff.
fn offset(at: Timestamp) -> Result<time::OffsetDateTime, Error> {
    time::OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| Error::Time)
}
