//! End-to-end stories on the embedded host. `cargo xtask test` brings it up and runs them one after the other.

#![allow(
    clippy::indexing_slicing,
    clippy::duration_suboptimal_units,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

#[path = "e2e/access.rs"]
mod access;
#[path = "e2e/bounds.rs"]
mod bounds;
#[path = "e2e/changes.rs"]
mod changes;
#[path = "e2e/charts.rs"]
mod charts;
#[path = "e2e/claims.rs"]
mod claims;
#[path = "e2e/class.rs"]
mod class;
#[path = "e2e/classes.rs"]
mod classes;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/custom.rs"]
mod custom;
#[path = "e2e/delete.rs"]
mod delete;
#[path = "e2e/denied.rs"]
mod denied;
#[path = "e2e/devices.rs"]
mod devices;
#[path = "e2e/events.rs"]
mod events;
#[path = "e2e/explain.rs"]
mod explain;
#[path = "e2e/expose.rs"]
mod expose;
#[path = "e2e/gates.rs"]
mod gates;
#[path = "e2e/gateway.rs"]
mod gateway;
#[path = "e2e/host.rs"]
mod host;
#[path = "e2e/host_scheduling.rs"]
mod host_scheduling;
#[path = "e2e/ingress.rs"]
mod ingress;
#[path = "e2e/kubelet_api.rs"]
mod kubelet_api;
#[path = "e2e/kubelet_pages.rs"]
mod kubelet_pages;
#[path = "e2e/life.rs"]
mod life;
#[path = "e2e/mappings.rs"]
mod mappings;
#[path = "e2e/metrics.rs"]
mod metrics;
#[path = "e2e/netpol.rs"]
mod netpol;
#[path = "e2e/network_policies.rs"]
mod network_policies;
#[path = "e2e/nodes.rs"]
mod nodes;
#[path = "e2e/path.rs"]
mod path;
#[path = "e2e/pod_spec.rs"]
mod pod_spec;
#[path = "e2e/policies.rs"]
mod policies;
#[path = "e2e/quota.rs"]
mod quota;
#[path = "e2e/rights.rs"]
mod rights;
#[path = "e2e/scheduling.rs"]
mod scheduling;
#[path = "e2e/services.rs"]
mod services;
#[path = "e2e/storage.rs"]
mod storage;
#[path = "e2e/tokens.rs"]
mod tokens;
#[path = "e2e/trust.rs"]
mod trust;
#[path = "e2e/two_tenants.rs"]
mod two_tenants;
#[path = "e2e/uninstall.rs"]
mod uninstall;
#[path = "e2e/unsynced.rs"]
mod unsynced;
#[path = "e2e/versions.rs"]
mod versions;
