//! The operator: makes every VirtualCluster on the host what its spec says.
//!
//! Code map: [`virtual_cluster`] the loop: observe, validate, plan, apply, report, clean up · [`pki`] certificates ·
//! [`nodes`] the host's nodes with what is free on them, streamed to vkubelets · [`context`], [`run`] wiring ·
//! [`quantity`] exact arithmetic on quantities.
//!
//! **Invariant:** what is applied is decided by pure functions; I/O is in `observe`, `apply`, `tenant`, `cleanup`,
//! `report` and `nodes` only.

pub mod pki;
pub mod quantity;
#[cfg(test)]
mod testing;
pub mod virtual_cluster;
