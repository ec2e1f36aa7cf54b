//! Virtual Nodes, one to one with the host nodes that the operator shows.
//!
//! [`view`] what the operator shows now · [`stream`] and [`session`] keep it up to date · [`capacity`] and [`plan`] (pure) say
//! what the tenant's Node should be · [`slight`] says which news may wait · [`mod@write`] makes it so · [`lease`] heartbeats.
//!
//! **Invariant:** a virtual Node is never deleted while Pods of this cluster are on it, and losing the stream
//! changes nothing.

pub mod capacity;
pub mod lease;
pub mod plan;
pub mod session;
pub mod slight;
pub mod stream;
pub mod view;
pub mod write;
