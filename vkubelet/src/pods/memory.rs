//! What this process knows about a Pod that the stores do not show, or not yet. All of it can be lost.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::pod::{Generations, Mask};

use super::owners::Owners;
use crate::raw_pod::RawPod;

/// So much room is left alone when Pods go.
const ROOM: usize = 64;

/// How far the creation of a host Pod got in this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    /// This process has not asked for it.
    #[default]
    None,
    /// Asked for, without an answer: it may or may not exist. Asking again is safe, the name is the same.
    Unanswered,
    /// The host said no: it does not exist.
    Refused,
    /// Created.
    Created,
}

/// Which part of a host Pod a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The Pod itself.
    Pod,
    /// Its labels and annotations alone.
    Metadata,
    /// Its `resize` subresource.
    Resize,
    /// Its `ephemeralcontainers` subresource.
    Ephemeral,
    /// Its `status` subresource: conditions of its readiness gates.
    Gates,
}

/// A change that was sent to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Hash of the patch.
    pub hash: u64,
    /// The host Pod's resourceVersion from which it was made.
    pub version: String,
    /// Why the host refused it, in tenant terms; `None` when it took it.
    pub refused: Option<String>,
}

/// One Pod.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// UID of the tenant's Pod that all of this is about.
    pub tenant_uid: String,
    /// See [`Attempt`].
    pub attempt: Attempt,
    /// The host Pod as it was last seen, once it is gone.
    pub gone: Option<Arc<RawPod>>,
    /// Its host Pod, which had no node, was taken back: that it is gone means nothing.
    pub withdrawn: bool,
    /// Hash of the last Event that was told, so that no round repeats it.
    pub told: Option<u64>,
    /// Hash of a status patch that the tenant's API took without effect: not sent again.
    pub masked: Option<u64>,
    /// Hash of the last status patch, and the tenant's resourceVersion from which it was made: while that one is shown
    /// still, the store is behind, and the same would be asked a second time.
    pub reported: Option<(u64, String)>,
    /// Fields that the tenant's API drops: not sent again.
    pub mask: Mask,
    /// What the host's generations stand for.
    pub generations: Generations,
    /// The last change of each part.
    pub sent: BTreeMap<Part, Sent>,
}

impl Memory {
    /// The same change when it was sent before and there is no reason to send it again: the host refused it, or took
    /// it and has not shown anything else since.
    pub fn sent_before(&self, part: Part, hash: u64, version: &str) -> Option<&Sent> {
        self.sent
            .get(&part)
            .filter(|sent| sent.hash == hash && (sent.refused.is_some() || sent.version == version))
    }
}

/// All Pods. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Memories {
    /// By [`ObjectKey::joined`], and boxed: a map has room for more than it holds.
    pods: Arc<Mutex<HashMap<Box<str>, Box<Memory>>>>,
    /// Pods that wait for quota.
    waiting: Arc<Mutex<HashSet<ObjectKey>>>,
    /// Controllers whose Pods the host refused.
    pub owners: Owners,
}

impl Memories {
    /// What is known of the Pod with this UID; what was known of a predecessor is forgotten.
    pub fn get(&self, key: &ObjectKey, tenant_uid: &str) -> Memory {
        let pods = self.pods.lock();
        pods.get(&*key.joined())
            .filter(|memory| memory.tenant_uid == tenant_uid)
            .map(|memory| Memory::clone(memory))
            .unwrap_or_default()
    }

    /// Changes it.
    pub fn change(&self, key: &ObjectKey, tenant_uid: &str, change: impl FnOnce(&mut Memory)) {
        let mut pods = self.pods.lock();
        let memory = pods.entry(key.joined()).or_default();
        if memory.tenant_uid != tenant_uid {
            **memory = Memory {
                tenant_uid: tenant_uid.to_owned(),
                ..Memory::default()
            };
        }
        change(memory);
    }

    /// Keeps the last state of a host Pod that is gone, unless its tenant Pod has a successor already.
    pub fn keep_gone(&self, key: &ObjectKey, tenant_uid: &str, pod: Arc<RawPod>) {
        let mut pods = self.pods.lock();
        let memory = pods.entry(key.joined()).or_default();
        if memory.tenant_uid.is_empty() || memory.tenant_uid == tenant_uid {
            tenant_uid.clone_into(&mut memory.tenant_uid);
            memory.gone = Some(pod);
        }
    }

    /// Forgets a Pod that is gone from both sides.
    pub fn forget(&self, key: &ObjectKey) {
        let mut pods = self.pods.lock();
        pods.remove(&*key.joined());
        if pods.capacity() > ROOM + 4 * pods.len() {
            let room = ROOM + pods.len();
            pods.shrink_to(room);
        }
        drop(pods);
        self.waiting.lock().remove(key);
    }

    /// The Pod waits for quota.
    pub fn wait_for_quota(&self, key: &ObjectKey) {
        self.waiting.lock().insert(key.clone());
    }

    /// All Pods that waited for quota; they wait no longer.
    pub fn take_waiting(&self) -> Vec<ObjectKey> {
        self.waiting.lock().drain().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_of_the_same_name_inherits_nothing() {
        let memories = Memories::default();
        let key = ObjectKey::new("ns", "a");
        memories.change(&key, "u1", |memory| memory.attempt = Attempt::Created);
        assert_eq!(memories.get(&key, "u1").attempt, Attempt::Created);
        assert_eq!(memories.get(&key, "u2").attempt, Attempt::None);
        memories.change(&key, "u2", |memory| memory.told = Some(1));
        assert_eq!(memories.get(&key, "u2").attempt, Attempt::None);
        assert_eq!(memories.get(&key, "u1").told, None);
    }

    #[test]
    fn a_change_is_sent_again_only_when_there_is_a_reason() {
        let mut memory = Memory::default();
        let sent = |refused: Option<&str>| Sent {
            hash: 1,
            version: "7".to_owned(),
            refused: refused.map(str::to_owned),
        };
        assert!(memory.sent_before(Part::Pod, 1, "7").is_none());
        memory.sent.insert(Part::Pod, sent(None));
        assert!(memory.sent_before(Part::Pod, 1, "7").is_some());
        // Another change, another part, or somebody changed it back.
        assert!(memory.sent_before(Part::Pod, 2, "7").is_none());
        assert!(memory.sent_before(Part::Resize, 1, "7").is_none());
        assert!(memory.sent_before(Part::Pod, 1, "8").is_none());
        memory.sent.insert(Part::Pod, sent(Some("why")));
        assert!(memory.sent_before(Part::Pod, 1, "8").is_some());
    }
}
