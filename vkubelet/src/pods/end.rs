//! Ends of tenant Pods: those that they asked for, those that the host brought, and what is told about them.

use kube::Resource;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::queue::Outcome;
use warren_translate::kinds::pod::{Failure, Mask, Taken, Up, failed, up};
use warren_translate::meta;

use super::act::{Pods, reference};
use super::error::Result;
use super::pair::Pair;
use super::plan::LAG;
use crate::raw_pod::RawPod;

impl Pods {
    /// The host Pod is gone without the tenant asking: the tenant's Pod ends, with the reason.
    pub(super) async fn vanished(&self, pair: &Pair, tenant: &RawPod) -> Result<Outcome> {
        // One that only a finalizer still holds is as good as gone.
        let held = pair.host.as_ref().filter(|host| host.is_over());
        if held.is_none() && self.is_on_host(pair).await? {
            return Ok(Outcome::After(LAG));
        }
        let last = held.or(pair.memory.gone.as_ref());
        if let Some(gone) = last
            && gone.facts().phase.is_terminal()
            && self.last_status(pair, tenant, gone).await?
        {
            return Ok(Outcome::Done);
        }
        let last = last.and_then(|gone| gone.value().ok());
        let taken = Taken::gone(last.as_ref());
        tracing::info!(pod = %pair.key, host_pod = %pair.host_name, reason = taken.reason, "the host Pod is gone");
        let failure = Failure {
            reason: taken.reason,
            message: taken.message,
            taken: Some(&taken),
        };
        self.fail(pair, tenant, &failure).await?;
        Ok(Outcome::Done)
    }

    /// The tenant asked for the end and the host has nothing any more: final status, then the object goes.
    pub(super) async fn finish_deletion(&self, pair: &Pair, tenant: &RawPod) -> Result<Outcome> {
        if pair.memory.gone.is_none() && self.is_on_host(pair).await? {
            return Ok(Outcome::After(LAG));
        }
        if !tenant.facts().phase.is_terminal() {
            let told = match &pair.memory.gone {
                Some(gone) => self.last_status(pair, tenant, gone).await? && gone.facts().phase.is_terminal(),
                None => false,
            };
            // Whoever holds a finalizer (Jobs) waits for an end.
            if !told
                && tenant
                    .meta()
                    .finalizers
                    .as_ref()
                    .is_some_and(|finalizers| !finalizers.is_empty())
            {
                let patch = json!({ "metadata": { "uid": tenant.uid() }, "status": { "phase": "Failed" } });
                self.write_status(pair, &patch).await?;
            }
        }
        act::delete(
            &self.tenant_pods(pair),
            pair.key.name.as_str(),
            tenant.uid(),
            Some(0),
        )
        .await?;
        Ok(Outcome::Done)
    }

    /// The status that the host Pod had last; `false` when there was nothing to write.
    async fn last_status(&self, pair: &Pair, tenant: &RawPod, gone: &RawPod) -> Result<bool> {
        let (tenant, host) = (tenant.value()?, gone.value()?);
        let wanted = up(Up {
            cluster: &self.observer.cluster,
            tenant: &tenant,
            host: &host,
            generations: &pair.memory.generations,
            settled: true,
            own: &[],
            mask: &Mask::default(),
            now: &self.now(),
        });
        let Some(wanted) = wanted else {
            return Ok(false);
        };
        self.write_status(pair, &wanted.patch).await?;
        Ok(true)
    }

    /// Ends the tenant's Pod; what still runs on the host goes in the next round.
    pub(super) async fn fail(&self, pair: &Pair, tenant: &RawPod, failure: &Failure<'_>) -> Result<()> {
        let Some(patch) = failed(&tenant.value()?, failure, &self.now()) else {
            return Ok(());
        };
        self.write_status(pair, &patch).await?;
        self.events
            .warn(&reference(tenant), failure.reason, "Run", failure.message);
        Ok(())
    }

    /// Lets the host Pod go: the tenant has its last status, or nobody wants it.
    pub(super) async fn release(&self, pair: &Pair, uid: &str) -> Result<()> {
        let patch = json!({ "metadata": {
            "uid": uid,
            "$deleteFromPrimitiveList/finalizers": [keys::STATUS_FINALIZER],
        } });
        match act::strategic(&self.host_pods(), pair.host_name.as_str(), None, &patch).await {
            // Also in a conflict: whether it is another one by now is for the next round to see.
            Err(error) if !error.is_not_found() => Err(error.into()),
            _released_or_gone => Ok(()),
        }
    }

    /// Deletes a host Pod whose tenant Pod is gone: only when the tenant itself says so, and is the right one.
    pub(super) async fn delete_orphan(&self, pair: &Pair, uid: &str, grace: Option<u32>) -> Result<Outcome> {
        let name = pair.key.name.as_str();
        let tenant_pods = self.tenant_pods(pair);
        let tenant = act::call(
            format!("get Pod {}", pair.key),
            tenant_pods.get_metadata_opt(name),
        )
        .await?;
        let tenant_uid = tenant.and_then(|pod| pod.metadata.uid);
        if tenant_uid.is_some() && tenant_uid == pair.origin_uid {
            return Ok(Outcome::After(LAG));
        }
        self.identity.prove().await?;
        tracing::info!(pod = %pair.key, host_pod = %pair.host_name, "deleting the host Pod: its tenant Pod is gone");
        if pair.host.as_ref().is_some_and(|host| host.is_held()) {
            self.release(pair, uid).await?;
        }
        act::delete(&self.host_pods(), pair.host_name.as_str(), uid, grace).await?;
        Ok(Outcome::Done)
    }

    /// A controller whose Pod was refused is given more time the next time.
    pub(super) fn refused_owner(&self, tenant: &RawPod) {
        if let Some(owner) = tenant.controller_uid() {
            self.observer.memories.owners.refused(owner, self.clock.now());
        }
    }

    /// Whether the host has the Pod, from the host itself.
    pub(super) async fn is_on_host(&self, pair: &Pair) -> Result<bool> {
        let host_pods = self.host_pods();
        let read = host_pods.get_metadata_opt(pair.host_name.as_str());
        let found = act::call(format!("get host Pod of {}", pair.key), read).await?;
        Ok(found.is_some_and(|pod| meta::belongs(&self.observer.cluster, &pod.metadata)))
    }

    async fn write_status(&self, pair: &Pair, patch: &Value) -> Result<()> {
        let name = pair.key.name.as_str();
        match act::strategic(&self.tenant_pods(pair), name, Some("status"), patch).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _gone_or_written => Ok(()),
        }
    }
}
