//! Every field of a claim's spec, and what becomes of it on the host.

use crate::kinds::pod::fields::Class::{Copy, Deny, Rewrite};
use crate::kinds::pod::fields::{Field, field};

const OFFERED: &str = "denied when the class is not offered";
const KNOWN: &str = "denied when it is of a kind that is not known";

/// The classification that `down.rs` and `request.rs` follow.
#[rustfmt::skip] // one row a line
pub const FIELDS: &[Field] = &[
    field("spec.devices", Rewrite, "see below"),
    field("spec.devices.config", Rewrite, KNOWN),
    field("spec.devices.config[].opaque", Rewrite, KNOWN),
    field("spec.devices.config[].opaque.driver", Copy, "denied when the class does not name the driver (`classes.device.drivers`)"),
    field("spec.devices.config[].opaque.parameters", Copy, "read by the driver"),
    field("spec.devices.config[].requests", Copy, "names of the same claim"),
    field("spec.devices.constraints", Rewrite, "see below"),
    field("spec.devices.constraints[].distinctAttribute", Copy, ""),
    field("spec.devices.constraints[].matchAttribute", Copy, ""),
    field("spec.devices.constraints[].requests", Copy, "names of the same claim"),
    field("spec.devices.requests", Rewrite, "see below"),
    field("spec.devices.requests[].exactly", Rewrite, KNOWN),
    field("spec.devices.requests[].exactly.adminAccess", Deny, "when true: the host grants it by namespace, and all Pods of the cluster are in one"),
    field("spec.devices.requests[].exactly.allocationMode", Copy, ""),
    field("spec.devices.requests[].exactly.capacity", Copy, ""),
    field("spec.devices.requests[].exactly.count", Copy, ""),
    field("spec.devices.requests[].exactly.derivedAttributes", Copy, ""),
    field("spec.devices.requests[].exactly.deviceClassName", Copy, OFFERED),
    field("spec.devices.requests[].exactly.selectors", Copy, KNOWN),
    field("spec.devices.requests[].exactly.tolerations", Copy, ""),
    field("spec.devices.requests[].firstAvailable", Rewrite, KNOWN),
    field("spec.devices.requests[].firstAvailable[].allocationMode", Copy, ""),
    field("spec.devices.requests[].firstAvailable[].capacity", Copy, ""),
    field("spec.devices.requests[].firstAvailable[].count", Copy, ""),
    field("spec.devices.requests[].firstAvailable[].derivedAttributes", Copy, ""),
    field("spec.devices.requests[].firstAvailable[].deviceClassName", Copy, OFFERED),
    field("spec.devices.requests[].firstAvailable[].name", Copy, ""),
    field("spec.devices.requests[].firstAvailable[].selectors", Copy, KNOWN),
    field("spec.devices.requests[].firstAvailable[].tolerations", Copy, ""),
    field("spec.devices.requests[].name", Copy, ""),
];
