//! The embedded host: a real Kubernetes on one Linux machine, from built upstream programs, without Docker.
//!
//! Code map, in the order of starting: [`machine`] and [`packages`] check and install, [`binaries`] builds upstream's
//! programs once, [`network`] makes namespaces, [`pki`] certificates; [`etcd`], [`apiserver`],
//! [`controller_manager`], [`scheduler`] are the control plane and [`node`] a node; [`forward`] leads in from
//! outside, [`images`] makes and loads images, [`coredns`], [`storage`] and [`metrics_server`] are what a cluster is
//! expected to have.
//! `up` puts them in order, `down` ends them; [`state`] and [`process`] remember them between runs; [`command`] runs
//! short programs, for xtask and the stories too; [`gateway_api`] has definitions that a story installs. `release` says of which Kubernetes the host is.
//!
//! **Invariant:** no packet leaves the machine: no namespace has a link or a route to anywhere but the others.
//! **Invariant:** no process is ended by its name: only recorded ones and members of the host's own namespaces.

pub mod apiserver;
pub mod binaries;
pub mod cgroup;
pub mod command;
mod control_plane;
pub mod controller_manager;
pub mod coredns;
mod digest;
mod down;
pub mod etcd;
pub mod forward;
pub mod gateway_api;
mod host;
pub mod images;
pub mod inside;
mod lock;
pub mod machine;
pub mod metrics_server;
pub mod network;
pub mod node;
mod owner;
pub mod packages;
pub mod pki;
pub mod process;
mod ready;
mod release;
pub mod scheduler;
pub mod state;
pub mod storage;
mod up;
pub mod wait;

pub use host::{Condition, Host, Options};
pub use release::Release;
