//! The only shared I/O code of operator, syncer and vkubelet.
//!
//! Code map: [`clients`] the two kinds of client that cannot be mixed up · [`watch`] one task per (cluster,
//! kind) that fills a [`store`] ([`packed`] where there are many, [`patience`] between tries) and tells [`queue`]s which keys changed · [`act`] every write, with a time
//! limit and a UID where it matters · [`events`] told note by note · [`lease`] leader lease · [`tenant_identity`] proof that the tenant is the
//! one whose objects are on the host · [`tls`] certificates from mounted directories, reloaded · [`proto`] gRPC
//! between the processes · [`serve`] health and metrics · [`agent`] flags that syncer and vkubelet have alike ·
//! [`shutdown`], [`telemetry`], [`metrics`], [`disposition`], [`clock`], [`limits`] what every process does the
//! same way · [`quotas`] when what a quota refused may be tried again · [`requests`], [`quantity`] what a Pod takes from its node: pure, shared because what the operator
//! calls free and what a vkubelet counts as its own must be one rule.
//!
//! **Invariant:** nothing here knows what a virtual cluster is beyond names and limits; decisions live in
//! `translate` and in the plans.

pub mod act;
pub mod agent;
pub mod clients;
pub mod clock;
pub mod disposition;
pub mod events;
pub mod lease;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod packed;
pub mod patience;
pub mod proto;
pub mod queue;
pub mod quotas;
pub mod requests;
pub mod serve;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod tenant_identity;
pub mod tls;
pub mod watch;

pub use warren_crds::quantity;
