//! Every field of a claim's spec, and what becomes of it on the host.

use crate::kinds::pod::fields::Class::{Copy, Deny, Drop, Rewrite};
use crate::kinds::pod::fields::{Field, field};

const SAME_NAMESPACE: &str =
    "host name of the claim; denied unless it is a PersistentVolumeClaim of the same namespace";

/// The classification that `down.rs` follows.
#[rustfmt::skip] // one row a line
pub const FIELDS: &[Field] = &[
    field("spec.accessModes", Copy, ""),
    field("spec.dataSource", Rewrite, SAME_NAMESPACE),
    field("spec.dataSourceRef", Rewrite, SAME_NAMESPACE),
    field("spec.resources", Rewrite, "storage only"),
    field("spec.resources.limits", Copy, "storage only"),
    field("spec.resources.requests", Copy, "storage only; grows later, too"),
    field("spec.selector", Deny, "selects among volumes made by hand"),
    field("spec.storageClassName", Copy, "denied when the class is not offered"),
    field("spec.volumeAttributesClassName", Deny, "not offered"),
    field("spec.volumeMode", Copy, ""),
    field("spec.volumeName", Drop, "the host's binder chooses; denied when the tenant chose one"),
];
