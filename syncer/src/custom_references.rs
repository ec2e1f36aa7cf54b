//! What the tenant's custom resources name: what goes down for them, and what comes up because a controller of the host
//! makes it.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;
use warren_crds::sync::ReferenceKind;
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::kinds::custom::Named;

use crate::key::{Key, Kind};

/// A custom resource: its definition and where it is.
pub type Owner = (String, TenantKey);

/// The index, both ways.
#[derive(Debug, Default)]
pub struct CustomReferences {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    owners: HashMap<Owner, Vec<Named>>,
    named: HashMap<Named, HashSet<Owner>>,
    /// By the name that it has on the host.
    made: HashMap<String, Named>,
}

/// The key of what is named. `None` for what is on the host anyway.
fn key(named: &Named) -> Option<Key> {
    let kind = match (named.kind, named.is_made) {
        (ReferenceKind::Secret, false) => Kind::Secret,
        (ReferenceKind::Secret, true) => Kind::MappedSecret,
        (ReferenceKind::ConfigMap, false) => Kind::ConfigMap,
        (ReferenceKind::ConfigMap, true) => Kind::MappedConfigMap,
        (ReferenceKind::Service, _) => return None,
    };
    Some(Key::new(kind, named.key.clone()))
}

impl CustomReferences {
    /// The watch has `owner`, which names these; nothing when it is gone. Returns the keys that it names now or named
    /// before, which may have to move.
    pub fn watched(&self, cluster: &Cluster, owner: &Owner, named: Vec<Named>) -> Vec<Key> {
        let mut state = self.state.lock();
        let before = state.owners.remove(owner).unwrap_or_default();
        for lost in before.iter().filter(|lost| !named.contains(lost)) {
            state.release(cluster, owner, lost);
        }
        for gained in &named {
            let owners = state.named.entry(gained.clone()).or_default();
            owners.insert(owner.clone());
            if gained.is_made {
                let host_name = gained.host_name(cluster).as_str().to_owned();
                state.made.insert(host_name, gained.clone());
            }
        }
        let keys = before.iter().chain(&named).filter_map(key).collect();
        if !named.is_empty() {
            state.owners.insert(owner.clone(), named);
        }
        keys
    }

    /// Whether a custom resource names it.
    pub fn names(&self, named: &Named) -> bool {
        self.state.lock().named.contains_key(named)
    }

    /// As [`Self::names`], for what goes down.
    pub fn is_referenced(&self, key: &Key) -> bool {
        let kind = match key.kind {
            Kind::Secret => ReferenceKind::Secret,
            Kind::ConfigMap => ReferenceKind::ConfigMap,
            _ => return false,
        };
        self.names(&Named {
            kind,
            is_made: false,
            key: key.tenant.clone(),
        })
    }

    /// The key of what has this name on the host, if a controller is asked to make it.
    pub fn made_as(&self, host_name: &str) -> Option<Key> {
        self.state.lock().made.get(host_name).and_then(key)
    }

    /// Every key that some custom resource names.
    pub fn keys(&self) -> Vec<Key> {
        self.state.lock().named.keys().filter_map(key).collect()
    }
}

impl State {
    fn release(&mut self, cluster: &Cluster, owner: &Owner, named: &Named) {
        let Some(owners) = self.named.get_mut(named) else {
            return;
        };
        owners.remove(owner);
        if owners.is_empty() {
            self.named.remove(named);
            self.made.remove(named.host_name(cluster).as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use warren_translate::identity::{ClusterId, ClusterUid, HostNamespace};

    use super::*;

    fn named(is_made: bool, name: &str) -> Named {
        Named {
            kind: ReferenceKind::Secret,
            is_made,
            key: TenantKey::new("team", name),
        }
    }

    #[test]
    fn what_nobody_names_any_more_is_known_to_be_so() {
        let cluster = Cluster {
            id: ClusterId::new("ci"),
            uid: ClusterUid::new("u"),
            workload_namespace: HostNamespace::new("wc-ci"),
        };
        let references = CustomReferences::default();
        let owner = |name: &str| {
            (
                "certificates.cert-manager.io".to_owned(),
                TenantKey::new("team", name),
            )
        };
        let (tls, password) = (named(true, "tls"), named(false, "password"));
        let keys = references.watched(&cluster, &owner("a"), vec![tls.clone(), password.clone()]);
        assert_eq!(keys.len(), 2);
        references.watched(&cluster, &owner("b"), vec![tls.clone()]);
        let down = Key::new(Kind::Secret, password.key.clone());
        assert!(references.is_referenced(&down));
        let host_name = tls.host_name(&cluster);
        let up = Key::new(Kind::MappedSecret, tls.key.clone());
        assert_eq!(references.made_as(host_name.as_str()), Some(up.clone()));

        // Raised once more, since it was named before.
        let raised = references.watched(&cluster, &owner("a"), vec![tls.clone()]);
        assert!(raised.contains(&down) && !references.is_referenced(&down));
        references.watched(&cluster, &owner("a"), Vec::new());
        assert!(references.names(&tls));
        assert_eq!(references.watched(&cluster, &owner("b"), Vec::new()), [up]);
        assert!(!references.names(&tls) && references.made_as(host_name.as_str()).is_none());
        assert!(references.keys().is_empty());
    }
}
