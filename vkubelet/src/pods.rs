//! The Pod loop: tenant Pods bound to virtual Nodes become host Pods, their statuses come back, deletion follows
//! the kubelet's contract.
//!
//! One key a round: [`pair`] reads both stores, [`plan`] (pure) says what to do, [`act`] does it, with [`start`] and
//! [`dependencies`] for a Pod's first time, [`isolation`] for who may reach it, [`report`] for statuses and Events, `change` for what the tenant changes,
//! [`end`] for ends; [`refusal`] (pure) reads what the host's scheduler says, [`owners`] remembers how often;
//! [`placing`] is for Pods that the host's scheduler places;
//! [`memory`] is what this process knows that the stores do not show yet.
//!
//! **Invariant:** a Pod runs at most once. **Invariant:** nothing is deleted on the host because something could
//! not be read.

pub mod act;
mod change;
pub mod dependencies;
pub mod end;
pub mod error;
pub mod isolation;
pub mod memory;
pub mod owners;
pub mod pair;
pub mod placing;
pub mod plan;
pub mod refusal;
pub mod report;
pub mod start;
