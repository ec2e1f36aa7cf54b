//! Whether a host Pod is open to all that its tenant reaches, in each direction: as long as no NetworkPolicy of the
//! tenant isolates it. The labels that say so are all that opens a host Pod, beside what the syncer writes.
//!
//! Policies may go before the Pods when a namespace is deleted, and a Pod must not be open then for its last moments. So
//! what a policy's absence opens is opened only after its namespace was seen alive, later than that absence: the
//! namespace is marked before the first of its policies goes.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use kube::api::ObjectMeta;
use kube::{Api, Resource};
use tokio::time::timeout;
use warren_runtime::act;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch::Change;
use warren_translate::kinds::network_policy::{Isolates, Isolation, isolation};

use super::act::Pods;
use super::error::Result;
use super::pair::Pair;
use crate::raw_pod::RawPod;

/// How long the first Pods wait for the policies; then they start closed.
const MOMENT: Duration = Duration::from_secs(5);

/// Of a policy only which Pods it isolates, and which way.
pub fn prune(policy: &mut NetworkPolicy) {
    let metadata = &mut policy.metadata;
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        ..ObjectMeta::default()
    };
    let directions = Isolates::of(policy).types();
    policy.spec = policy.spec.take().map(|spec| NetworkPolicySpec {
        pod_selector: spec.pod_selector,
        policy_types: spec
            .policy_types
            .filter(|said| !said.is_empty())
            .or(Some(directions)),
        ..NetworkPolicySpec::default()
    });
}

/// Waits until all policies are known, for a moment only.
pub async fn wait_a_moment(policies: &Store<NetworkPolicy>) {
    if timeout(MOMENT, policies.wait_until_ready()).await.is_err() {
        tracing::warn!("NetworkPolicies cannot be read: new Pods start closed until they can");
    }
}

/// The Pods that a change of a policy may isolate otherwise.
pub fn affected(change: &Change<NetworkPolicy>, pods: &Store<RawPod>) -> Vec<ObjectKey> {
    let says = |policy: &Option<Arc<NetworkPolicy>>| policy.as_ref().map(|policy| policy.spec.clone());
    if says(&change.old) == says(&change.new) {
        return Vec::new();
    }
    let mut keys = pods.keys();
    keys.retain(|key| key.namespace == change.key.namespace);
    keys
}

impl Pods {
    /// How the host Pod (`None`: it is about to be made) should be isolated. `None` while the policies are not known.
    pub(super) async fn isolation(
        &self,
        pair: &Pair,
        tenant: &RawPod,
        host: Option<&RawPod>,
    ) -> Result<Option<Isolation>> {
        if !self.policies.is_ready() {
            return Ok(None);
        }
        let namespace = pair.key.namespace.as_str();
        let policies = self
            .policies
            .filter(|policy| policy.metadata.namespace.as_deref() == Some(namespace));
        let isolates: Vec<Isolates> = policies.iter().map(|policy| Isolates::of(policy)).collect();
        let wanted = isolation(&isolates, &tenant.meta().labels.clone().unwrap_or_default());
        let has = host.and_then(|host| host.meta().labels.as_ref());
        let may_open = !tenant.is_terminating();
        if !wanted.opens(has) || (may_open && self.namespace_lives(namespace).await?) {
            return Ok(Some(wanted));
        }
        Ok(Some(wanted.without_opening(has)))
    }

    /// Asks the tenant: its watches of namespaces and of policies do not keep step.
    async fn namespace_lives(&self, namespace: &str) -> Result<bool> {
        let api: Api<Namespace> = Api::all(self.tenant.clone());
        let read = api.get_metadata_opt(namespace);
        match act::call(format!("get namespace {namespace}"), read).await {
            Ok(found) => Ok(found.is_some_and(|found| found.metadata.deletion_timestamp.is_none())),
            // The tenant took the right away: its Pods stay closed.
            Err(error) if error.code() == Some(403) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
