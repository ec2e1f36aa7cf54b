//! Every field of an EndpointSlice, and what becomes of it on the host.

use crate::kinds::pod::fields::Class::{Copy, Drop, Rewrite};
use crate::kinds::pod::fields::{Field, field};

/// The classification that `down.rs` follows.
#[rustfmt::skip] // one row a line
pub const FIELDS: &[Field] = &[
    field("addressType", Copy, "slices of names (FQDN) stay in the tenant: no proxy reads them"),
    field("endpoints", Rewrite, "see below; one without an allowed address is left out"),
    field("endpoints[].addresses", Rewrite, "only running Pods of the cluster and ranges that the class allows; others noted (CVE-2021-25740)"),
    field("endpoints[].conditions", Copy, ""),
    field("endpoints[].deprecatedTopology", Drop, "no apiserver takes it any more"),
    field("endpoints[].hints", Drop, "the platform's to give"),
    field("endpoints[].hostname", Drop, "answered by the tenant's DNS alone"),
    field("endpoints[].nodeName", Rewrite, "kept where it is the node that the Pod runs on"),
    field("endpoints[].targetRef", Drop, "names an object of the tenant; no proxy reads it"),
    field("endpoints[].zone", Drop, "the platform's to give"),
    field("ports", Copy, "see below"),
    field("ports[].appProtocol", Copy, ""),
    field("ports[].name", Copy, "that of the Service's port"),
    field("ports[].port", Copy, ""),
    field("ports[].protocol", Copy, ""),
];
