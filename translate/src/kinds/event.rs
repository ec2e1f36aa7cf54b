//! Events about Pods and claims, host → tenant: what the host's kubelet says about a host Pod, and what becomes of a
//! host claim, in the tenant's names.
//!
//! Of Pods only what a kubelet says goes up. The host's scheduler and controllers speak of the host's reasons, and the
//! tenant has its own scheduler and controllers that say the same in its own words. Of claims what the host's volume
//! controllers, provisioners and resizers say: the tenant has none of these.

mod claim;
mod seen;
mod up;

pub use claim::{AboutClaim, is_of_claim, up_claim};
pub use seen::Seen;
pub use up::{About, is_for_tenant, name, suffix, suffix_of, up, update};

#[cfg(test)]
mod tests;
