//! The operator: makes every VirtualCluster on the host what its spec says.
//!
//! Code map: [`virtual_cluster`] the loop: observe, validate, plan, apply, report, clean up · [`pki`] certificates ·
//! [`nodes`] the host's nodes with what is free on them, streamed to vkubelets · [`host_names`] the end of claims · [`context`], [`run`] wiring ·
//! [`uninstall`] the chart's question before it goes.
//!
//! **Invariant:** what is applied is decided by pure functions; I/O is in `observe`, `apply`, `tenant`, `cleanup`,
//! `report` and `nodes` only.

pub mod args;
pub mod context;
pub mod default_class;
pub mod host_names;
pub mod limits;
pub mod metrics;
pub mod nodes;
pub mod pki;
pub mod root;
pub mod run;
#[cfg(test)]
mod testing;
pub mod uninstall;
pub mod virtual_cluster;
pub mod watches;
