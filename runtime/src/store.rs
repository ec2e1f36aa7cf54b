//! The objects of one kind of one cluster, as last seen by its watch.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use kube::{Resource, ResourceExt};
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::TROUBLE_LASTS;

mod stored;

pub use stored::{KeptMeta, Stored};

/// Namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// A key from its parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of an object.
    pub fn of<K: Resource>(object: &K) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }

    /// As one text, for what keeps many: half of what two take. A name has no slash, so it can be taken apart.
    pub fn joined(&self) -> Box<str> {
        self.to_string().into_boxed_str()
    }

    fn parted(joined: &str) -> Self {
        joined.split_once('/').map_or_else(
            || Self::new("", joined),
            |(namespace, name)| Self::new(namespace, name),
        )
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// The objects of one kind of one cluster. Cheap to clone; all clones see the same. How an object is kept, whole or
/// packed, its type says: see [`Stored`].
pub struct Store<K: Stored> {
    objects: Arc<RwLock<Objects<K>>>,
    ready: Arc<watch::Sender<bool>>,
    trouble: Arc<RwLock<Option<(&'static str, Instant)>>>,
}

/// What is kept, by [`ObjectKey::joined`].
type Objects<K> = HashMap<Box<str>, <K as Stored>::Kept>;

/// So much room is left alone when objects go.
const ROOM: usize = 64;

impl<K: Stored> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self {
            objects: Arc::clone(&self.objects),
            ready: Arc::clone(&self.ready),
            trouble: Arc::clone(&self.trouble),
        }
    }
}

impl<K: Stored> Default for Store<K> {
    fn default() -> Self {
        Self {
            objects: Arc::new(RwLock::new(HashMap::new())),
            ready: Arc::new(watch::Sender::new(false)),
            trouble: Arc::default(),
        }
    }
}

impl<K: Stored> Store<K> {
    /// The object, if the watch has it.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        let kept = self.objects.read().get(&*key.joined()).cloned();
        kept.and_then(|kept| show::<K>(&kept))
    }

    /// All objects, in no order. Of what is packed that is many times what the store holds: see [`Self::visit`].
    pub fn all(&self) -> Vec<Arc<K>> {
        self.filter(|_| true)
    }

    /// All keys, in no order.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.objects
            .read()
            .keys()
            .map(|key| ObjectKey::parted(key))
            .collect()
    }

    /// The objects for which `wanted` is true of what is kept of them.
    pub fn filter(&self, wanted: impl Fn(&K::Kept) -> bool) -> Vec<Arc<K>> {
        let kept = self.pick(|kept| wanted(kept).then(|| kept.clone()));
        kept.iter().filter_map(show::<K>).collect()
    }

    /// Shows one object after the other, those for which `wanted` is true of what is kept of them.
    pub fn visit(&self, wanted: impl Fn(&K::Kept) -> bool, mut visit: impl FnMut(Arc<K>)) {
        for kept in self.pick(|kept| wanted(kept).then(|| kept.clone())) {
            if let Some(object) = show::<K>(&kept) {
                visit(object);
            }
        }
    }

    /// What `pick` takes of what is kept; it must not take long.
    pub fn pick<T>(&self, pick: impl Fn(&K::Kept) -> Option<T>) -> Vec<T> {
        self.objects.read().values().filter_map(pick).collect()
    }

    /// Whether `wanted` is true of one that is kept.
    pub fn any(&self, wanted: impl Fn(&K::Kept) -> bool) -> bool {
        self.objects.read().values().any(wanted)
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.objects.read().len()
    }

    /// Whether it holds nothing; says nothing about readiness.
    pub fn is_empty(&self) -> bool {
        self.objects.read().is_empty()
    }

    /// Whether one complete list was seen. An unready store must never be read as "nothing exists".
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits until one complete list was seen.
    pub async fn wait_until_ready(&self) {
        // The sender lives as long as `self`, so this ends only by becoming ready.
        let mut ready = self.ready.subscribe();
        let _cannot_be_closed = ready.wait_for(|ready| *ready).await;
    }

    /// Why its watch fails, in `PascalCase` (`Forbidden`, `NotFound`, …). `None` while it runs, or has not failed yet. A
    /// watch that runs again may have nothing to tell, so what was not repeated for [`TROUBLE_LASTS`] is over.
    pub fn trouble(&self) -> Option<&'static str> {
        let trouble = *self.trouble.read();
        trouble.and_then(|(why, at)| (at.elapsed() < TROUBLE_LASTS).then_some(why))
    }

    /// Says why the watch fails, as the watch does. Also for tests.
    pub fn in_trouble(&self, why: &'static str) {
        *self.trouble.write() = Some((why, Instant::now()));
    }

    pub(crate) fn no_trouble(&self) {
        *self.trouble.write() = None;
    }

    /// Puts an object, as the watch does; returns what was there. Also for tests.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "whoever puts an object has made a key for it"
    )]
    pub fn put(&self, key: ObjectKey, object: K) -> Option<Arc<K>> {
        self.share(&key, &Arc::new(object))
    }

    pub(crate) fn share(&self, key: &ObjectKey, object: &Arc<K>) -> Option<Arc<K>> {
        let kept = K::keep(object);
        let before = self.objects.write().insert(key.joined(), kept);
        before.and_then(|before| show::<K>(&before))
    }

    /// Removes an object, as the watch does; returns what was there. Also for tests.
    pub fn remove(&self, key: &ObjectKey) -> Option<Arc<K>> {
        let mut objects = self.objects.write();
        let before = objects.remove(&*key.joined());
        if objects.capacity() > ROOM + 4 * objects.len() {
            let room = ROOM + objects.len();
            objects.shrink_to(room);
        }
        drop(objects);
        before.and_then(|before| show::<K>(&before))
    }

    /// Replaces everything by one complete list and becomes ready; returns what was there.
    pub fn replace(&self, objects: HashMap<ObjectKey, Arc<K>>) -> Listed<K> {
        let mut listed = Listed::default();
        for (key, object) in objects {
            listed.insert(&key, &object);
        }
        self.swap(listed)
    }

    pub(crate) fn swap(&self, listed: Listed<K>) -> Listed<K> {
        let Listed(mut objects) = listed;
        objects.shrink_to_fit();
        let before = std::mem::replace(&mut *self.objects.write(), objects);
        self.ready.send_replace(true);
        Listed(before)
    }
}

/// A complete list: on its way into a store, or out of it.
pub struct Listed<K: Stored>(Objects<K>);

impl<K: Stored> Default for Listed<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Stored> Listed<K> {
    /// Adds an object; of two with the same key the later counts.
    pub fn insert(&mut self, key: &ObjectKey, object: &Arc<K>) {
        self.0.insert(key.joined(), K::keep(object));
    }

    /// Takes an object out.
    pub fn take(&mut self, key: &ObjectKey) -> Option<Arc<K>> {
        let kept = self.0.remove(&*key.joined())?;
        show::<K>(&kept)
    }

    /// What is in it.
    pub fn into_objects(self) -> impl Iterator<Item = (ObjectKey, Arc<K>)> {
        let objects = self.0.into_iter();
        objects.filter_map(|(key, kept)| Some((ObjectKey::parted(&key), show::<K>(&kept)?)))
    }
}

/// What was kept is always readable: it was read back when it was packed.
fn show<K: Stored>(kept: &K::Kept) -> Option<Arc<K>> {
    let object = K::show(kept);
    if object.is_none() {
        tracing::error!("an object of a store cannot be read back");
    }
    object
}

#[cfg(test)]
mod tests;
