//! One file per kind: which stores, which translate functions, which plan. What they share is in `down`, `up`,
//! `content`, `owned` and `gone`.

pub mod claim;
pub mod config_map;
pub mod content;
mod csi_driver;
mod csi_node;
mod csi_storage_capacity;
pub mod custom;
pub mod definition;
pub mod down;
pub mod endpoint_slice;
pub mod exported_service;
pub mod fixed_service;
mod gateway;
mod gone;
pub mod imported_service;
pub mod ingress;
mod ingress_class;
pub mod mapped;
pub mod network_policy;
mod owned;
pub mod pod_certificate;
pub mod pod_disruption_budget;
mod priority_class;
pub mod route;
mod runtime_class;
pub mod secret;
pub mod service;
pub mod service_environment;
pub mod shared_policy;
mod storage_class;
mod tenant_write;
pub mod token;
pub mod trust_bundle;
pub mod up;
pub mod volume;
