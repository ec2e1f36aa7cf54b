//! Every field of `ServiceSpec` and `ServicePort`, and what becomes of it on the host.

use crate::kinds::pod::fields::{Class, Field};
use Class::{Copy, Deny, Drop, Rewrite};

const fn field(path: &'static str, class: Class, why: &'static str) -> Field {
    Field { path, class, why }
}

/// The classification that `down.rs` follows.
pub const FIELDS: [Field; 27] = [
    field("spec.allocateLoadBalancerNodePorts", Copy, ""),
    field(
        "spec.clusterIP",
        Copy,
        "the host is asked for the very address the tenant allocated",
    ),
    field("spec.clusterIPs", Copy, "as clusterIP"),
    field(
        "spec.externalIPs",
        Drop,
        "would take traffic that is not the tenant's (CVE-2020-8554); noted",
    ),
    field(
        "spec.externalName",
        Deny,
        "answered by the tenant's DNS alone, never on the host",
    ),
    field("spec.externalTrafficPolicy", Copy, ""),
    field(
        "spec.healthCheckNodePort",
        Copy,
        "the very port the tenant allocated",
    ),
    field(
        "spec.internalTrafficPolicy",
        Copy,
        "virtual Nodes are host nodes one to one",
    ),
    field("spec.ipFamilies", Copy, ""),
    field("spec.ipFamilyPolicy", Copy, ""),
    field(
        "spec.loadBalancerClass",
        Rewrite,
        "a controller in the tenant answers it; no load balancer on the host; noted",
    ),
    field(
        "spec.loadBalancerIP",
        Drop,
        "an address on the host is not the tenant's to choose; noted",
    ),
    field("spec.loadBalancerSourceRanges", Copy, ""),
    field("spec.ports", Copy, ""),
    field("spec.ports[].appProtocol", Copy, ""),
    field("spec.ports[].name", Copy, ""),
    field(
        "spec.ports[].nodePort",
        Copy,
        "the very port the tenant allocated",
    ),
    field("spec.ports[].port", Copy, ""),
    field("spec.ports[].protocol", Copy, ""),
    field(
        "spec.ports[].targetPort",
        Copy,
        "named ports keep their names on host Pods",
    ),
    field("spec.publishNotReadyAddresses", Copy, ""),
    field(
        "spec.selector",
        Rewrite,
        "keys mapped, the tenant namespace added; without selector denied unless headless",
    ),
    field("spec.sessionAffinity", Copy, ""),
    field("spec.sessionAffinityConfig", Copy, ""),
    field("spec.trafficDistribution", Copy, ""),
    field("spec.type", Rewrite, "ExternalName denied"),
    field("status", Drop, "never down; the load balancer's status comes up"),
];
