//! Harness of the end-to-end stories: the embedded host with Warren in it, tenants on it, and waiting with a reason.
//!
//! Code map: [`Stage`] the host · [`Tenant`] one virtual cluster, gone when the story ends · [`eventually`] waits for a
//! condition and says what it last saw · [`condition`] what an object's status says of itself · [`process`] the real
//! processes inside containers, for killing them.
//!
//! Stories run through `cargo xtask test`, which brings up the host and installs Warren first.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

pub mod object;
pub mod process;
pub mod stage;
pub mod tenant;
pub mod wait;

pub use object::condition;
pub use stage::Stage;
pub use tenant::Tenant;
pub use wait::eventually;
