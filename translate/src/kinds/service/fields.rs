//! Every field of `ServiceSpec` and `ServicePort`, and what becomes of it on the host.

use crate::kinds::pod::fields::Class::{Copy, Deny, Drop, Rewrite};
use crate::kinds::pod::fields::{Field, field};

/// The classification that `down.rs` follows.
#[rustfmt::skip] // one row a line
pub const FIELDS: &[Field] = &[
    field("spec.allocateLoadBalancerNodePorts", Copy, ""),
    field("spec.clusterIP", Copy, "the host is asked for the very address the tenant allocated"),
    field("spec.clusterIPs", Copy, "as clusterIP"),
    field("spec.externalIPs", Drop, "would take traffic that is not the tenant's (CVE-2020-8554); noted"),
    field("spec.externalName", Deny, "answered by the tenant's DNS alone, never on the host"),
    field("spec.externalTrafficPolicy", Copy, ""),
    field("spec.healthCheckNodePort", Copy, "the very port the tenant allocated"),
    field("spec.internalTrafficPolicy", Copy, "virtual Nodes are host nodes one to one"),
    field("spec.ipFamilies", Copy, ""),
    field("spec.ipFamilyPolicy", Copy, ""),
    field("spec.loadBalancerClass", Rewrite, "a controller of the tenant answers it, no load balancer on the host; noted"),
    field("spec.loadBalancerIP", Drop, "an address of the platform is not the tenant's to choose; noted"),
    field("spec.loadBalancerSourceRanges", Copy, ""),
    field("spec.ports", Rewrite, "see below"),
    field("spec.ports[].appProtocol", Copy, ""),
    field("spec.ports[].name", Copy, ""),
    field("spec.ports[].nodePort", Copy, "the very port the tenant allocated"),
    field("spec.ports[].port", Copy, ""),
    field("spec.ports[].protocol", Copy, ""),
    field("spec.ports[].targetPort", Copy, "named ports keep their names on host Pods"),
    field("spec.publishNotReadyAddresses", Copy, ""),
    field("spec.selector", Rewrite, "keys mapped, the tenant namespace added; without one the tenant's own EndpointSlices go down"),
    field("spec.sessionAffinity", Copy, ""),
    field("spec.sessionAffinityConfig", Copy, ""),
    field("spec.trafficDistribution", Copy, ""),
    field("spec.type", Rewrite, "ExternalName denied"),
];
