//! Who places a tenant's Pods.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who places the tenant's Pods.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum Scheduling {
    /// The tenant's own kube-scheduler. The host runs each Pod on the node that it chose.
    #[default]
    Tenant,
    /// The host's scheduler; the tenant has none of its own. Its constraints go down with each Pod, and the tenant's Pod is
    /// bound to the node that the host chose.
    Host,
}

impl Scheduling {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "Tenant",
            Self::Host => "Host",
        }
    }
}

/// What the agents of a cluster know whose Pods the host's scheduler places: a part of their policy file.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct HostScheduling {
    /// Labels of the host nodes that the cluster may use: the class's and `spec.nodes.selector`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// `schedulerName` of host Pods. `None`: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler_name: Option<String>,
}
