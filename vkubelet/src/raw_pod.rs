//! A Pod as the API sent it: metadata typed, the rest as JSON text, so that fields this Warren does not know
//! survive and a Pod costs kilobytes rather than tens of them. In stores it is packed (`kept`).

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use warren_crds::keys;

mod kept;

pub use kept::KeptPod;

/// Phase of a Pod, as `status.phase` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not started (also when the field is missing).
    #[default]
    Pending,
    /// At least one container runs or is about to.
    Running,
    /// All containers ended well; never changes again.
    Succeeded,
    /// Ended; never changes again.
    Failed,
    /// `Unknown`, or a word this Warren does not know.
    Other,
}

impl Phase {
    fn of(text: &str) -> Self {
        match text {
            "" | "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            _ => Self::Other,
        }
    }

    /// Succeeded or Failed.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What is read so often that it is taken out once, when the Pod arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `spec.nodeName`, empty when the Pod is not bound.
    pub node_name: String,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// `status.podIPs`.
    pub addresses: Vec<IpAddr>,
    /// Its status has a word of a kubelet: it was started there, or refused.
    pub touched: bool,
}

/// A Pod of either cluster.
#[derive(Resource, Clone, Debug, Default)]
#[resource(inherit = Pod)]
pub struct RawPod {
    metadata: ObjectMeta,
    facts: Facts,
    /// Everything but metadata, apiVersion and kind: `{"spec":…,"status":…}`.
    rest: Box<str>,
}

impl RawPod {
    /// What is read often.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// UID; empty only for objects that were never in a cluster.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The value of one annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Whether its deletion was asked for.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether the object would be gone but for finalizers: its kubelet has let go of it, it never had one, or somebody
    /// would not wait for it.
    pub fn is_over(&self) -> bool {
        self.is_terminating() && self.metadata.deletion_grace_period_seconds == Some(0)
    }

    /// Whether [`keys::STATUS_FINALIZER`] keeps it.
    pub fn is_held(&self) -> bool {
        let finalizers = self.metadata.finalizers.as_deref().unwrap_or_default();
        finalizers
            .iter()
            .any(|finalizer| finalizer == keys::STATUS_FINALIZER)
    }

    /// UID of the object that controls it.
    pub fn controller_uid(&self) -> Option<&str> {
        let owners = self.metadata.owner_references.as_deref().unwrap_or_default();
        let controller = owners.iter().find(|owner| owner.controller == Some(true));
        controller.map(|owner| owner.uid.as_str())
    }

    /// The whole Pod as a JSON tree, unknown fields included.
    ///
    /// # Errors
    /// When metadata cannot be written as JSON, which no Pod that was read does.
    pub fn value(&self) -> serde_json::Result<Value> {
        let mut tree: Map<String, Value> = serde_json::from_str(&self.rest)?;
        tree.insert("apiVersion".to_owned(), Value::from("v1"));
        tree.insert("kind".to_owned(), Value::from("Pod"));
        tree.insert("metadata".to_owned(), serde_json::to_value(&self.metadata)?);
        Ok(Value::Object(tree))
    }

    /// The Pod as far as this Warren knows its fields.
    ///
    /// # Errors
    /// When a known field has another type than it should.
    pub fn typed(&self) -> serde_json::Result<Pod> {
        let mut pod: Pod = serde_json::from_str(&self.rest)?;
        pod.metadata = self.metadata.clone();
        Ok(pod)
    }

    /// Reads a JSON tree.
    ///
    /// # Errors
    /// When metadata is not metadata.
    pub fn from_value(value: Value) -> serde_json::Result<Self> {
        let Value::Object(mut tree) = value else {
            return Err(serde::de::Error::custom("a Pod must be a JSON object"));
        };
        tree.remove("apiVersion");
        tree.remove("kind");
        let metadata = match tree.remove("metadata") {
            Some(mut metadata) => {
                // Larger than the Pod, once typed, and nobody reads it.
                if let Some(fields) = metadata.as_object_mut() {
                    fields.remove("managedFields");
                }
                serde_json::from_value(metadata)?
            }
            None => ObjectMeta::default(),
        };
        let facts = facts(&tree);
        let rest = serde_json::to_string(&tree)?.into_boxed_str();
        Ok(Self {
            metadata,
            facts,
            rest,
        })
    }
}

fn text<'a>(part: Option<&'a Value>, key: &str) -> &'a str {
    part.and_then(|part| part.get(key))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn facts(tree: &Map<String, Value>) -> Facts {
    let spec = tree.get("spec");
    let status = tree.get("status");
    let ips = status
        .and_then(|status| status.get("podIPs"))
        .and_then(Value::as_array);
    let mut addresses: Vec<IpAddr> = ips
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("ip")?.as_str()?.parse().ok())
        .collect();
    addresses.shrink_to_fit();
    Facts {
        node_name: text(spec, "nodeName").to_owned(),
        host_network: spec
            .and_then(|spec| spec.get("hostNetwork"))
            .and_then(Value::as_bool)
            .unwrap_or(false),
        phase: Phase::of(text(status, "phase")),
        addresses,
        touched: status.is_some_and(|status| {
            let words = ["startTime", "podIP", "containerStatuses", "initContainerStatuses"];
            words.iter().any(|field| status.get(field).is_some())
        }),
    }
}

impl<'de> Deserialize<'de> for RawPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for RawPod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value()
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive() {
        let value = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "a", "namespace": "b", "uid": "u" },
            "spec": { "nodeName": "n", "containers": [{ "name": "c" }], "fromTheFuture": { "x": 1 } },
            "status": { "phase": "Running", "podIPs": [{ "ip": "10.0.0.1" }, { "ip": "fd00::1" }] },
        });
        let pod: RawPod = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(pod.value().unwrap(), value);
        assert_eq!(pod.facts().node_name, "n");
        assert_eq!(pod.facts().phase, Phase::Running);
        assert_eq!(pod.facts().addresses.len(), 2);
        assert_eq!(pod.typed().unwrap().metadata.uid.as_deref(), Some("u"));
    }

    #[test]
    fn a_pod_without_status_is_pending() {
        let pod: RawPod = serde_json::from_value(json!({ "metadata": { "name": "a" } })).unwrap();
        assert_eq!(pod.facts(), &Facts::default());
    }
}
