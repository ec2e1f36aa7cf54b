//! Every field of `IngressSpec`, and what becomes of it on the host.

use crate::kinds::pod::fields::Class::{Copy, Deny, Rewrite};
use crate::kinds::pod::fields::{Field, field};

const SERVICE: &str = "host name of the Service of the same namespace";
const RESOURCE: &str = "a backend is a Service";
const HOST: &str = "denied unless the class allows it; on the host only while this cluster has claimed it";

/// The classification that `down.rs` follows.
#[rustfmt::skip] // one row a line
pub const FIELDS: &[Field] = &[
    field("spec.defaultBackend", Rewrite, "takes requests for every name: denied unless the class allows `*`"),
    field("spec.defaultBackend.resource", Deny, RESOURCE),
    field("spec.defaultBackend.service", Rewrite, SERVICE),
    field("spec.ingressClassName", Rewrite, "never empty on the host; not on the host unless the class is offered"),
    field("spec.rules", Rewrite, "see below"),
    field("spec.rules[].host", Copy, HOST),
    field("spec.rules[].http", Rewrite, "see below"),
    field("spec.rules[].http.paths[].backend.resource", Deny, RESOURCE),
    field("spec.rules[].http.paths[].backend.service", Rewrite, SERVICE),
    field("spec.rules[].http.paths[].path", Copy, "denied with characters that end a word in a configuration file"),
    field("spec.rules[].http.paths[].pathType", Copy, ""),
    field("spec.tls", Rewrite, "see below"),
    field("spec.tls[].hosts", Rewrite, "as rules[].host; those of the rules where there are none"),
    field("spec.tls[].secretName", Rewrite, "host name of the Secret of the same namespace, which goes down for it"),
];
