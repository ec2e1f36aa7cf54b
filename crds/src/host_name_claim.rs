//! `HostNameClaim`: one for each host name that a virtual cluster serves, so that no two serve the same.
//!
//! The object's name is made of the host name ([`ServedHost::claim_name`](crate::served_host::ServedHost::claim_name)),
//! so the apiserver's own rule that a name is taken once makes a claim atomic. Written by syncers; nobody changes one.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// A host name that one virtual cluster serves, and no other may.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[kube(
    group = "warren.dev",
    version = "v1alpha1",
    kind = "HostNameClaim",
    plural = "hostnameclaims",
    category = "warren",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Host","type":"string","jsonPath":".spec.hostName"}"#,
    printcolumn = r#"{"name":"VirtualCluster","type":"string","jsonPath":".spec.virtualCluster"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    validation = Rule::new("self.spec == oldSelf.spec").message("a HostNameClaim is immutable; delete it and create another"),
    validation = Rule::new(crate::served_host::claim_rule()).message("`metadata.name` must be 'h.' and `hostName`, 'w.' and what is behind the '*.' of a wildcard, or 'any' for '*'")
)]
#[serde(rename_all = "camelCase")]
pub struct HostNameClaimSpec {
    /// `app.example.com`, `*.example.com` for every name below `example.com`, or `*` for requests that nobody else serves.
    #[schemars(length(max = 251))]
    #[x_kube(validation = Rule::new(crate::served_host::name_rule()).message("`hostName` must be a host name in lowercase, with '*.' before it, or '*'"))]
    pub host_name: String,
    /// `status.clusterId` of the VirtualCluster.
    #[schemars(length(max = 63))]
    pub cluster_id: String,
    /// Namespace and name of the VirtualCluster, for people.
    #[schemars(length(max = 320))]
    pub virtual_cluster: String,
}
