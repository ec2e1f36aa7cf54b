//! What a `clusterTrustBundle` source asks for.

use data_encoding::HEXLOWER;
use k8s_openapi::api::core::v1::{ClusterTrustBundleProjection, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use sha2::{Digest, Sha256};

use crate::kinds::pod::sources;

/// Which bundles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// The one of this name.
    Name(String),
    /// Those of a signer.
    Signer {
        /// Name of the signer.
        name: String,
        /// JSON of the label selector. `None` selects nothing; an empty selector selects all of the signer's.
        selector: Option<String>,
    },
}

/// What one `clusterTrustBundle` source asks for. Sources that ask for the same share one host ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustBundleAsk {
    /// Which bundles.
    pub selection: Selection,
    /// Whether the Pod starts without: then a kubelet writes an empty file, so the host ConfigMap is always there.
    pub optional: bool,
}

impl TrustBundleAsk {
    /// What a source asks for. `None` when it names neither bundle nor signer, which the API refuses.
    pub fn of(source: &ClusterTrustBundleProjection) -> Option<Self> {
        let ClusterTrustBundleProjection {
            label_selector,
            name,
            optional,
            path: _,
            signer_name,
            user: _,
        } = source;
        let selection = match (name, signer_name) {
            (Some(name), _) => Selection::Name(name.clone()),
            (None, Some(signer)) => Selection::Signer {
                name: signer.clone(),
                selector: label_selector.as_ref().map(canonical),
            },
            (None, None) => return None,
        };
        Some(Self {
            selection,
            optional: *optional == Some(true),
        })
    }

    /// The same text for the same ask, another one for any other: `name/<bundle>` or
    /// `signer/<signer>/<hash of the selector>`, after `optional/` for an optional one.
    pub fn key(&self) -> String {
        let optional = if self.optional { "optional/" } else { "" };
        match &self.selection {
            Selection::Name(name) => format!("{optional}name/{name}"),
            Selection::Signer { name, selector } => {
                let selector = selector.as_deref().unwrap_or("null");
                let hash = HEXLOWER.encode(&Sha256::digest(selector.as_bytes()));
                format!("{optional}signer/{name}/{hash}")
            }
        }
    }
}

/// Maps are sorted by key, so the same selector has the same JSON. It can always be written.
fn canonical(selector: &LabelSelector) -> String {
    serde_json::to_string(selector).unwrap_or_default()
}

/// What the Pod's volumes ask for, each once, sorted; empty when no volume projects a bundle.
pub fn needs(pod: &Pod) -> Vec<TrustBundleAsk> {
    let all = pod.spec.iter().flat_map(sources::projected);
    let asks = all.filter_map(|(_, _, source)| source.cluster_trust_bundle.as_ref());
    let mut asks: Vec<TrustBundleAsk> = asks.filter_map(TrustBundleAsk::of).collect();
    asks.sort();
    asks.dedup();
    asks
}
