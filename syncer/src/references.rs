//! Which ConfigMaps, Secrets, tokens, bundles, certificates and service variables the tenant's Pods name, and which
//! Secrets its Ingresses: only those go down. Claims go down in any case, but are looked at when their Pods come and go.
//!
//! Filled by the watch of bound Pods, and by pins: the vkubelet may ask for a Pod before this process's watch has
//! it, and what it asked for must not be taken away in between.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use warren_translate::identity::{TenantKey, TenantUid};
use warren_translate::kinds::pod::Need;
use warren_translate::kinds::pod_certificate::PodCertificateNeed;
use warren_translate::kinds::token::TokenNeed;
use warren_translate::kinds::trust_bundle::TrustBundleAsk;

use crate::custom_references::CustomReferences;
use crate::key::{Key, Kind};
use crate::tenant_pod::{Known, TenantPod};

/// How long a pin outlives the watch's not having the Pod.
pub const PIN: Duration = Duration::from_secs(30);

/// The index, both ways.
#[derive(Debug, Default)]
pub struct References {
    state: Mutex<State>,
    /// What custom resources name.
    pub custom: CustomReferences,
}

#[derive(Debug, Default)]
struct State {
    pods: HashMap<TenantKey, Entry>,
    objects: HashMap<Key, Pods>,
    /// What Ingresses on the host name.
    others: HashMap<Key, BTreeSet<Key>>,
}

#[derive(Debug)]
struct Entry {
    pod: Arc<Known>,
    /// `None`: the watch has it, and will tell when it is gone.
    pinned_until: Option<Instant>,
}

/// The Pods that name an object. Most objects are named by one: a token's Pod.
#[derive(Debug)]
enum Pods {
    One(TenantKey),
    Many(HashSet<TenantKey>),
}

impl Pods {
    fn first(&self) -> Option<&TenantKey> {
        match self {
            Self::One(pod) => Some(pod),
            Self::Many(pods) => pods.iter().next(),
        }
    }

    fn insert(&mut self, pod: &TenantKey) {
        match self {
            Self::One(one) if one == pod => {}
            Self::One(one) => *self = Self::Many([one.clone(), pod.clone()].into()),
            Self::Many(pods) => {
                pods.insert(pod.clone());
            }
        }
    }

    /// Whether nothing is left without `pod`.
    fn ends_with(&mut self, pod: &TenantKey) -> bool {
        match self {
            Self::One(one) => one == pod,
            Self::Many(pods) => {
                pods.remove(pod);
                pods.is_empty()
            }
        }
    }
}

impl References {
    /// The watch has this Pod. Returns the keys that it names now or named before, which may have to move.
    pub fn watched(&self, pod: &TenantPod) -> Vec<Key> {
        let Some((key, uid)) = pod.identity() else {
            return Vec::new();
        };
        let mut state = self.state.lock();
        let seen_before = match state.pods.get(&key) {
            // A pin comes from a read of the API itself, so another UID in the watch is an older Pod.
            Some(entry) if !entry.pod.is(&uid) && entry.pinned_until.is_some() => return Vec::new(),
            Some(entry) => entry.pod.is(&uid) && entry.pinned_until.is_none(),
            None => false,
        };
        let changed = state.put(key, pod, None);
        // The first sight of a Pod looks at everything; later ones only at what changed.
        if seen_before {
            changed.different
        } else {
            changed.all
        }
    }

    /// The watch no longer has the Pod with this UID. Returns the keys that it named.
    pub fn gone(&self, pod: &TenantPod) -> Vec<Key> {
        let Some((key, uid)) = pod.identity() else {
            return Vec::new();
        };
        let mut state = self.state.lock();
        if state.pods.get(&key).is_some_and(|entry| entry.pod.is(&uid)) {
            state.drop_pod(&key)
        } else {
            Vec::new()
        }
    }

    /// Keeps what the Pod names until the watch has it, or [`PIN`] is over. Returns its keys, each with whether
    /// it may be missing.
    pub fn pin(&self, pod: &TenantPod, now: Instant) -> Vec<(Key, bool)> {
        let Some((key, uid)) = pod.identity() else {
            return Vec::new();
        };
        let mut state = self.state.lock();
        let watched = state
            .pods
            .get(&key)
            .is_some_and(|entry| entry.pod.is(&uid) && entry.pinned_until.is_none());
        if !watched {
            state.put(key, pod, Some(now + PIN));
        }
        pod.keys()
    }

    /// Drops pins that are over. Returns the keys that nobody may name any more.
    pub fn expire(&self, now: Instant) -> Vec<Key> {
        let mut state = self.state.lock();
        let over = |entry: &Entry| entry.pinned_until.is_some_and(|until| until <= now);
        let dropped: Vec<TenantKey> = state
            .pods
            .iter()
            .filter(|(_, entry)| over(entry))
            .map(|(key, _)| key.clone())
            .collect();
        dropped.iter().flat_map(|key| state.drop_pod(key)).collect()
    }

    /// An object that is no Pod names these from now on. Returns those that it did not name before or no longer names.
    pub fn named_by(&self, by: &Key, named: BTreeSet<Key>) -> Vec<Key> {
        let mut state = self.state.lock();
        let before = state.others.remove(by).unwrap_or_default();
        let changed = before.symmetric_difference(&named).cloned().collect();
        if !named.is_empty() {
            state.others.insert(by.clone(), named);
        }
        changed
    }

    /// Whether something names it.
    pub fn is_referenced(&self, key: &Key) -> bool {
        let state = self.state.lock();
        state.objects.contains_key(key)
            || state.others.values().any(|named| named.contains(key))
            || self.custom.is_referenced(key)
    }

    /// Every key that something names.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = self.custom.keys();
        let state = self.state.lock();
        keys.extend(state.objects.keys().cloned());
        keys.extend(state.others.values().flatten().cloned());
        keys
    }

    /// The namespaces whose service variables some Pod needs.
    pub fn service_environments(&self) -> Vec<Key> {
        let state = self.state.lock();
        state
            .objects
            .keys()
            .filter(|key| key.kind == Kind::ServiceEnvironment)
            .cloned()
            .collect()
    }

    /// The tokens that a Pod asks for. `None` when there is no such Pod with this UID.
    pub fn tokens(&self, pod: &TenantKey, uid: &TenantUid) -> Option<Vec<TokenNeed>> {
        let state = self.state.lock();
        let entry = state.pods.get(pod).filter(|entry| entry.pod.is(uid))?;
        let tokens = entry.pod.needs().iter().filter_map(|need| match need {
            Need::Token(token) => Some(token.clone()),
            _ => None,
        });
        Some(tokens.collect())
    }

    /// The certificate that source `source` of a Pod asks for, with the Pod's node. `None` when there is no such Pod
    /// with this UID, or it does not ask, or is not bound.
    pub fn certificate(
        &self,
        pod: &TenantKey,
        uid: &TenantUid,
        source: &str,
    ) -> Option<(PodCertificateNeed, String)> {
        let state = self.state.lock();
        let entry = state.pods.get(pod).filter(|entry| entry.pod.is(uid))?;
        let need = entry.pod.needs().iter().find_map(|need| match need {
            Need::PodCertificate(need) if need.source() == source => Some(need.clone()),
            _ => None,
        })?;
        Some((need, entry.pod.node()?.to_owned()))
    }

    /// The keys of a Pod's certificates; empty when there is no such Pod with this UID.
    pub fn certificates(&self, pod: &TenantKey, uid: &TenantUid) -> Vec<Key> {
        self.keys_of(pod, uid, Kind::PodCertificate)
    }

    /// The keys of a Pod's ResourceClaims; empty when there is no such Pod with this UID.
    pub fn resource_claims(&self, pod: &TenantKey, uid: &TenantUid) -> Vec<Key> {
        self.keys_of(pod, uid, Kind::ResourceClaim)
    }

    fn keys_of(&self, pod: &TenantKey, uid: &TenantUid, kind: Kind) -> Vec<Key> {
        let state = self.state.lock();
        let entry = state.pods.get(pod).filter(|entry| entry.pod.is(uid));
        let keys = entry.into_iter().flat_map(Entry::keys);
        keys.filter(|key| key.kind == kind).collect()
    }

    /// What `key` asks of the tenant's bundles. `None` when no Pod asks it.
    pub fn trust_bundle(&self, key: &Key) -> Option<TrustBundleAsk> {
        let state = self.state.lock();
        let asking = state.objects.get(key)?.first()?;
        ask(state.pods.get(asking)?, key)
    }

    /// Everything that Pods ask of the tenant's bundles.
    pub fn trust_bundles(&self) -> Vec<(Key, TrustBundleAsk)> {
        let state = self.state.lock();
        let asked = state
            .objects
            .iter()
            .filter(|(key, _)| key.kind == Kind::TrustBundle);
        let asks = asked.filter_map(|(key, pods)| {
            let ask = ask(state.pods.get(pods.first()?)?, key)?;
            Some((key.clone(), ask))
        });
        asks.collect()
    }

    /// Whether a Pod with this name and UID is known.
    pub fn knows(&self, pod: &TenantKey, uid: &TenantUid) -> bool {
        self.state
            .lock()
            .pods
            .get(pod)
            .is_some_and(|entry| entry.pod.is(uid))
    }
}

fn ask(entry: &Entry, key: &Key) -> Option<TrustBundleAsk> {
    let asks = entry.pod.needs().iter().filter_map(|need| match need {
        Need::TrustBundle(ask) => Some(ask),
        _ => None,
    });
    asks.into_iter()
        .find(|ask| ask.key() == key.tenant.name.as_str())
        .cloned()
}

/// The keys of a Pod that was put: all of them, and those that it did not name before or no longer names.
struct Changed {
    all: Vec<Key>,
    different: Vec<Key>,
}

impl Entry {
    fn keys(&self) -> Vec<Key> {
        self.pod.keys().into_iter().map(|(key, _optional)| key).collect()
    }
}

impl State {
    fn put(&mut self, key: TenantKey, pod: &TenantPod, pinned_until: Option<Instant>) -> Changed {
        let entry = Entry {
            pod: Arc::clone(pod.known()),
            pinned_until,
        };
        let keys = entry.keys();
        let before = self.pods.get(&key).map(Entry::keys).unwrap_or_default();
        let lost: Vec<Key> = before.iter().filter(|key| !keys.contains(key)).cloned().collect();
        let gained: Vec<Key> = keys.iter().filter(|key| !before.contains(key)).cloned().collect();
        for object in &lost {
            self.release(object, &key);
        }
        for object in &gained {
            self.objects
                .entry(object.clone())
                .and_modify(|pods| pods.insert(&key))
                .or_insert_with(|| Pods::One(key.clone()));
        }
        self.pods.insert(key, entry);
        Changed {
            all: keys.into_iter().chain(lost.iter().cloned()).collect(),
            different: gained.into_iter().chain(lost).collect(),
        }
    }

    fn drop_pod(&mut self, pod: &TenantKey) -> Vec<Key> {
        let Some(entry) = self.pods.remove(pod) else {
            return Vec::new();
        };
        let keys = entry.keys();
        for object in &keys {
            self.release(object, pod);
        }
        keys
    }

    fn release(&mut self, object: &Key, pod: &TenantKey) {
        if let Some(pods) = self.objects.get_mut(object)
            && pods.ends_with(pod)
        {
            self.objects.remove(object);
        }
    }
}

#[cfg(test)]
mod tests;
