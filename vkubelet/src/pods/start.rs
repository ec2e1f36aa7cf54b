//! A Pod's first time on the host: what it needs, its translation, the durable marker, the create.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::{Api, Resource};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::queue::Outcome;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::network_policy::Isolation;
use warren_translate::kinds::pod::{OwnCondition, Placing, PodContext, check_unknown, down, tell, words};
use warren_translate::refusal::{ByQuota, by_quota, without_quota_name};
use warren_translate::{Denied, Translated, node_resources};

use super::act::{Pods, reference};
use super::error::{Error, Result};
use super::memory::Attempt;
use super::pair::Pair;
use super::placing::Namespaces;
use super::plan::LAG;
use crate::node::plan::asserted::Asserted;
use crate::raw_pod::RawPod;

/// What both looks at a Pod have in common.
#[derive(Clone, Copy)]
struct Around<'a> {
    pair: &'a Pair,
    typed: &'a Pod,
    namespaces: &'a Namespaces,
    anchor: &'a str,
}

impl Pods {
    /// Brings the Pod to the host for the first time.
    pub(super) async fn start(&self, key: &ObjectKey, pair: &Pair, tenant: &Arc<RawPod>) -> Result<Outcome> {
        let tree = tenant.value()?;
        let typed = tenant.typed()?;
        if pair.memory.attempt == Attempt::None
            && tenant.annotation(keys::STARTED).is_some()
            && self.is_on_host(pair).await?
        {
            return Ok(Outcome::After(LAG));
        }
        let anchor = self.anchor_uid().await?; // I/O: once a process
        let unknown = match check_unknown(&self.policy, &tree) {
            Ok(notes) => notes,
            Err(denied) => return self.deny(key, pair, tenant, &tree, &denied).await,
        };
        let namespaces = self.namespaces_for(&typed).await?;
        let around = Around {
            pair,
            typed: &typed,
            namespaces: &namespaces,
            anchor,
        };
        // Before anything is moved for it; what is not there yet is the second look's to say, but for a claim, which the
        // Pod itself will name.
        match self.translated(&around, &self.known_services(pair), None) {
            Ok(Err(denied)) => return self.deny(key, pair, tenant, &tree, &denied).await,
            Err(Error::Translate(why @ warren_translate::Error::ClaimNotMade { .. })) => {
                self.tell_once(key, tenant, words::WAITS_FOR_CLAIM, &why.to_string());
                return Ok(Outcome::Done);
            }
            Ok(Ok(_)) | Err(_) => {}
        }
        let services = self.ensure_dependencies(key, pair, tenant).await?; // I/O: the syncer
        // The last look before it is made.
        let isolation = self.isolation(pair, tenant, None).await?;
        if isolation.is_none() {
            let why = "its NetworkPolicies cannot be read yet: until they can, the Pod reaches nobody and nobody reaches it";
            self.tell_once(key, tenant, "NetworkPoliciesUnknown", why);
        }
        let Translated { object, notes } = match self.translated(&around, &services, isolation)? {
            Ok(translated) => translated,
            Err(denied) => return self.deny(key, pair, tenant, &tree, &denied).await,
        };
        self.mark(pair, tenant).await?;
        let outcome = self.create(key, pair, tenant, object).await?;
        for note in unknown.into_iter().chain(notes) {
            self.events
                .warn(&reference(tenant), note.reason, "Translate", &note.to_string());
        }
        Ok(outcome)
    }

    fn translated(
        &self,
        around: &Around<'_>,
        services: &[Arc<Service>],
        isolation: Option<Isolation>,
    ) -> Result<Result<Translated<Pod>, Denied>> {
        let Around {
            pair,
            typed,
            namespaces,
            anchor,
        } = *around;
        let services: Vec<&Service> = services.iter().map(|service| &**service).collect();
        let node = self.tenant_node(typed);
        let status = node.as_ref().and_then(|node| node.status.as_ref());
        let own_resources = node.as_deref().map(own_resources).unwrap_or_default();
        let context = PodContext {
            own_resources: &own_resources,
            node_allocatable: status.and_then(|status| status.allocatable.as_ref()),
            isolation,
            placing: pair.placing.as_ref().map(|place| Placing {
                namespaces,
                closed: &place.closed,
            }),
            ..self.context(&services, Some(anchor))
        };
        Ok(match down(&context, typed)? {
            warren_translate::Outcome::Translated(translated) => Ok(translated),
            warren_translate::Outcome::Denied(denied) => Err(denied),
        })
    }

    /// The virtual Node that the Pod is bound to.
    pub(super) fn tenant_node(&self, typed: &Pod) -> Option<Arc<Node>> {
        let name = typed.spec.as_ref()?.node_name.as_deref()?;
        self.observer.tenant_nodes.get(&ObjectKey::new("", name))
    }

    /// The durable marker: from here on, a missing host Pod may mean that it ran. A marker of a predecessor is written
    /// again, because this write fails when the tenant's Pod is not as it was seen.
    async fn mark(&self, pair: &Pair, tenant: &RawPod) -> Result<()> {
        let is_sure = matches!(pair.memory.attempt, Attempt::Unanswered | Attempt::Created);
        if tenant.annotation(keys::STARTED).is_some() && is_sure {
            return Ok(());
        }
        let patch = json!({ "metadata": {
            "uid": tenant.uid(),
            // A state that this process has not seen may be the end of this very Pod.
            "resourceVersion": tenant.meta().resource_version,
            "annotations": { keys::STARTED: self.clock.now().to_string() },
        } });
        act::merge(&self.tenant_pods(pair), pair.key.name.as_str(), &patch).await?;
        Ok(())
    }

    /// Takes the marker back: the host said no, or nothing ran yet.
    pub(super) async fn unmark(&self, pair: &Pair, tenant: &RawPod) -> Result<()> {
        let patch = json!({ "metadata": { "uid": tenant.uid(), "annotations": { keys::STARTED: null } } });
        match act::merge(&self.tenant_pods(pair), pair.key.name.as_str(), &patch).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _gone_or_done => Ok(()),
        }
    }

    async fn create(&self, key: &ObjectKey, pair: &Pair, tenant: &RawPod, object: Pod) -> Result<Outcome> {
        let memories = &self.observer.memories;
        let attempt = |attempt| memories.change(key, tenant.uid(), |memory| memory.attempt = attempt);
        attempt(Attempt::Unanswered);
        memories.change(key, tenant.uid(), |memory| {
            if memory.withdrawn {
                (memory.withdrawn, memory.gone) = (false, None);
            }
        });
        let api: Api<Pod> = Api::namespaced(
            self.host.clone(),
            self.observer.cluster.workload_namespace.as_str(),
        );
        let error = match act::create(&api, &object).await {
            Ok(_created) => {
                attempt(Attempt::Created);
                tracing::info!(pod = %pair.key, host_pod = %pair.host_name, node = tenant.facts().node_name, "host Pod created");
                return Ok(Outcome::Done);
            }
            Err(error) => error,
        };
        match error.code() {
            // An earlier try of this process got through, or a predecessor is not gone: the store will tell.
            Some(409) => Ok(Outcome::After(LAG)),
            Some(400 | 403 | 404 | 413 | 422) => {
                attempt(Attempt::Refused);
                self.unmark(pair, tenant).await?;
                self.refused_by_host(key, pair, tenant, error).await
            }
            _ => Err(error.into()),
        }
    }

    async fn refused_by_host(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
        error: act::Error,
    ) -> Result<Outcome> {
        let answer = error.message().unwrap_or_default();
        let message = self.scrub(pair, &without_quota_name(answer));
        let by_quota = by_quota(answer).filter(|_| error.code() == Some(403));
        if by_quota.is_some() {
            self.observer.memories.wait_for_quota(key);
        }
        let no_room = by_quota == Some(ByQuota::NoRoom);
        let (reason, note) = if no_room {
            (words::EXCEEDED_QUOTA, words::waits_for_quota(&message))
        } else {
            (words::FAILED_CREATE, words::refused(&message))
        };
        self.tell_once(key, tenant, reason, &note);
        let condition = OwnCondition {
            reason: reason.to_owned(),
            ..OwnCondition::denied(note)
        };
        self.tell_condition(pair, &tenant.value()?, condition).await?;
        if no_room {
            Ok(Outcome::Retry)
        } else {
            Err(error.into())
        }
    }

    /// Tells the tenant which fields keep the Pod from running; it stays Pending.
    async fn deny(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
        tree: &Value,
        denied: &Denied,
    ) -> Result<Outcome> {
        let message = denied.to_string();
        self.tell_once(key, tenant, Denied::REASON, &message);
        self.tell_condition(pair, tree, OwnCondition::denied(message))
            .await?;
        Ok(Outcome::Done)
    }

    /// Writes a condition into the tenant's Pod, which has no host Pod, unless it is there.
    async fn tell_condition(&self, pair: &Pair, tree: &Value, condition: OwnCondition) -> Result<()> {
        if let Some(patch) = tell(tree, &[condition], &self.now()) {
            let name = pair.key.name.as_str();
            act::strategic(&self.tenant_pods(pair), name, Some("status"), &patch).await?;
        }
        Ok(())
    }
}

/// What the tenant has given this Node itself. The record is the tenant's to write, but who lies in it gets less.
fn own_resources(node: &Node) -> BTreeSet<String> {
    let record = Asserted::read(node).unwrap_or_default();
    node_resources::own(node, &record.resources).into_keys().collect()
}
