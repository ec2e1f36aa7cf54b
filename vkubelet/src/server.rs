//! The kubelet API of every virtual Node, inside the gate's tunnels.
//!
//! [`tls`] one serving leaf a node, callers proven by certificate · [`route`] (pure) what they want · [`api`]
//! serves, [`answer`] words · [`find`] which host Pod that is, from the host's records · [`logs`] and [`tunnel`] pass streams to and
//! from the host's API · [`session`] limits and ends them.
//!
//! **Invariant:** nothing that the caller proves itself with is passed on, and no host Pod without this cluster's
//! label and the tenant Pod's UID is ever touched.

pub mod answer;
pub mod api;
pub mod find;
pub mod logs;
pub mod route;
pub mod session;
pub mod tls;
pub mod tunnel;
