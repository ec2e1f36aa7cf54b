//! `containerDefaults` of a class: what containers get on the host that say nothing themselves.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::parse;

/// Requests and limits of tenants' containers that set none of a resource themselves. They hold on the host only: the
/// tenant sees its Pods as it made them. A container that requests more than a limit here has what it requests as its limit.
/// A resource that the Pod as a whole sets is left to the Pod.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(above("cpu")).message("`containerDefaults.requests.cpu` must be no greater than `containerDefaults.limits.cpu`"))]
#[x_kube(validation = Rule::new(above("memory")).message("`containerDefaults.requests.memory` must be no greater than `containerDefaults.limits.memory`"))]
#[x_kube(validation = Rule::new(above("ephemeralStorage")).message("`containerDefaults.requests.ephemeralStorage` must be no greater than `containerDefaults.limits.ephemeralStorage`"))]
pub struct ContainerDefaults {
    /// What is set aside for a container that sets neither request nor limit. Unset: where a limit is given, that.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub requests: Amounts,
    /// What a container that sets no limit may not exceed.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub limits: Amounts,
}

/// One amount of each resource that every node has.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Cores, for example `100m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32, "pattern" = QUANTITY))]
    pub cpu: Option<Quantity>,
    /// Bytes, for example `128Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32, "pattern" = QUANTITY))]
    pub memory: Option<Quantity>,
    /// Bytes of the node's disk, for example `1Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 32, "pattern" = QUANTITY))]
    pub ephemeral_storage: Option<Quantity>,
}

/// An amount that is not negative.
const QUANTITY: &str = "^[0-9]+([.][0-9]*)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";

impl ContainerDefaults {
    /// Whether nothing is set.
    pub fn is_nothing(&self) -> bool {
        self.requests.is_nothing() && self.limits.is_nothing()
    }
}

impl Amounts {
    /// Whether nothing is set.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// By the resource's name in a container. Zero is as good as nothing.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, &Quantity)> {
        let Self {
            cpu,
            memory,
            ephemeral_storage,
        } = self;
        let all = [
            ("cpu", cpu),
            ("memory", memory),
            ("ephemeral-storage", ephemeral_storage),
        ];
        all.into_iter()
            .filter_map(|(name, amount)| Some((name, amount.as_ref()?)))
            .filter(|(_, amount)| parse(amount).is_some_and(|amount| amount > 0))
    }

    /// The amount of the resource of this name.
    pub fn get(&self, name: &str) -> Option<&Quantity> {
        let found = self.entries().find(|(known, _)| *known == name);
        found.map(|(_, amount)| amount)
    }
}

/// CEL: the request is not above the limit.
fn above(field: &str) -> String {
    format!(
        "!has(self.requests) || !has(self.requests.{field}) || !has(self.limits) || !has(self.limits.{field}) || \
         quantity(string(self.requests.{field})).compareTo(quantity(string(self.limits.{field}))) <= 0"
    )
}
