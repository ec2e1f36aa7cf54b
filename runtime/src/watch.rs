//! One watch task per (cluster, kind): fills a [`Store`] and tells what changed, deletes included.
//!
//! kube's shared reflectors are not used: they do not dispatch deletes and can stall. One unreadable object is
//! logged and skipped; one failing watch backs off alone.

use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, TryStreamExt};
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::log::Chain;
use crate::metrics::{ByController, Metrics};
use crate::patience::Patience;
use crate::store::{Listed, ObjectKey, Store, Stored};

/// One change. After a complete list every key is reported, with the old and the new state.
#[derive(Debug)]
pub struct Change<K> {
    /// Which object.
    pub key: ObjectKey,
    /// What the store had before.
    pub old: Option<Arc<K>>,
    /// What it has now; `None` for a deleted object.
    pub new: Option<Arc<K>>,
}

/// What a `prune` returns: `()` keeps every object, `bool` says which. An object that is not kept is for the store
/// and for `on_change` as if it did not exist.
pub trait Keeps {
    /// Whether the object is kept.
    fn keeps(self) -> bool;
}

impl Keeps for () {
    fn keeps(self) -> bool {
        true
    }
}

impl Keeps for bool {
    fn keeps(self) -> bool {
        self
    }
}

/// Starts a watch that ends with `shutdown`, and returns its store.
///
/// `selectors` restricts it by labels and fields (`watcher::Config::default().labels(…)`); the page size is set
/// here. `prune` runs on each object before it is kept: drop there what nobody reads (managedFields always go), and
/// say for kinds that no selector restricts enough which are kept ([`Keeps`]).
/// `on_change` runs for every change, after the store has it; it must not block.
pub fn spawn<K, R: Keeps>(
    api: Api<DeserializeGuard<K>>,
    kind: &'static str,
    selectors: watcher::Config,
    prune: impl Fn(&mut K) -> R + Send + 'static,
    on_change: impl Fn(&Change<K>) + Send + 'static,
    metrics: &Metrics,
    shutdown: CancellationToken,
) -> Store<K>
where
    K: Resource + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let config = selectors.page_size(limits::LIST_PAGE);
    let events = watcher(api, config);
    start(events, kind, prune, on_change, metrics, shutdown)
}

/// As [`spawn`], with metadata only: the API sends nothing else (no content of Secrets is even transferred).
pub fn spawn_metadata<K, R: Keeps>(
    api: Api<PartialObjectMeta<K>>,
    kind: &'static str,
    selectors: watcher::Config,
    prune: impl Fn(&mut PartialObjectMeta<K>) -> R + Send + 'static,
    on_change: impl Fn(&Change<PartialObjectMeta<K>>) + Send + 'static,
    metrics: &Metrics,
    shutdown: CancellationToken,
) -> Store<PartialObjectMeta<K>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let config = selectors.page_size(limits::LIST_PAGE);
    // Metadata that cannot be read is a failure of the whole answer, not of one object: no guard is needed.
    let events = watcher(api, config).map_ok(|event| match event {
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitApply(object) => watcher::Event::InitApply(DeserializeGuard(Ok(object))),
        watcher::Event::InitDone => watcher::Event::InitDone,
        watcher::Event::Apply(object) => watcher::Event::Apply(DeserializeGuard(Ok(object))),
        watcher::Event::Delete(object) => watcher::Event::Delete(DeserializeGuard(Ok(object))),
    });
    start(events, kind, prune, on_change, metrics, shutdown)
}

fn start<K, R: Keeps>(
    events: impl Stream<Item = watcher::Result<watcher::Event<DeserializeGuard<K>>>> + Send + 'static,
    kind: &'static str,
    prune: impl Fn(&mut K) -> R + Send + 'static,
    on_change: impl Fn(&Change<K>) + Send + 'static,
    metrics: &Metrics,
    shutdown: CancellationToken,
) -> Store<K>
where
    K: Resource + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let store = Store::default();
    let task = Task {
        kind,
        store: store.clone(),
        prune,
        on_change,
        metrics: metrics.clone(),
        list: Listed::default(),
    };
    tokio::spawn(async move {
        tokio::select! {
            () = task.run(events) => {}
            () = shutdown.cancelled() => {}
        }
    });
    store
}

struct Task<K: Stored, P, C> {
    kind: &'static str,
    store: Store<K>,
    prune: P,
    on_change: C,
    metrics: Metrics,
    list: Listed<K>,
}

impl<K, R, P, C> Task<K, P, C>
where
    K: Resource + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    R: Keeps,
    P: Fn(&mut K) -> R,
    C: Fn(&Change<K>),
{
    async fn run(mut self, events: impl Stream<Item = watcher::Result<watcher::Event<DeserializeGuard<K>>>>) {
        let mut events = std::pin::pin!(events.backoff(Patience::default()));
        loop {
            match events.try_next().await {
                Ok(Some(event)) => {
                    // A list that begins has not been answered yet.
                    if !matches!(event, watcher::Event::Init) {
                        self.store.no_trouble();
                    }
                    self.handle(event);
                }
                Ok(None) => return,
                Err(error) => {
                    if let Some(why) = trouble(&error) {
                        self.store.in_trouble(why);
                    }
                    self.metrics
                        .watch_errors
                        .get_or_create(&ByController {
                            controller: self.kind,
                        })
                        .inc();
                    tracing::warn!(kind = self.kind, error = %Chain(&error), "watch failed, retrying");
                }
            }
        }
    }

    fn handle(&mut self, event: watcher::Event<DeserializeGuard<K>>) {
        match event {
            watcher::Event::Init => self.list = Listed::default(),
            watcher::Event::InitApply(object) => {
                if let Some((object, true)) = self.readable(object) {
                    self.list.insert(&ObjectKey::of(&object), &Arc::new(object));
                }
            }
            watcher::Event::InitDone => {
                let mut before = self.store.swap(std::mem::take(&mut self.list));
                for key in self.store.keys() {
                    let old = before.take(&key);
                    let new = self.store.get(&key);
                    (self.on_change)(&Change { key, old, new });
                }
                for (key, old) in before.into_objects() {
                    (self.on_change)(&Change {
                        key,
                        old: Some(old),
                        new: None,
                    });
                }
            }
            watcher::Event::Apply(object) => match self.readable(object) {
                Some((object, true)) => {
                    let key = ObjectKey::of(&object);
                    let new = Arc::new(object);
                    let old = self.store.share(&key, &new);
                    (self.on_change)(&Change {
                        key,
                        old,
                        new: Some(new),
                    });
                }
                Some((object, false)) => self.gone(ObjectKey::of(&object)),
                None => {}
            },
            watcher::Event::Delete(object) => {
                let key = ObjectKey::of(&object);
                let old = self.store.remove(&key);
                (self.on_change)(&Change { key, old, new: None });
            }
        }
    }

    /// Told only of what was kept: most objects of such a kind never are.
    fn gone(&self, key: ObjectKey) {
        let old = self.store.remove(&key);
        if old.is_some() {
            (self.on_change)(&Change { key, old, new: None });
        }
    }

    /// The object as it is kept, with whether it is. `None` when it cannot be read.
    fn readable(&self, object: DeserializeGuard<K>) -> Option<(K, bool)> {
        match object.0 {
            Ok(mut object) => {
                object.meta_mut().managed_fields = None;
                let kept = (self.prune)(&mut object).keeps();
                Some((object, kept))
            }
            Err(invalid) => {
                let namespace = invalid.metadata.namespace.as_deref().unwrap_or_default();
                let name = invalid.metadata.name.as_deref().unwrap_or_default();
                self.metrics.error(self.kind, "Unreadable");
                tracing::error!(
                    kind = self.kind,
                    namespace,
                    name,
                    error = invalid.error,
                    "object cannot be read, skipped"
                );
                None
            }
        }
    }
}

/// What a person has to know of a failed watch. `None` for what every watch goes through: it ended, its version is too old.
fn trouble(error: &watcher::Error) -> Option<&'static str> {
    let source = match error {
        watcher::Error::InitialListFailed(source)
        | watcher::Error::WatchStartFailed(source)
        | watcher::Error::WatchFailed(source) => source,
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => return None,
    };
    Some(match source {
        kube::Error::Api(status) => match status.code {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            410 => return None,
            _ => "ApiError",
        },
        _ => "Unreachable",
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::watcher::Event;
    use parking_lot::Mutex;

    use super::*;

    fn map(name: &str, kept: bool) -> DeserializeGuard<ConfigMap> {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        map.immutable = Some(kept);
        DeserializeGuard(Ok(map))
    }

    #[test]
    fn what_is_not_kept_is_as_if_it_did_not_exist() {
        let told = Mutex::new(Vec::new());
        let mut task = Task {
            kind: "ConfigMap",
            store: Store::default(),
            prune: |map: &mut ConfigMap| map.immutable == Some(true),
            on_change: |change: &Change<ConfigMap>| {
                told.lock().push((change.key.name.clone(), change.new.is_some()));
            },
            metrics: Metrics::new(),
            list: Listed::default(),
        };
        for event in [
            Event::Init,
            Event::InitApply(map("own", true)),
            Event::InitApply(map("other", false)),
            Event::InitDone,
            Event::Apply(map("other", false)),
            Event::Apply(map("own", false)),
            Event::Apply(map("own", false)),
        ] {
            task.handle(event);
        }
        assert!(task.store.is_ready() && task.store.is_empty());
        assert_eq!(
            *told.lock(),
            [("own".to_owned(), true), ("own".to_owned(), false)]
        );
    }
}
