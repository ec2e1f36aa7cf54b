//! One file or folder per resource kind; the same file names in each folder.

pub mod config_map;
pub mod csi_driver;
pub mod csi_node;
pub mod csi_storage_capacity;
pub mod custom;
pub mod endpoint_slice;
pub mod event;
pub mod from_host;
pub mod ingress;
pub mod ingress_class;
pub mod network_policy;
pub mod persistent_volume;
pub mod persistent_volume_claim;
pub mod pod;
pub mod pod_certificate;
pub mod pod_disruption_budget;
pub mod priority_class;
pub mod runtime_class;
pub mod secret;
pub mod service;
pub mod service_environment;
pub mod shared_policy;
pub mod storage_class;
pub mod to_host;
pub mod token;
pub mod trust_bundle;
