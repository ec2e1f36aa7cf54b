//! What an ask gets: the certificates of all bundles that it selects, once each, as a kubelet writes them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::ask::{Selection, TrustBundleAsk};
use super::labels::matches;
use crate::pem;

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
        let by_signer = match &ask.selection {
            Selection::Name(_) => true,
            Selection::Signer { name, .. } => *name == self.signer_name,
        };
        by_signer && may_select(ask, &self.name, &self.labels)
    }
}

/// Whether `ask` selects the bundle of this name and with these labels, as far as its metadata tells. The API has a
/// signer's bundles called `<signer>:…`, with `:` for `/`, so that nothing is read in vain.
pub fn may_select(ask: &TrustBundleAsk, bundle: &str, labels: &BTreeMap<String, String>) -> bool {
    match &ask.selection {
        Selection::Name(name) => name == bundle,
        Selection::Signer { name, selector } => {
            let prefix = format!("{}:", name.replace('/', ":"));
            let selector = selector.as_ref().and_then(|json| serde_json::from_str(json).ok());
            bundle.starts_with(&prefix)
                && selector.is_some_and(|selector: LabelSelector| matches(&selector, labels))
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
