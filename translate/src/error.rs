//! What makes an object structurally impossible to translate (everything else is a note or a denial).

/// Input that no valid apiserver produces.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The object has no `metadata.name`.
    #[error("object has no name")]
    NoName,
    /// A namespaced object has no `metadata.namespace`.
    #[error("object {name} has no namespace")]
    NoNamespace {
        /// The object's name.
        name: String,
    },
    /// The object has no `metadata.uid`, so it was never stored.
    #[error("object {namespace}/{name} has no uid")]
    NoUid {
        /// The object's namespace.
        namespace: String,
        /// The object's name.
        name: String,
    },
    /// The object has no `spec`.
    #[error("object {namespace}/{name} has no spec")]
    NoSpec {
        /// The object's namespace.
        namespace: String,
        /// The object's name.
        name: String,
    },
    /// A Pod without `spec.nodeName`: it is not the vkubelet's yet.
    #[error("pod {namespace}/{name} is not bound to a node")]
    NotBound {
        /// The Pod's namespace.
        namespace: String,
        /// The Pod's name.
        name: String,
    },
    /// The tenant's `default/kubernetes` is not known, or has no address, so Pods could not reach their apiserver.
    #[error("service default/kubernetes has no address yet")]
    NoApiService,
    /// A container without a limit reads what its node offers, and that is not known.
    #[error("node {node} has not said yet what it offers")]
    NoAllocatable {
        /// The tenant's Node.
        node: String,
    },
    /// The tenant's controller has not made the claim of a template yet.
    #[error("the Pod waits for its ResourceClaim `{claim}` to be made of its template")]
    ClaimNotMade {
        /// The claim's name within the Pod.
        claim: String,
    },
    /// An object that cannot be written as JSON.
    #[error("failed to write {what} as JSON: {why}")]
    Json {
        /// What was written.
        what: &'static str,
        /// The serializer's message.
        why: String,
    },
}

impl Error {
    /// The reason in `PascalCase`, for Events, conditions and metric labels.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotBound { .. } => "NotBound",
            Self::NoApiService => "NoApiService",
            Self::NoAllocatable { .. } => "NoAllocatable",
            Self::ClaimNotMade { .. } => "ClaimNotMade",
            _ => "InvalidObject",
        }
    }
}

/// Result of a translation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
