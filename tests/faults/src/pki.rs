//! Certificates for what agents and their servers say to each other, issued as the operator issues them.

use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use warren_operator::pki::leaf::{Wanted, issue};
use warren_operator::pki::{Pair, ca};
use warren_runtime::tls::Identity;

use crate::agent::write;

/// Where everybody listens.
pub const LOOPBACK: &str = "127.0.0.1";

/// A certificate authority.
#[derive(Debug)]
pub struct Authority(Pair);

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str) -> Result<Self> {
        ca::generate(name, Timestamp::now())
            .map(Self)
            .with_context(|| format!("failed to make the CA {name}"))
    }

    /// Its own certificate and key.
    pub fn own(&self) -> Identity {
        identity(self.0.clone())
    }

    /// A leaf of a client.
    ///
    /// # Errors
    /// When it cannot be issued.
    pub fn client(&self, name: &str) -> Result<Identity> {
        self.issue(&Wanted::client(name))
    }

    /// A leaf of a server at this address or name.
    ///
    /// # Errors
    /// When it cannot be issued.
    pub fn server(&self, name: &str, at: &str) -> Result<Identity> {
        self.issue(&Wanted::server(name, vec![at.to_owned()]))
    }

    fn issue(&self, wanted: &Wanted) -> Result<Identity> {
        issue(&self.0, wanted, Timestamp::now())
            .map(identity)
            .with_context(|| format!("failed to issue {}", wanted.common_name))
    }
}

fn identity(pair: Pair) -> Identity {
    let Pair { certificate, key, ca } = pair;
    Identity { certificate, key, ca }
}

/// Writes a leaf as a mounted Secret has it.
///
/// # Errors
/// When it cannot be written.
pub fn write_leaf(directory: &Path, leaf: &Identity) -> Result<()> {
    let Identity { certificate, key, ca } = leaf;
    for (name, pem) in [("tls.crt", certificate), ("tls.key", key), ("ca.crt", ca)] {
        write(directory, name, pem)?;
    }
    Ok(())
}
