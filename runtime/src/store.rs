//! The objects of one kind of one cluster, as last seen by its watch.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use kube::{Resource, ResourceExt};
use parking_lot::RwLock;
use tokio::sync::watch;

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

/// The objects of one kind of one cluster. Cheap to clone; all clones see the same.
pub struct Store<K> {
    objects: Arc<RwLock<HashMap<ObjectKey, Arc<K>>>>,
    ready: Arc<watch::Sender<bool>>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self {
            objects: Arc::clone(&self.objects),
            ready: Arc::clone(&self.ready),
        }
    }
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self {
            objects: Arc::default(),
            ready: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl<K> Store<K> {
    /// The object, if the watch has it.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.objects.read().get(key).cloned()
    }

    /// All objects, in no order.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.objects.read().values().cloned().collect()
    }

    /// All keys, in no order.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.objects.read().keys().cloned().collect()
    }

    /// The objects for which `wanted` is true.
    pub fn filter(&self, wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        self.objects
            .read()
            .values()
            .filter(|object| wanted(object))
            .cloned()
            .collect()
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

    /// Puts an object, as the watch does; returns what was there. Also for tests.
    pub fn put(&self, key: ObjectKey, object: K) -> Option<Arc<K>> {
        self.objects.write().insert(key, Arc::new(object))
    }

    /// Removes an object, as the watch does; returns what was there. Also for tests.
    pub fn remove(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.objects.write().remove(key)
    }

    /// Replaces everything by one complete list and becomes ready; returns what was there.
    pub fn replace(&self, objects: HashMap<ObjectKey, Arc<K>>) -> HashMap<ObjectKey, Arc<K>> {
        let before = std::mem::replace(&mut *self.objects.write(), objects);
        self.ready.send_replace(true);
        before
    }
}
