//! `metrics.k8s.io/v1beta1` of the tenant: what its Pods use, as the host's metrics API measures it.
//!
//! The tenant's `APIService` names a Service whose name only the egress gate knows ([`crate::gate::policy`]); the gate
//! hands the connection to [`serve`]. [`route`] (pure) what is wanted, [`caller`] (pure) for whom, [`objects`] and
//! [`discovery`] (pure) the answers, [`selector`] (pure) which objects.
//!
//! A host without a metrics API makes empty lists, as a metrics-server does that has not measured yet.
//!
//! **Invariant:** only the tenant's kube-apiserver gets in, by its front-proxy certificate, and only what the tenant's
//! own authorizer allows the user that it speaks for is shown.

pub mod caller;
pub mod discovery;
pub mod objects;
pub mod route;
pub mod selector;
pub mod serve;

/// API group.
pub const GROUP: &str = "metrics.k8s.io";
/// API version.
pub const VERSION: &str = "v1beta1";
