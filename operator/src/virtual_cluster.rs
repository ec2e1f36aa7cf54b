//! Reconciling one VirtualCluster: observe, validate, plan, apply, report.
pub mod keyring;
pub mod names;
pub mod plan;
pub mod validate;
