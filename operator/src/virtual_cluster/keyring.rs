//! All certificates and keys of one virtual cluster: kept where they are good, made anew where they are not.
//!
//! Pure but for randomness: stored Secrets and the time go in, a complete [`Keyring`] comes out; nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use crate::pki::rotate::{self, Decision, Stored};
use crate::pki::{self, Pair, TokenKey, ca, leaf};

/// Annotation of a leaf's Secret: [`leaf::Wanted::fingerprint`] when it was made.
pub const FINGERPRINT: &str = "warren.dev/certificate";

/// Secret of the key that signs ServiceAccount tokens.
pub const TOKEN_KEY: &str = "service-account";

/// Who signs a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// A root of the virtual cluster, by the name of its Secret.
    Own(&'static str),
    /// The operator's own root.
    Operator,
}

/// A leaf that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedLeaf {
    /// Name of its Secret.
    pub secret: &'static str,
    /// Who signs it.
    pub issuer: Issuer,
    /// What it says.
    pub wanted: leaf::Wanted,
}

/// A root and whether it is stored already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The pair.
    pub pair: Pair,
    /// Made in this round, and not stored yet.
    pub new: bool,
}

/// A leaf and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The pair.
    pub pair: Pair,
    /// [`leaf::Wanted::fingerprint`].
    pub fingerprint: String,
    /// When it must be renewed.
    pub renew_at: Option<Timestamp>,
}

/// All certificates and keys of one virtual cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    /// By name of the Secret.
    pub roots: BTreeMap<&'static str, Root>,
    /// By name of the Secret.
    pub leaves: BTreeMap<&'static str, Leaf>,
    /// Signs ServiceAccount tokens.
    pub token_key: TokenKey,
    /// Whether the token key was made in this round.
    pub token_key_new: bool,
    /// Leaves issued in this round, and why.
    pub issued: Vec<(&'static str, Decision)>,
}

impl Keyring {
    /// A text that changes when the leaf does; empty for a leaf that does not exist.
    pub fn leaf_certificate(&self, secret: &str) -> &str {
        self.leaves
            .get(secret)
            .map_or("", |leaf| leaf.pair.certificate.as_str())
    }

    /// When the first leaf must be renewed.
    pub fn next_renewal(&self) -> Option<Timestamp> {
        self.leaves.values().filter_map(|leaf| leaf.renew_at).min()
    }
}

/// Why a keyring cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Certificates.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// A leaf wants a root that does not exist: a mistake in the plan.
    #[error("leaf `{leaf}` wants root `{root}`, which is not in the list of roots")]
    NoSuchRoot {
        /// The leaf.
        leaf: &'static str,
        /// The root.
        root: &'static str,
    },
    /// A stored root without certificate or key. Making a new one would cut every client off, so a person decides.
    #[error("Secret `{0}` holds no certificate and key; restore it, or delete it to make a new one")]
    Damaged(&'static str),
}

/// Completes what is stored.
///
/// # Errors
/// When a stored root is damaged or something cannot be generated.
pub fn complete(
    stored: &BTreeMap<String, Secret>,
    roots: &[&'static str],
    leaves: &[WantedLeaf],
    operator_root: &Pair,
    cluster_id: &str,
    now: Timestamp,
) -> Result<Keyring, Error> {
    let mut keyring = Keyring {
        roots: BTreeMap::new(),
        leaves: BTreeMap::new(),
        token_key: TokenKey {
            private: String::new(),
            public: String::new(),
        },
        token_key_new: false,
        issued: Vec::new(),
    };
    for &name in roots {
        let root = match stored.get(name) {
            Some(secret) => Root {
                pair: pair_of(secret).ok_or(Error::Damaged(name))?,
                new: false,
            },
            None => Root {
                pair: ca::generate(&format!("{cluster_id} {name}"), now)?,
                new: true,
            },
        };
        keyring.roots.insert(name, root);
    }
    if let Some(secret) = stored.get(TOKEN_KEY) {
        keyring.token_key = token_key_of(secret).ok_or(Error::Damaged(TOKEN_KEY))?;
    } else {
        keyring.token_key = TokenKey::generate()?;
        keyring.token_key_new = true;
    }
    for wanted in leaves {
        let issuer = match wanted.issuer {
            Issuer::Operator => operator_root,
            Issuer::Own(root) => {
                &keyring
                    .roots
                    .get(root)
                    .ok_or(Error::NoSuchRoot {
                        leaf: wanted.secret,
                        root,
                    })?
                    .pair
            }
        };
        let (leaf, decision) = complete_leaf(stored.get(wanted.secret), issuer, &wanted.wanted, now)?;
        keyring.leaves.insert(wanted.secret, leaf);
        if decision.must_issue() {
            keyring.issued.push((wanted.secret, decision));
        }
    }
    Ok(keyring)
}

fn complete_leaf(
    stored: Option<&Secret>,
    issuer: &Pair,
    wanted: &leaf::Wanted,
    now: Timestamp,
) -> Result<(Leaf, Decision), Error> {
    let fingerprint = wanted.fingerprint(issuer);
    let existing = stored.and_then(|secret| Some((secret, pair_of(secret)?)));
    let facts = existing.as_ref().map(|(secret, pair)| Stored {
        validity: rotate::validity(&pair.certificate),
        fingerprint: secret
            .metadata
            .annotations
            .as_ref()
            .and_then(|a| a.get(FINGERPRINT))
            .map(String::as_str),
    });
    let decision = rotate::decide(facts.as_ref(), &fingerprint, now);
    let pair = match existing {
        Some((_, pair)) if !decision.must_issue() => pair,
        _ => leaf::issue(issuer, wanted, now)?,
    };
    let renew_at = rotate::validity(&pair.certificate).map(rotate::renew_at);
    Ok((
        Leaf {
            pair,
            fingerprint,
            renew_at,
        },
        decision,
    ))
}

/// Names of all Secrets that hold keys; for finding what is stored.
pub fn secret_names<'a>(roots: &'a [&'static str], leaves: &'a [WantedLeaf]) -> BTreeSet<&'a str> {
    roots
        .iter()
        .copied()
        .chain(leaves.iter().map(|l| l.secret))
        .chain([TOKEN_KEY])
        .collect()
}

fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0)
        .ok()
        .filter(|text| !text.is_empty())
}

/// Certificate, key and CA of a Secret; `None` if one of them is missing.
pub fn pair_of(secret: &Secret) -> Option<Pair> {
    Some(Pair {
        certificate: text(secret, "tls.crt")?.to_owned(),
        key: text(secret, "tls.key")?.to_owned(),
        ca: text(secret, "ca.crt")?.to_owned(),
    })
}

fn token_key_of(secret: &Secret) -> Option<TokenKey> {
    Some(TokenKey {
        private: text(secret, "sa.key")?.to_owned(),
        public: text(secret, "sa.pub")?.to_owned(),
    })
}

#[cfg(test)]
mod tests;
