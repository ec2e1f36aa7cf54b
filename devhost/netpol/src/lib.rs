//! The embedded host's NetworkPolicy agent: one process a node, which turns the cluster's policies into nftables.
//!
//! Code map: [`policy`] and [`world`] are the cluster's objects as far as policies see them, [`ruleset`] makes the text
//! for `nft` of them; these are pure. `watch` keeps the world up to date, `announce` hears from the CNI plugin
//! which Pod gets which address, and [`agent`] writes the rules on each change.
//!
//! **Invariant:** the rules are replaced as a whole, in one transaction, and never before all objects are known: no
//! start, restart or end of the agent opens anything.
//! **Invariant:** an address of this node's Pods that no Pod is known to have is closed.

pub mod agent;
mod announce;
pub mod policy;
pub mod ruleset;
mod watch;
pub mod world;
