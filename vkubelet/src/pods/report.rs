//! Statuses up, and Events.

use std::sync::Arc;

use kube::Resource;
use serde_json::{Value, json};
use warren_runtime::act;
use warren_runtime::queue::Outcome;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::pod::{Generations, Mask, Up, up};

use super::act::{Pods, hash, reference};
use super::change::{Both, Carried};
use super::error::Result;
use super::pair::Pair;
use crate::raw_pod::RawPod;

/// Fields of a status that only make sense together.
const TOGETHER: [[&str; 2]; 2] = [["podIP", "podIPs"], ["hostIP", "hostIPs"]];

/// Both sides of one Pod as trees, and how far changes got.
struct Looked<'a> {
    key: &'a ObjectKey,
    pair: &'a Pair,
    tenant: &'a Value,
    host: &'a Value,
    carried: &'a Carried,
    generations: &'a Generations,
    now: &'a str,
}

impl Looked<'_> {
    fn up<'a>(&'a self, pods: &'a Pods, tenant: &'a Value, mask: &'a Mask) -> Up<'a> {
        Up {
            cluster: &pods.observer.cluster,
            tenant,
            host: self.host,
            generations: self.generations,
            settled: self.carried.settled,
            own: &self.carried.own,
            mask,
            now: self.now,
        }
    }
}

impl Pods {
    /// Brings the tenant's changes down and the host's status up.
    pub(super) async fn sync(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &Arc<RawPod>,
        host: &Arc<RawPod>,
    ) -> Result<Outcome> {
        let carried = Box::pin(self.change_down(&Both {
            key,
            pair,
            tenant,
            tenant_typed: &tenant.typed()?,
            host,
            host_typed: &host.typed()?,
        }))
        .await?;
        let generations = self.generations(key, pair, tenant, host, &carried);
        self.status_up(&Looked {
            key,
            pair,
            tenant: &tenant.value()?,
            host: &host.value()?,
            carried: &carried,
            generations: &generations,
            now: &self.now(),
        })
        .await?;
        Ok(carried.outcome)
    }

    /// What the host's generations stand for, now.
    fn generations(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
        host: &RawPod,
        carried: &Carried,
    ) -> Generations {
        let mut generations = pair.memory.generations.clone();
        let (of_host, of_tenant) = (host.meta().generation, tenant.meta().generation);
        if let (true, Some(of_host), Some(of_tenant)) = (carried.observed, of_host, of_tenant)
            && of_tenant > 0
        {
            generations.settled(of_host, of_tenant);
            if generations != pair.memory.generations {
                self.observer.memories.change(key, tenant.uid(), |memory| {
                    memory.generations.clone_from(&generations);
                });
            }
        }
        generations
    }

    async fn status_up(&self, looked: &Looked<'_>) -> Result<()> {
        let memory = &looked.pair.memory;
        let Some(wanted) = up(looked.up(self, looked.tenant, &memory.mask)) else {
            return Ok(());
        };
        let fingerprint = status_hash(&wanted.patch);
        let seen = version_of(looked.tenant);
        let is_on_its_way =
            (memory.reported.as_ref()).is_some_and(|(last, version)| *last == fingerprint && version == seen);
        if memory.masked == Some(fingerprint) || is_on_its_way {
            return Ok(());
        }
        let api = self.tenant_pods(looked.pair);
        let name = looked.pair.key.name.as_str();
        let written = match act::strategic(&api, name, Some("status"), &wanted.patch).await {
            Ok(written) => written.value()?,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.is_conflict() => return Err(error.into()),
            Err(error) if error.code() == Some(422) => {
                tracing::warn!(pod = %looked.pair.key, message = error.message(), "status refused, sending it field by field");
                return self.status_by_field(looked, &wanted.patch, fingerprint).await;
            }
            Err(error) => return Err(error.into()),
        };
        // What the tenant's API dropped would be sent again for ever.
        let mut mask = memory.mask.clone();
        let learned = written
            .get("status")
            .is_some_and(|stored| mask.learn(&wanted.status, stored));
        let again = up(looked.up(self, &written, &mask));
        let masked = again.is_some_and(|again| status_hash(&again.patch) == fingerprint);
        let uid = uid_of(looked.tenant);
        self.observer.memories.change(looked.key, uid, |memory| {
            // A write that changed nothing is followed by no event.
            let is_new = version_of(&written) != seen;
            memory.reported = is_new.then(|| (fingerprint, seen.to_owned()));
            if learned || masked {
                self.own.masked.inc();
                memory.mask = mask;
                memory.masked = masked.then_some(fingerprint);
            }
        });
        Ok(())
    }

    /// One field that the tenant's API refuses must not keep back the others.
    async fn status_by_field(&self, looked: &Looked<'_>, patch: &Value, fingerprint: u64) -> Result<()> {
        let api = self.tenant_pods(looked.pair);
        let name = looked.pair.key.name.as_str();
        for part in parts(patch) {
            match act::strategic(&api, name, Some("status"), &part).await {
                Err(error) if error.code() == Some(422) => {
                    let (message, part) = (error.message(), part.get("status"));
                    tracing::warn!(pod = %looked.pair.key, ?part, message, "status field refused");
                }
                Err(error) if error.is_not_found() => return Ok(()),
                other => other.map(|_written: RawPod| ())?,
            }
        }
        self.own.masked.inc();
        let uid = uid_of(looked.tenant);
        self.observer.memories.change(looked.key, uid, |memory| {
            memory.masked = Some(fingerprint);
        });
        Ok(())
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

fn uid_of(tenant: &Value) -> &str {
    let uid = tenant.pointer("/metadata/uid").and_then(Value::as_str);
    uid.unwrap_or_default()
}

fn version_of(tenant: &Value) -> &str {
    let version = tenant
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str);
    version.unwrap_or_default()
}

/// The patch, one field of the status at a time, but for those that only make sense together.
fn parts(patch: &Value) -> Vec<Value> {
    let empty = serde_json::Map::new();
    let fields = patch.get("status").and_then(Value::as_object).unwrap_or(&empty);
    let uid = patch.pointer("/metadata/uid");
    let part = |names: &[&str]| {
        let fields: serde_json::Map<String, Value> = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), fields.get(*name)?.clone())))
            .collect();
        (!fields.is_empty()).then(|| json!({ "metadata": { "uid": uid }, "status": fields }))
    };
    let alone = fields
        .keys()
        .filter(|name| !TOGETHER.iter().flatten().any(|other| other == name))
        .filter_map(|name| part(&[name]));
    alone
        .chain(TOGETHER.iter().filter_map(|names| part(names)))
        .collect()
}

/// What of a patch says whether it is the same again.
fn status_hash(patch: &Value) -> u64 {
    hash(&patch.get("status").map(Value::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_sent_together_and_the_rest_alone() {
        let patch = json!({
            "metadata": { "uid": "u" },
            "status": { "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{ "ip": "10.0.0.1" }] },
        });
        assert_eq!(
            parts(&patch),
            [
                json!({ "metadata": { "uid": "u" }, "status": { "phase": "Running" } }),
                json!({ "metadata": { "uid": "u" }, "status": { "podIP": "10.0.0.1", "podIPs": [{ "ip": "10.0.0.1" }] } }),
            ]
        );
    }
}
