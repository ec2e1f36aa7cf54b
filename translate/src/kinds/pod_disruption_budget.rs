//! PodDisruptionBudgets, tenant → host: a number of Pods that have to stay, computed so that a drain of a host node always
//! ends. Status stays the tenant's: its own disruption controller counts the tenant's Pods and writes it.
//!
//! Code map: `down` the host object · `bound` how many Pods it may hold, and for how long · `apart` that no Pod is in two
//! budgets, which would stop every eviction of it.

mod apart;
mod bound;
mod down;

pub use bound::{PATIENCE, WANTED};
pub use down::{Down, down};

use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use crate::meta;

/// Reason of the Event on a budget that lets no Pod be evicted, or that another one overlaps.
pub const BOUNDED: &str = "DisruptionBudgetBounded";

/// True when the host's budget is not what it should be.
pub fn needs_update(existing: &PodDisruptionBudget, desired: &PodDisruptionBudget) -> bool {
    existing.spec != desired.spec || meta::needs_update(&existing.metadata, &desired.metadata)
}

#[cfg(test)]
mod tests;
