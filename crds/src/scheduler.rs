//! The tenant's kube-scheduler, as far as a tenant's owner may shape it.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Settings of the tenant's kube-scheduler.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Scheduler {
    /// Profiles, at most 8, as in a `KubeSchedulerConfiguration` of `kubescheduler.config.k8s.io/v1`: a Pod chooses one by its
    /// `schedulerName`. Empty: upstream's own. Without one named `default-scheduler`, Pods that choose none wait for ever.
    /// What kube-scheduler itself refuses keeps it from starting, and its log says why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(validation = Rule::new("self.all(p, self.exists_one(q, q.schedulerName == p.schedulerName))").message("`controlPlane.scheduler.profiles[].schedulerName` must be different in each"))]
    pub profiles: Vec<Profile>,
}

impl Scheduler {
    /// Whether nothing is set.
    pub fn is_unset(&self) -> bool {
        self.profiles.is_empty()
    }
}

/// One profile.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// What Pods call it.
    #[schemars(length(min = 1, max = 63))]
    pub scheduler_name: String,
    /// How many of the nodes are scored, in percent; 0 lets kube-scheduler choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percentage_of_nodes_to_score: Option<i32>,
    /// Which plugins are enabled and disabled, by extension point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins: Option<AnyObject>,
    /// Arguments of plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub plugin_config: Vec<AnyObject>,
}

/// An object whose fields are kube-scheduler's to judge.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(transparent)]
pub struct AnyObject(pub Value);

impl JsonSchema for AnyObject {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyObject".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_profile_keeps_what_is_kube_schedulers() {
        let profile = json!({
            "schedulerName": "packed",
            "plugins": { "score": { "disabled": [{ "name": "NodeResourcesBalancedAllocation" }] } },
            "pluginConfig": [{ "name": "NodeResourcesFit", "args": { "scoringStrategy": { "type": "MostAllocated" } } }],
        });
        let scheduler: Scheduler = serde_json::from_value(json!({ "profiles": [profile] })).unwrap();
        assert_eq!(serde_json::to_value(&scheduler.profiles[0]).unwrap(), profile);
        assert!(Scheduler::default().is_unset());
    }
}
