//! Generated gRPC code (committed; see `build.rs`), one module a package.

/// `warren.sync.v1`: what a host Pod needs before it may be created.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod sync {
    include!("generated/warren.sync.v1.rs");
}

/// `warren.nodes.v1`: the host's nodes as one virtual cluster may see them.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod nodes {
    include!("generated/warren.nodes.v1.rs");
}
