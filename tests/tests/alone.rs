//! End-to-end stories that take something from everybody on the embedded host: a node, or its API. `cargo xtask test` tells
//! them after the others, one at a time.

#![allow(
    clippy::indexing_slicing,
    clippy::duration_suboptimal_units,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

#[path = "alone/nodes.rs"]
mod nodes;
