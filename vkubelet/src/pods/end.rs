//! Ends of tenant Pods: those that they asked for, those that the host brought, and what is told about them.

use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use serde_json::{Value, json};
use warren_runtime::act;
use warren_runtime::queue::Outcome;
use warren_translate::kinds::pod::up;

use super::act::{Pods, reference};
use super::error::Result;
use super::pair::Pair;
use super::plan::LAG;
use crate::raw_pod::RawPod;

impl Pods {
    /// The host Pod is gone without the tenant asking: the tenant's Pod ends, with the reason.
    pub(super) async fn vanished(&self, pair: &Pair, tenant: &RawPod) -> Result<Outcome> {
        if self.is_on_host(pair).await? {
            return Ok(Outcome::After(LAG));
        }
        if let Some(gone) = &pair.memory.gone
            && gone.facts().phase.is_terminal()
            && self.last_status(pair, tenant, gone).await?
        {
            return Ok(Outcome::Done);
        }
        let (reason, message) = why_gone(pair.memory.gone.as_deref());
        tracing::info!(pod = %pair.key, host_pod = %pair.host_name, reason, "the host Pod is gone");
        self.fail(pair, tenant, reason, message).await?;
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
        let Some(wanted) = up(&self.observer.cluster, &tenant.value()?, &gone.value()?, None) else {
            return Ok(false);
        };
        self.write_status(pair, &wanted.patch).await?;
        Ok(true)
    }

    /// Ends the tenant's Pod; what still runs on the host goes in the next round.
    pub(super) async fn fail(&self, pair: &Pair, tenant: &RawPod, reason: &str, message: &str) -> Result<()> {
        let patch = json!({
            // An end that this process has not seen is not overwritten.
            "metadata": { "uid": tenant.uid(), "resourceVersion": tenant.meta().resource_version },
            "status": { "phase": "Failed", "reason": reason, "message": message },
        });
        self.write_status(pair, &patch).await?;
        self.events.warn(&reference(tenant), reason, "Run", message);
        Ok(())
    }

    async fn write_status(&self, pair: &Pair, patch: &Value) -> Result<()> {
        match act::merge_status(&self.tenant_pods(pair), pair.key.name.as_str(), patch).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _gone_or_written => Ok(()),
        }
    }
}

/// Reason and message for a Pod whose host Pod went by itself.
fn why_gone(gone: Option<&RawPod>) -> (&'static str, &'static str) {
    let pod: Pod = gone.and_then(|gone| gone.typed().ok()).unwrap_or_default();
    let conditions = pod
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    let target = conditions
        .iter()
        .find(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    match target.and_then(|condition| condition.reason.as_deref()) {
        Some("PreemptionByScheduler") => (
            "Preempted",
            "The Pod gave way to one of higher priority on its machine",
        ),
        Some("EvictionByEvictionAPI" | "DeletionByTaintManager" | "TerminationByKubelet") => {
            ("Evicted", "The Pod was evicted from its machine")
        }
        Some("DeletionByPodGC") => ("NodeLost", "The machine that ran the Pod is gone"),
        _ => ("Deleted", "The Pod was deleted from its machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_reason_is_told_in_the_tenants_words() {
        let gone = |reason: &str| -> RawPod {
            let conditions = json!([{ "type": "DisruptionTarget", "status": "True", "reason": reason }]);
            serde_json::from_value(json!({ "metadata": {}, "spec": { "containers": [] }, "status": { "conditions": conditions } }))
                .unwrap()
        };
        assert_eq!(why_gone(Some(&gone("PreemptionByScheduler"))).0, "Preempted");
        assert_eq!(why_gone(Some(&gone("EvictionByEvictionAPI"))).0, "Evicted");
        assert_eq!(why_gone(Some(&gone("DeletionByPodGC"))).0, "NodeLost");
        assert_eq!(why_gone(None).0, "Deleted");
    }
}
