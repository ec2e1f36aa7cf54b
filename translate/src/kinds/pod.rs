//! Pods: the whole spec down, the status up, the few fields that change in between.
//!
//! Code map: [`fields`] the classification · `down` composes `container`, `env`, `volume`, `dns`, `security`,
//! `scheduling`, `defaults` of the class · `needs` what must exist first · `up` and `status` the way back, `ending` ends that
//! the host brings · `placing` where it may run, `unplaced` why it does not yet, [`words`] what else it is told ·
//! `update` what changes later, `stamp` what it needs to know of before, `generations` how far it got · `gates` readiness
//! gates, both ways · `unknown` fields of a newer tenant.

mod container;
mod context;
mod defaults;
mod devices;
mod dns;
mod down;
mod downward;
mod ending;
mod env;
mod ephemeral;
pub mod fields;
mod gates;
mod generations;
mod going;
mod hostname;
mod lists;
mod mask;
mod mirror;
mod needs;
mod placing;
mod registry;
mod scheduling;
mod scrub;
mod security;
pub(crate) mod sources;
mod stamp;
mod status;
mod unknown;
mod unplaced;
mod up;
mod update;
mod volume;
pub mod words;

pub use context::{PodContext, host_name};
pub use devices::{MadeClaim, claim_of_status, made_claims};
pub use down::down;
pub use ending::{Failure, Taken, failed};
pub(crate) use env::service_variables;
pub use generations::Generations;
pub use mask::Mask;
pub use needs::{Need, needs};
pub use placing::{PLACING, Placing, is_for_host, placing_hash, selects_namespaces};
pub use scrub::{PodNames, Scrub, scrub, scrub_pod};
pub use status::OwnCondition;
pub use unknown::{check_unknown, unknown_fields};
pub use unplaced::{SCHEDULED, UNSCHEDULABLE, Unplaced, unplaced};
pub use up::{StatusUp, Up, tell, up};
pub use update::carried::KEY as CARRIED;
pub use update::{PodUpdate, Resize, add_ephemeral, update};

#[cfg(test)]
mod tests;
