//! One file per kind: which stores, which translate functions, which plan. What they share is in `content`
//! and `owned`.

pub mod config_map;
pub mod content;
pub mod fixed_service;
mod owned;
pub mod pod_certificate;
pub mod secret;
pub mod service;
pub mod service_environment;
pub mod token;
pub mod trust_bundle;
