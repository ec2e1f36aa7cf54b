//! The tenant's changes down: to the host Pod itself, its resources, its ephemeral containers, and what controllers of
//! the tenant say of its readiness gates.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Resource;
use serde_json::{Map, Value, json};
use warren_runtime::act;
use warren_runtime::queue::Outcome;
use warren_runtime::store::ObjectKey;
use warren_translate::Denied;
use warren_translate::kinds::pod::{
    CARRIED, OwnCondition, PodContext, PodUpdate, Resize, add_ephemeral, check_unknown, update,
};
use warren_translate::refusal::{ByQuota, by_quota, without_quota_name};

use super::act::{Pods, hash};
use super::error::Result;
use super::memory::{Part, Sent};
use super::pair::Pair;
use crate::raw_pod::RawPod;

/// Condition of a resize that is not under way yet.
const RESIZE_PENDING: &str = "PodResizePending";

/// Both sides, as far as their fields are known.
pub(super) struct Both<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) pair: &'a Pair,
    pub(super) tenant: &'a RawPod,
    pub(super) tenant_typed: &'a Pod,
    pub(super) host: &'a RawPod,
    pub(super) host_typed: &'a Pod,
}

/// How far the changes got.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    /// The host was given the resources that the tenant wants.
    pub(super) settled: bool,
    /// The tenant's generation was seen: all of it is on the host, or the tenant is told why not.
    pub(super) observed: bool,
    /// What the tenant is to be told.
    pub(super) own: Vec<OwnCondition>,
    /// When to look again.
    pub(super) outcome: Outcome,
}

/// The answer to one change.
enum Answer {
    /// The host took it: its generation changes.
    Sent,
    /// It took the same before, and has not shown it yet.
    Waits,
    /// It did not, in tenant terms.
    Refused(String),
    /// It did not, for now.
    NoRoom(String),
}

impl Pods {
    /// Compares both sides and, unless the host Pod is going, brings the difference down.
    pub(super) async fn change_down(&self, both: &Both<'_>) -> Result<Carried> {
        let isolation = self.isolation(both.pair, both.tenant, Some(both.host)).await?;
        let context = PodContext {
            isolation,
            ..self.context(&[], None)
        };
        let change = update(&context, both.tenant_typed, both.host_typed)?;
        let mut carried = Carried {
            settled: change.resize.is_none(),
            observed: change.settled,
            own: Vec::new(),
            outcome: Outcome::Done,
        };
        let PodUpdate {
            patch,
            resize,
            ephemeral,
            closing,
            gates,
            denied,
            settled: _,
        } = change;
        let mut refused: Vec<String> = Vec::new();
        // Also of a Pod that is ending: its readiness goes on to count.
        if let Some(gates) = &gates
            && !both.host.is_over()
            && !both.host.facts().phase.is_terminal()
        {
            self.gates(both, gates, &mut refused).await?;
        }
        if both.host.is_terminating() {
            if let Some(closing) = &closing {
                self.send(both, Part::Metadata, closing).await?;
            }
            carried.own.extend(told(&refused));
            return Ok(carried);
        }
        // A deletion is a generation of the tenant's Pod: the host's stands for it when its own has begun.
        let mut open = both.tenant.is_terminating();
        if let Some(denied) = &denied {
            refused.push(self.tell_denied(both, denied));
        }
        if let Some(patch) = &patch {
            match self.send(both, Part::Pod, patch).await? {
                Answer::Sent | Answer::Waits => open |= patch.get("spec").is_some(),
                Answer::Refused(why) | Answer::NoRoom(why) => {
                    let why = format!("the host refuses the change: {why}");
                    self.tell_once(both.key, both.tenant, "FailedUpdate", &why);
                    refused.push(why);
                    // Labels and annotations are not kept back by a field that is refused.
                    if let Some(metadata) = without_spec(patch) {
                        self.send(both, Part::Metadata, &metadata).await?;
                    }
                }
            }
        }
        if let Some(resize) = &resize {
            open |= self.resize(both, resize, &mut carried).await?;
        }
        if ephemeral {
            open |= self.ephemeral(both, &mut refused).await?;
        }
        carried.own.extend(told(&refused));
        carried.observed = !open;
        Ok(carried)
    }

    async fn gates(&self, both: &Both<'_>, gates: &Value, refused: &mut Vec<String>) -> Result<()> {
        if let Answer::Refused(why) | Answer::NoRoom(why) = self.send(both, Part::Gates, gates).await? {
            let why = format!("the host refuses the conditions of the readiness gates: {why}");
            self.tell_once(both.key, both.tenant, "FailedUpdate", &why);
            refused.push(why);
        }
        Ok(())
    }

    /// True while the host has not shown the resize.
    async fn resize(&self, both: &Both<'_>, resize: &Resize, carried: &mut Carried) -> Result<bool> {
        let pending = |reason: &str, message: String| OwnCondition {
            type_: RESIZE_PENDING,
            status: true,
            reason: reason.to_owned(),
            message,
        };
        match self.send(both, Part::Resize, &resize.patch).await? {
            Answer::Sent => {
                // The same wish is not sent again, whatever the host's admission made of it.
                act::strategic(
                    &self.host_pods(),
                    both.pair.host_name.as_str(),
                    None,
                    &resize.record,
                )
                .await?;
                return Ok(true);
            }
            Answer::Waits => return Ok(true),
            Answer::Refused(why) => {
                self.tell_once(both.key, both.tenant, "ResizeInfeasible", &why);
                carried.own.push(pending("Infeasible", why));
            }
            Answer::NoRoom(why) => {
                self.tell_once(both.key, both.tenant, "ResizeDeferred", &why);
                self.observer.memories.wait_for_quota(both.key);
                carried.own.push(pending("Deferred", why));
                carried.outcome = Outcome::Retry;
            }
        }
        Ok(false)
    }

    /// True while the host has not shown the containers.
    async fn ephemeral(&self, both: &Both<'_>, refused: &mut Vec<String>) -> Result<bool> {
        // A field of a newer tenant would be lost here as it would be in any container.
        if let Err(denied) = check_unknown(&self.policy, &both.tenant.value()?) {
            refused.push(self.tell_denied(both, &denied));
            return Ok(false);
        }
        // Before anything is moved for them; what is not there yet is the second look's to say.
        let known = self.known_services(both.pair);
        if let Ok(warren_translate::Outcome::Denied(denied)) = self.ephemeral_patch(both, &known) {
            refused.push(self.tell_denied(both, &denied));
            return Ok(false);
        }
        let services = self.ensure_dependencies(both.key, both.pair, both.tenant).await?; // I/O: the syncer
        let patch = match self.ephemeral_patch(both, &services)? {
            warren_translate::Outcome::Translated(translated) => translated.object,
            warren_translate::Outcome::Denied(denied) => {
                refused.push(self.tell_denied(both, &denied));
                return Ok(false);
            }
        };
        match self.send(both, Part::Ephemeral, &patch).await? {
            Answer::Sent | Answer::Waits => Ok(true),
            Answer::Refused(why) | Answer::NoRoom(why) => {
                let why = format!("the host refuses the ephemeral container: {why}");
                self.tell_once(both.key, both.tenant, "FailedUpdate", &why);
                refused.push(why);
                Ok(false)
            }
        }
    }

    fn ephemeral_patch(
        &self,
        both: &Both<'_>,
        services: &[std::sync::Arc<Service>],
    ) -> Result<warren_translate::Outcome<Value>> {
        let services: Vec<&Service> = services.iter().map(|service| &**service).collect();
        let node = self.tenant_node(both.tenant_typed);
        let status = node.as_ref().and_then(|node| node.status.as_ref());
        let context = PodContext {
            node_allocatable: status.and_then(|status| status.allocatable.as_ref()),
            ..self.context(&services, None)
        };
        Ok(add_ephemeral(&context, both.tenant_typed, both.host_typed)?)
    }

    fn tell_denied(&self, both: &Both<'_>, denied: &Denied) -> String {
        let message = denied.to_string();
        self.tell_once(both.key, both.tenant, Denied::REASON, &message);
        message
    }

    /// Sends one change, unless there is no reason to send it again.
    async fn send(&self, both: &Both<'_>, part: Part, patch: &Value) -> Result<Answer> {
        let hash = hash(&patch.to_string());
        let version = both.host.meta().resource_version.clone().unwrap_or_default();
        if let Some(sent) = both.pair.memory.sent_before(part, hash, &version) {
            return Ok(match &sent.refused {
                Some(why) => Answer::Refused(why.clone()),
                None => Answer::Waits,
            });
        }
        let subresource = match part {
            Part::Pod | Part::Metadata => None,
            Part::Resize => Some("resize"),
            Part::Ephemeral => Some("ephemeralcontainers"),
            Part::Gates => Some("status"),
        };
        let name = both.pair.host_name.as_str();
        let sent = act::strategic(&self.host_pods(), name, subresource, patch).await;
        let refused = match sent {
            Ok(_changed) => None,
            Err(error) if error.is_conflict() => return Err(error.into()),
            Err(error) if matches!(error.code(), Some(403 | 422)) => {
                let answer = error.message().unwrap_or_default();
                let why = self.scrub(both.pair, &without_quota_name(answer));
                if error.code() == Some(403) && by_quota(answer) == Some(ByQuota::NoRoom) {
                    return Ok(Answer::NoRoom(why));
                }
                Some(why)
            }
            Err(error) => return Err(error.into()),
        };
        let answer = refused.clone().map_or(Answer::Sent, Answer::Refused);
        let sent = Sent {
            hash,
            version,
            refused,
        };
        self.observer
            .memories
            .change(both.key, both.tenant.uid(), |memory| {
                memory.sent.insert(part, sent);
            });
        Ok(answer)
    }
}

/// What the tenant is to be told of what does not go down.
fn told(refused: &[String]) -> Option<OwnCondition> {
    (!refused.is_empty()).then(|| OwnCondition::denied(refused.join("; ")))
}

/// What remains of a change whose fields of the spec are refused; `None` when nothing does.
fn without_spec(patch: &Value) -> Option<Value> {
    patch.get("spec")?;
    let mut metadata = patch.get("metadata")?.as_object()?.clone();
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        // It would say that they were carried down.
        annotations.remove(CARRIED);
    }
    let is_empty = |field: &str| {
        let map = metadata.get(field).and_then(Value::as_object);
        map.is_none_or(Map::is_empty)
    };
    let nothing = is_empty("labels") && is_empty("annotations");
    (!nothing).then(|| json!({ "metadata": metadata }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_go_without_a_field_that_is_refused() {
        let patch = json!({
            "metadata": { "uid": "u", "labels": { "a": "b" }, "annotations": { CARRIED: "x" } },
            "spec": { "activeDeadlineSeconds": 5 },
        });
        assert_eq!(
            without_spec(&patch),
            Some(json!({ "metadata": { "uid": "u", "labels": { "a": "b" }, "annotations": {} } }))
        );
        let alone = json!({ "metadata": { "uid": "u", "annotations": { CARRIED: "x" } }, "spec": {} });
        assert_eq!(without_spec(&alone), None);
        assert_eq!(without_spec(&json!({ "metadata": { "uid": "u" } })), None);
    }
}
