//! NetworkPolicies, tenant → host. All Pods of a tenant are in one host namespace, and policies only add there: so a host
//! policy names tenant namespaces by label, and what is open for lack of any policy hangs on labels of the Pods.
//!
//! Code map: `isolation` which directions of a Pod are open · `open` what "everyone" is, as the operator wrote it ·
//! `down` the host policy, rule by rule · `peers` whom a rule names · `block` ranges of addresses · `ports`.
//!
//! **Invariant:** a host policy opens nothing that is not open in the operator's open policies, whatever the tenant
//! writes. **Invariant:** what cannot be said is left out, and the tenant is told: it closes, it never opens.

mod block;
mod down;
mod isolation;
mod open;
mod peers;
mod ports;

pub use block::Block;
pub use down::{Around, Down, MAX_ENTRIES, blocks, down, selects_namespaces};
pub use isolation::{Isolates, Isolation, isolation};
pub(crate) use isolation::{closing, label_changes, open_labels};
pub use open::Open;

use k8s_openapi::api::networking::v1::NetworkPolicy;

use crate::meta;

/// Reason of the Event on a policy that allows less on the host than it says.
pub const NARROWED: &str = "NetworkPolicyNarrowed";

/// True when the host's policy is not what it should be.
pub fn needs_update(existing: &NetworkPolicy, desired: &NetworkPolicy) -> bool {
    existing.spec != desired.spec || meta::needs_update(&existing.metadata, &desired.metadata)
}

#[cfg(test)]
mod tests;
