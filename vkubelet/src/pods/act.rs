//! Performs the actions of one round.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client, Resource};
use tokio::sync::OnceCell;
use tonic::transport::Channel;
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::clock::SharedClock;
use warren_runtime::disposition::{Disposed, Disposition};
use warren_runtime::log::Chain;
use warren_runtime::metrics::Metrics;
use warren_runtime::proto::sync::dependencies_client::DependenciesClient;
use warren_runtime::queue::Outcome;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::tenant_identity::TenantIdentity;
use warren_translate::TenantPolicy;
use warren_translate::kinds::pod::{Failure, PodContext, scrub, scrub_pod};

use super::error::{Error, Result};
use super::pair::{Observer, Pair};
use super::plan::{Action, plan};
use crate::events::Events;
use crate::metrics::Own;
use crate::node::write::Nodes;
use crate::raw_pod::RawPod;

/// Name of the loop in metrics and logs.
pub const CONTROLLER: &str = "pods";

/// Everything that the Pod loop needs.
pub struct Pods {
    /// The host.
    pub host: Client,
    /// The tenant.
    pub tenant: Client,
    /// The stores.
    pub observer: Observer,
    /// The class's bounds.
    pub policy: TenantPolicy,
    /// Nameserver of tenant Pods.
    pub dns_service_ip: String,
    /// Such as `cluster.local`.
    pub cluster_domain: String,
    /// The tenant's Services, for environment variables.
    pub services: Store<Service>,
    /// The tenant's NetworkPolicies, as far as they isolate Pods.
    pub policies: Store<NetworkPolicy>,
    /// The syncer.
    pub syncer: DependenciesClient<Channel>,
    /// Events in the tenant.
    pub events: Events,
    /// Proof that the tenant is the right one.
    pub identity: Arc<TenantIdentity>,
    /// The virtual Nodes, corrected before a refusal.
    pub nodes: Nodes,
    /// Common metrics.
    pub metrics: Metrics,
    /// Own metrics.
    pub own: Own,
    /// Now.
    pub clock: SharedClock,
    /// UID of the object that owns host Pods, once read.
    pub anchor: OnceCell<String>,
}

/// Most Pods are on Nodes to which the tenant has added nothing.
static NONE: BTreeSet<String> = BTreeSet::new();

impl Pods {
    /// One round of one Pod.
    pub async fn round(&self, key: ObjectKey) -> Outcome {
        let pair = self.observer.observe(&key, self.clock.now()); // I/O: stores
        let mut outcome = Outcome::Done;
        for action in plan(&pair) {
            tracing::debug!(controller = CONTROLLER, pod = %key, ?action, "acting");
            match self.perform(&key, &pair, action).await {
                Ok(next) => outcome = sooner(outcome, next),
                Err(error) => return self.failed(&key, &error),
            }
        }
        outcome
    }

    fn failed(&self, key: &ObjectKey, error: &Error) -> Outcome {
        // Stores lag behind writes: that is no news.
        if let Error::Act(error) = error
            && error.is_conflict()
        {
            tracing::debug!(controller = CONTROLLER, pod = %key, error = %Chain(error), "stale, again");
            return Outcome::Retry;
        }
        self.metrics.error(CONTROLLER, error.reason());
        tracing::warn!(controller = CONTROLLER, pod = %key, reason = error.reason(), error = %Chain(error), "round failed");
        match error.disposition() {
            Disposition::WaitForChange => Outcome::Done,
            Disposition::Retry | Disposition::Fatal => Outcome::Retry,
        }
    }

    async fn perform(&self, key: &ObjectKey, pair: &Pair, action: Action) -> Result<Outcome> {
        match (action, &pair.tenant, &pair.host) {
            (Action::Forget, ..) => {
                self.observer.memories.forget(key);
                Ok(Outcome::Done)
            }
            (Action::Wait(wait), ..) => Ok(Outcome::After(wait)),
            (Action::Start, Some(tenant), _) => Box::pin(self.start(key, pair, tenant)).await,
            (Action::Sync, Some(tenant), Some(host)) => {
                let outcome = self.sync(key, pair, tenant, host).await?;
                self.tell_unplaced(key, pair, tenant, host)?;
                Ok(outcome)
            }
            (Action::Bind { node }, Some(tenant), _) => self.bind(pair, tenant, &node).await,
            (Action::Withdraw, Some(tenant), Some(host)) => self.withdraw(key, pair, tenant, host).await,
            (Action::DeleteHost { uid, grace }, ..) => {
                act::delete(&self.host_pods(), pair.host_name.as_str(), &uid, grace).await?;
                Ok(Outcome::Done)
            }
            (Action::DeleteOrphan { uid, grace }, ..) => self.delete_orphan(pair, &uid, grace).await,
            (Action::Release { uid }, ..) => {
                self.release(pair, &uid).await?;
                Ok(Outcome::Done)
            }
            (Action::Vanished, Some(tenant), _) => self.vanished(pair, tenant).await,
            (Action::FinishDeletion, Some(tenant), _) => self.finish_deletion(pair, tenant).await,
            (Action::Refuse(refusal), Some(tenant), _) => {
                // The scheduler must see the true slice before it places a replacement.
                self.nodes.reconcile(&tenant.facts().node_name).await?;
                tracing::info!(pod = %pair.key, reason = refusal.reason, detail = refusal.detail, "refused by the host's scheduler");
                let failure = Failure {
                    reason: &refusal.reason,
                    message: &format!("Pod was rejected: {}", refusal.message),
                    taken: None,
                };
                self.fail(pair, tenant, &failure).await?;
                self.refused_owner(tenant);
                Ok(Outcome::Done)
            }
            // The plan names what it found; without it there is nothing to do.
            _ => Ok(Outcome::Done),
        }
    }

    /// UID of the ConfigMap that owns host Pods.
    pub(super) async fn anchor_uid(&self) -> Result<&str> {
        let read = || async {
            let api: Api<ConfigMap> = Api::namespaced(
                self.host.clone(),
                self.observer.cluster.workload_namespace.as_str(),
            );
            let anchor = act::call("get the anchor of host Pods", api.get(keys::ANCHOR)).await?;
            Ok::<_, Error>(anchor.metadata.uid.unwrap_or_default())
        };
        self.anchor.get_or_try_init(read).await.map(String::as_str)
    }

    /// The surroundings of a translation.
    pub(super) fn context<'a>(
        &'a self,
        services: &'a [&'a Service],
        anchor_uid: Option<&'a str>,
    ) -> PodContext<'a> {
        PodContext {
            cluster: &self.observer.cluster,
            policy: &self.policy,
            dns_service_ip: &self.dns_service_ip,
            cluster_domain: &self.cluster_domain,
            services,
            node_allocatable: None,
            own_resources: &NONE,
            anchor_uid,
            isolation: None,
            placing: None,
        }
    }

    pub(super) fn host_pods(&self) -> Api<RawPod> {
        Api::namespaced(
            self.host.clone(),
            self.observer.cluster.workload_namespace.as_str(),
        )
    }

    pub(super) fn tenant_pods(&self, pair: &Pair) -> Api<RawPod> {
        Api::namespaced(self.tenant.clone(), pair.key.namespace.as_str())
    }

    /// RFC 3339 to the second, as the API keeps times.
    pub(super) fn now(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// What the host says about a Pod, in tenant terms.
    pub(super) fn scrub(&self, pair: &Pair, text: &str) -> String {
        let cluster = &self.observer.cluster;
        let Some(tenant) = pair.tenant.as_ref().and_then(|tenant| tenant.typed().ok()) else {
            return scrub(cluster, &pair.key, &pair.host_name, text);
        };
        let host = Pod {
            metadata: ObjectMeta {
                name: Some(pair.host_name.to_string()),
                uid: pair.host.as_ref().map(|host| host.uid().to_owned()),
                ..ObjectMeta::default()
            },
            ..Pod::default()
        };
        scrub_pod(cluster, &tenant, &host, text)
    }
}

/// The tenant's Pod as Events name it.
pub fn reference(tenant: &RawPod) -> ObjectReference {
    let meta = tenant.meta();
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        ..ObjectReference::default()
    }
}

/// Tells texts apart, in this process.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn sooner(a: Outcome, b: Outcome) -> Outcome {
    let rank = |outcome: Outcome| match outcome {
        Outcome::Done => Duration::MAX,
        Outcome::After(wait) => wait,
        Outcome::Retry => Duration::ZERO,
    };
    if rank(b) < rank(a) { b } else { a }
}
