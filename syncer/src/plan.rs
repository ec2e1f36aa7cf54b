//! Pure: from what both clusters have to the actions that make the host right.

use std::fmt::Debug;

use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use warren_translate::identity::Cluster;
use warren_translate::meta;

/// A kind that has a counterpart on the host.
pub trait HostKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// True when the host's object is not what it should be.
    fn needs_update(&self, desired: &Self) -> bool;
    /// True when it cannot become so by an update.
    fn must_replace(&self, desired: &Self) -> bool;
}

/// One step. Executed in order; a step that fails ends the round.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<H> {
    /// Create it on the host.
    Create(Box<H>),
    /// Replace it on the host; carries UID and resourceVersion of the object that was compared.
    Replace(Box<H>),
    /// Delete the host object with this very UID.
    Delete {
        /// Name on the host.
        name: String,
        /// UID on the host.
        uid: String,
    },
    /// Merge patch to the host object; names its UID.
    Patch {
        /// Name on the host.
        name: String,
        /// The patch.
        patch: serde_json::Value,
    },
    /// The host's object is going away: nothing can be done until it is gone.
    Wait,
    /// Something that is not this cluster's is in the way.
    Foreign,
}

/// The actions for an object that should be on the host as `desired`, or not at all.
///
/// Nothing happens to a host object that is not this cluster's, or that is as it should be.
pub fn plan_copy<H: HostKind>(cluster: &Cluster, desired: Option<H>, host: Option<&H>) -> Vec<Action<H>> {
    let Some(host) = host else {
        return desired
            .map(|desired| Action::Create(Box::new(desired)))
            .into_iter()
            .collect();
    };
    let own = meta::belongs(cluster, host.meta());
    let Some(mut desired) = desired else {
        return delete(host).filter(|_| own).into_iter().collect();
    };
    if !own {
        return vec![Action::Foreign];
    }
    if host.meta().deletion_timestamp.is_some() {
        return vec![Action::Wait];
    }
    if host.must_replace(&desired) {
        let create = Action::Create(Box::new(desired));
        return delete(host).into_iter().chain([create]).collect();
    }
    if host.needs_update(&desired) {
        meta::carry_over(host.meta(), desired.meta_mut());
        return vec![Action::Replace(Box::new(desired))];
    }
    Vec::new()
}

/// Nothing for one that is going already, or has no UID (it was never stored).
fn delete<H: HostKind>(host: &H) -> Option<Action<H>> {
    let metadata = host.meta();
    if metadata.deletion_timestamp.is_some() {
        return None;
    }
    Some(Action::Delete {
        name: metadata.name.clone()?,
        uid: metadata.uid.clone()?,
    })
}

#[cfg(test)]
mod tests;
