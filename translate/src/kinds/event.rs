//! Events about Pods, host → tenant: what the host's kubelet says about a host Pod, in the tenant's names.
//!
//! Only what a kubelet says goes up. The host's scheduler and controllers speak of the host's reasons, and the
//! tenant has its own scheduler and controllers that say the same in its own words.

mod seen;
mod up;

pub use seen::Seen;
pub use up::{About, is_for_tenant, name, suffix, suffix_of, up, update};

#[cfg(test)]
mod tests;
