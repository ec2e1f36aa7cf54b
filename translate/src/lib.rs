//! Pure host⇄tenant translation: values in, values out.
//!
//! Code map: [`identity`] names as types, [`Cluster`] the context of every call · [`name`] tenant name → host
//! name · [`meta`] labels, annotations, origin stamps · [`mirrored`] objects that come up · [`mod@reference`]
//! references by kind · [`policy`] the class's bounds · [`mod@host_names`] which of them
//! are for host names · [`note`] what the tenant is told · [`refusal`] what the host's quotas say · [`kinds`] one folder or
//! file per resource kind · [`mapping`] what `spec.sync.fromHost` says.
//!
//! **Invariant:** no I/O, no clock, no randomness; this crate never reaches tokio or a client, and
//! `cargo xtask tidy` proves it. **Invariant:** a host name is never parsed: what a host object stands for is
//! in its annotations ([`meta::origin`]), whom it belongs to in its labels ([`meta::belongs`]).

mod error;
pub mod host_names;
pub mod identity;
pub mod kinds;
pub mod mapping;
pub mod meta;
pub mod mirrored;
pub mod name;
pub mod node_labels;
pub mod node_resources;
pub mod note;
mod patch;
pub mod pem;
pub mod policy;
pub mod reference;
pub mod refusal;
mod selector;
#[cfg(test)]
mod testing;

pub use error::{Error, Result};
pub use identity::{
    Cluster, ClusterId, ClusterUid, HostName, HostNamespace, TenantKey, TenantName, TenantNamespace,
    TenantUid,
};
pub use note::{Denied, DeniedField, Note, Outcome, Translated};
pub use policy::TenantPolicy;
