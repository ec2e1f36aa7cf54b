//! The kubelet API of every virtual Node, inside the gate's tunnels.
//!
//! [`tls`] serving leaves, callers proven by certificate · [`admit`] who calls and may they: [`attributes`] (pure) what
//! a request means to the authorizer, [`review`] asks the tenant's API, [`cache`] remembers · [`route`] (pure) what
//! they want · [`api`] serves, [`answer`] words · [`pages`] what is answered here: [`summary`], [`resource_metrics`],
//! [`own_metrics`] in [`exposition`] format · [`streams`] what is passed on: [`find`] which host Pod that is, from the
//! host's records; [`logs`] and [`tunnel`] pass streams to and from the host's API; [`session`] limits and ends them,
//! [`ends`] when their Pod does.
//!
//! **Invariant:** nothing that the caller proves itself with is passed on, and no host Pod without this cluster's
//! label and the tenant Pod's UID is ever touched.
//! **Invariant:** who has neither the apiserver's certificate nor a token of the tenant's learns nothing, also not
//! which paths there are.

pub mod admit;
pub mod answer;
pub mod api;
pub mod attributes;
pub mod cache;
pub mod ends;
pub mod exposition;
pub mod find;
pub mod logs;
pub mod own_metrics;
pub mod pages;
pub mod resource_metrics;
pub mod review;
pub mod route;
pub mod session;
pub mod streams;
pub mod summary;
pub mod tls;
pub mod tunnel;
