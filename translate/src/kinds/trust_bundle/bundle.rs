//! What an ask gets: the certificates of all bundles that it selects, once each, as a kubelet writes them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::ask::{Selection, TrustBundleAsk};
use super::labels::matches;
use super::pem;

/// A ClusterTrustBundle of any version of its API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustBundle {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.signerName`; empty for a bundle that is not a signer's.
    pub signer_name: String,
    /// `spec.trustBundle`: PEM, with anything between the blocks.
    pub trust_bundle: String,
}

impl TrustBundle {
    /// Whether `ask` selects it.
    pub fn is_selected_by(&self, ask: &TrustBundleAsk) -> bool {
        match &ask.selection {
            Selection::Name(name) => *name == self.name,
            Selection::Signer { name, selector } => {
                let selector: Option<LabelSelector> =
                    selector.as_ref().and_then(|json| serde_json::from_str(json).ok());
                *name == self.signer_name && selector.is_some_and(|selector| matches(&selector, &self.labels))
            }
        }
    }
}

/// The file that `ask` gets out of all the tenant's bundles: normalised PEM, each certificate once, in an order that
/// stays as long as the certificates do. When nothing is selected, an empty file if `ask` is optional, else `None`.
pub fn content<'a>(
    ask: &TrustBundleAsk,
    bundles: impl IntoIterator<Item = &'a TrustBundle>,
) -> Option<String> {
    let selected: Vec<&TrustBundle> = bundles
        .into_iter()
        .filter(|bundle| bundle.is_selected_by(ask))
        .collect();
    if selected.is_empty() && !ask.optional {
        return None;
    }
    let certificates: BTreeSet<Vec<u8>> = selected
        .iter()
        .flat_map(|bundle| pem::blocks(&bundle.trust_bundle))
        .collect();
    Some(certificates.iter().map(|der| pem::certificate(der)).collect())
}
