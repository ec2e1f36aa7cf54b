//! The egress gate: every connection of the tenant's kube-apiserver (but those to etcd) arrives here as `CONNECT`.
//!
//! [`target`] reads what is asked for, [`records`] collects what the host knows, [`policy`] (pure) decides,
//! [`connect`] serves: answers as a kubelet or as `metrics.k8s.io`, dials, or denies; [`report`] tells operators and the tenant.
//!
//! **Invariant:** decisions rest on the host's records only; nothing that a tenant can write is consulted.

pub mod connect;
pub mod policy;
pub mod records;
pub mod report;
pub mod target;
