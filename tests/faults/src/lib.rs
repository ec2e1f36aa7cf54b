//! Faults between Warren's agents, syncer and vkubelet, and their two apiservers: what the sweeps of `tests/` are made of.
//!
//! Code map: [`Proxy`] stands in front of one apiserver and does what [`Control`] says · pure: [`call`] what a request
//! asks for, [`rules`] what becomes of it, [`frames`] what a watch shows, [`record`] what was written · [`Bench`] two
//! real control planes without nodes and a real [`agent`] between them: the [`syncer`], or the [`vkubelet`] with
//! [`servers`] for it · [`world`] what both sides have, so that two runs can be compared · [`scenario`] the stories that
//! are told again and again, [`sweep`] with a fault at each write.
//!
//! `cargo xtask test --tier faults` builds what this needs and runs it; docs/faults.md says what it is for.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

pub mod agent;
pub mod api;
pub mod bench;
pub mod call;
pub mod control;
pub mod control_plane;
pub mod dependencies;
pub mod frames;
pub mod pki;
pub mod proxy;
pub mod record;
pub mod rules;
pub mod scenario;
pub mod servers;
pub mod sweep;
pub mod syncer;
pub mod vkubelet;
pub mod world;

pub use api::Api;
pub use bench::Bench;
pub use call::{Call, Side, Verb};
pub use control::Control;
pub use proxy::Proxy;
pub use rules::{Fault, Rule};
pub use sweep::Reference;
