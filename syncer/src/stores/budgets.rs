//! PodDisruptionBudgets of both sides.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Client;
use warren_runtime::store::Store;
use warren_runtime::watch::Change;
use warren_translate::identity::TenantKey;

use super::{Both, Wiring};
use crate::key::Kind;

/// Starts the watches.
pub fn start(clients: [&Client; 2], wiring: &Wiring) -> Both<PodDisruptionBudget> {
    let names = ["PodDisruptionBudget", "HostPodDisruptionBudget"];
    Both::start(
        clients,
        Kind::Budget,
        names,
        (siblings, |_: &_, _: &_| Vec::new()),
        wiring,
    )
}

/// The budgets of the same namespace, when the selector changed: no Pod may be in two of them.
fn siblings(change: &Change<PodDisruptionBudget>, store: &Store<PodDisruptionBudget>) -> Vec<TenantKey> {
    let selector = |budget: &PodDisruptionBudget| budget.spec.as_ref().and_then(|spec| spec.selector.clone());
    let selectors = [&change.old, &change.new].map(|state| state.as_deref().map(selector));
    if selectors[0] == selectors[1] {
        return Vec::new();
    }
    let namespace = change.key.namespace.as_str();
    let keys = store.keys().into_iter();
    keys.filter(|key| key.namespace == namespace)
        .map(|key| TenantKey::new(key.namespace, key.name))
        .collect()
}
