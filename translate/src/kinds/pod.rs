//! Pods: the whole spec down, the status up, the few fields that change in between.
//!
//! Code map: [`fields`] the classification · `down` composes `container`, `env`, `volume`, `dns`, `security`,
//! `scheduling` · `needs` what must exist first · `up` and `status` the way back · `update` what changes later ·
//! `unknown` fields of a newer tenant.

mod container;
mod context;
mod dns;
mod down;
mod downward;
mod env;
mod ephemeral;
pub mod fields;
mod going;
mod hostname;
mod lists;
mod mask;
mod mirror;
mod needs;
mod registry;
mod scheduling;
mod scrub;
mod security;
mod status;
mod unknown;
mod up;
mod update;
mod volume;

pub use context::{PodContext, host_name};
pub use down::down;
pub(crate) use env::service_variables;
pub use mask::Mask;
pub use needs::{Need, needs};
pub use scrub::{PodNames, Scrub, scrub, scrub_pod};
pub use unknown::{check_unknown, unknown_fields};
pub use up::{StatusUp, up, up_masked, up_typed};
pub use update::{PodUpdate, update};

#[cfg(test)]
mod tests;
