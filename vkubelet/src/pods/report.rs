//! Statuses up, changes down, Events.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use kube::Resource;
use serde_json::{Value, json};
use warren_runtime::act;
use warren_runtime::queue::Outcome;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::pod::{PodUpdate, up, update};

use super::act::{Pods, reference};
use super::error::Result;
use super::pair::Pair;
use crate::raw_pod::RawPod;

impl Pods {
    /// Brings the host's status up and the tenant's changes down.
    pub(super) async fn sync(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &Arc<RawPod>,
        host: &Arc<RawPod>,
    ) -> Result<Outcome> {
        let (tenant_tree, host_tree) = (tenant.value()?, host.value()?);
        let change = update(&self.context(&[], None), &tenant.typed()?, &host.typed()?)?;
        let observed = observed_generation(&change, tenant, &host_tree);
        self.status_up(key, pair, &tenant_tree, &host_tree, observed)
            .await?;
        if !host.is_terminating() {
            self.change_down(key, pair, tenant, change).await?;
        }
        Ok(Outcome::Done)
    }

    async fn change_down(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
        change: PodUpdate,
    ) -> Result<()> {
        let PodUpdate { patch, notes } = change;
        for note in &notes {
            self.tell_once(key, tenant, note.reason, &note.to_string());
        }
        let Some(patch) = patch else { return Ok(()) };
        match act::merge(&self.host_pods(), pair.host_name.as_str(), &patch).await {
            Ok(_patched) => Ok(()),
            Err(error) if matches!(error.code(), Some(403 | 422)) => {
                let message = self.scrub(pair, error.message().unwrap_or_default());
                self.tell_once(
                    key,
                    tenant,
                    "FailedUpdate",
                    &format!("the host refuses the change: {message}"),
                );
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn status_up(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &Value,
        host: &Value,
        observed: Option<i64>,
    ) -> Result<()> {
        let cluster = &self.observer.cluster;
        let Some(wanted) = up(cluster, tenant, host, observed) else {
            return Ok(());
        };
        let fingerprint = status_hash(&wanted.patch);
        if pair.memory.masked == Some(fingerprint) {
            return Ok(());
        }
        let api = self.tenant_pods(pair);
        let name = pair.key.name.as_str();
        let written: RawPod = match act::merge_status(&api, name, &wanted.patch).await {
            Ok(written) => written,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.code() == Some(422) => {
                tracing::warn!(pod = %pair.key, message = error.message(), "status refused, sending it field by field");
                return self.status_by_field(key, pair, &wanted.patch, fingerprint).await;
            }
            Err(error) => return Err(error.into()),
        };
        // What the tenant's API dropped would be sent again for ever.
        let again = up(cluster, &written.value()?, host, observed);
        if again.is_some_and(|again| status_hash(&again.patch) == fingerprint) {
            self.mask(key, pair, fingerprint);
        }
        Ok(())
    }

    /// One field that the tenant's API refuses must not keep back the others.
    async fn status_by_field(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        patch: &Value,
        fingerprint: u64,
    ) -> Result<()> {
        let api = self.tenant_pods(pair);
        let fields = patch.get("status").and_then(Value::as_object);
        for (field, value) in fields.into_iter().flatten() {
            let part =
                json!({ "metadata": { "uid": patch.pointer("/metadata/uid") }, "status": { field: value } });
            match act::merge_status(&api, pair.key.name.as_str(), &part).await {
                Err(error) if error.code() == Some(422) => {
                    tracing::warn!(pod = %pair.key, field, message = error.message(), "status field refused");
                }
                Err(error) if error.is_not_found() => return Ok(()),
                other => other.map(|_written| ())?,
            }
        }
        self.mask(key, pair, fingerprint);
        Ok(())
    }

    fn mask(&self, key: &ObjectKey, pair: &Pair, fingerprint: u64) {
        self.own.masked.inc();
        let uid = pair
            .tenant
            .as_ref()
            .map(|tenant| tenant.uid())
            .unwrap_or_default();
        self.observer
            .memories
            .change(key, uid, |memory| memory.masked = Some(fingerprint));
    }

    /// An Event, unless it was the last one told about this Pod.
    pub(super) fn tell_once(&self, key: &ObjectKey, tenant: &RawPod, reason: &str, note: &str) {
        let fingerprint = hash(&format!("{reason} {note}"));
        let mut news = false;
        self.observer.memories.change(key, tenant.uid(), |memory| {
            news = memory.told != Some(fingerprint);
            memory.told = Some(fingerprint);
        });
        if news {
            self.events.warn(&reference(tenant), reason, "Sync", note);
        }
    }
}

/// The tenant's generation, when the host's kubelet has seen everything that the tenant wants.
fn observed_generation(change: &PodUpdate, tenant: &RawPod, host: &Value) -> Option<i64> {
    let generation = host.pointer("/metadata/generation").and_then(Value::as_i64)?;
    let observed = host
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64)?;
    let settled = change.patch.is_none() && change.notes.is_empty() && observed >= generation;
    settled.then_some(tenant.meta().generation).flatten()
}

/// What of a patch says whether it is the same again.
fn status_hash(patch: &Value) -> u64 {
    hash(&patch.get("status").map(Value::to_string).unwrap_or_default())
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_is_passed_on_only_when_all_has_arrived() {
        let tenant: RawPod = serde_json::from_value(json!({ "metadata": { "generation": 4 } })).unwrap();
        let host = |generation: i64, observed: i64| json!({ "metadata": { "generation": generation }, "status": { "observedGeneration": observed } });
        let settled = PodUpdate::default();
        assert_eq!(observed_generation(&settled, &tenant, &host(2, 2)), Some(4));
        assert_eq!(observed_generation(&settled, &tenant, &host(2, 1)), None);
        let open = PodUpdate {
            patch: Some(json!({})),
            ..PodUpdate::default()
        };
        assert_eq!(observed_generation(&open, &tenant, &host(2, 2)), None);
    }
}
