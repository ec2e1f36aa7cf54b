//! Watches the objects that policies depend on, and mirrors them into the world.
use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream, SelectAll},
};
use k8s_openapi::api::{
    core::v1::{Namespace, Pod},
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    runtime::{
        WatchStreamExt as _,
        utils::Backoff,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use crate::{
    policy::Policy,
    world::{self, Key, Labels, World},
};

/// The apiserver is on this machine: trying often costs nobody anything, and Pods wait for it.
const RETRY: Duration = Duration::from_millis(500);

/// One event of one of the watches.
pub(crate) enum Change {
    Pod(Box<Event<Pod>>),
    Namespace(Event<Namespace>),
    Policy(Event<NetworkPolicy>),
}

/// All watches; never ends. Errors are printed and tried again.
pub(crate) fn changes(client: &Client) -> SelectAll<BoxStream<'static, Change>> {
    stream::select_all([
        events(client, |event| Change::Pod(Box::new(event))),
        events(client, Change::Namespace),
        events(client, Change::Policy),
    ])
}

fn events<K>(client: &Client, change: fn(Event<K>) -> Change) -> BoxStream<'static, Change>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher(Api::<K>::all(client.clone()), watcher::Config::default())
        .backoff(Constantly)
        .inspect_err(|error| eprintln!("watching {}: {error}", K::plural(&())))
        .filter_map(async |event| event.ok())
        .map(change)
        .boxed()
}

/// Waits as long each time.
struct Constantly;

impl Iterator for Constantly {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(RETRY)
    }
}

impl Backoff for Constantly {
    fn reset(&mut self) {}
}

/// The world, and what is not yet in it.
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) world: World,
    pods: List<world::Pod>,
    namespaces: List<Labels>,
    policies: List<Policy>,
    /// The world is another than the rules that are written. Most events of Pods change nothing for policies, and a thousand
    /// Pods that start have thousands of them.
    pub(crate) changed: bool,
}

impl Mirror {
    pub(crate) fn apply(&mut self, change: Change) {
        let world = &mut self.world;
        self.changed |= match change {
            Change::Pod(event) => self.pods.apply(&mut world.pods, *event, world::Pod::read),
            Change::Namespace(event) => self.namespaces.apply(&mut world.namespaces, event, |namespace| {
                Some(namespace.labels().clone())
            }),
            Change::Policy(event) => self.policies.apply(&mut world.policies, event, |policy| {
                policy.spec.as_ref().map(Policy::read)
            }),
        }
    }

    /// Whether all lists were read to their end.
    pub(crate) fn is_complete(&self) -> bool {
        self.pods.complete && self.namespaces.complete && self.policies.complete
    }
}

/// A list that is being read: what is known stays until all of the new is there.
struct List<T> {
    fresh: BTreeMap<Key, T>,
    complete: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            fresh: BTreeMap::new(),
            complete: false,
        }
    }
}

impl<T: PartialEq> List<T> {
    /// Answers whether `current` has changed.
    fn apply<K: Resource>(
        &mut self,
        current: &mut BTreeMap<Key, T>,
        event: Event<K>,
        read: impl Fn(&K) -> Option<T>,
    ) -> bool {
        match event {
            Event::Init => {
                self.fresh.clear();
                false
            }
            Event::InitApply(object) => {
                put(&mut self.fresh, &object, read);
                false
            }
            Event::InitDone => {
                *current = std::mem::take(&mut self.fresh);
                self.complete = true;
                true
            }
            Event::Apply(object) => put(current, &object, read),
            Event::Delete(object) => current.remove(&key(&object)).is_some(),
        }
    }
}

fn put<K: Resource, T: PartialEq>(
    map: &mut BTreeMap<Key, T>,
    object: &K,
    read: impl Fn(&K) -> Option<T>,
) -> bool {
    let key = key(object);
    match read(object) {
        Some(value) if map.get(&key) == Some(&value) => false,
        Some(value) => {
            map.insert(key, value);
            true
        }
        None => map.remove(&key).is_some(),
    }
}

fn key<K: Resource>(object: &K) -> Key {
    let metadata = object.meta();
    Key {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str) -> NetworkPolicy {
        let policy = serde_json::json!({
            "metadata": {"name": name, "namespace": "shop"}, "spec": {"podSelector": {}},
        });
        serde_json::from_value(policy).unwrap()
    }

    fn names(mirror: &Mirror) -> Vec<&str> {
        mirror
            .world
            .policies
            .keys()
            .map(|key| key.name.as_str())
            .collect()
    }

    #[test]
    fn a_list_that_is_read_again_replaces_nothing_before_its_end() {
        let mut mirror = Mirror::default();
        for event in [Event::Init, Event::InitApply(policy("old")), Event::InitDone] {
            mirror.apply(Change::Policy(event));
        }
        mirror.apply(Change::Policy(Event::Apply(policy("added"))));
        mirror.apply(Change::Policy(Event::Init));
        mirror.apply(Change::Policy(Event::InitApply(policy("new"))));
        assert_eq!(names(&mirror), ["added", "old"]);
        mirror.apply(Change::Policy(Event::InitDone));
        assert_eq!(names(&mirror), ["new"]);
    }

    #[test]
    fn what_no_policy_depends_on_is_no_change() {
        let pod = |phase: &str, app: &str| {
            let pod = serde_json::json!({
                "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": app}},
                "spec": {"containers": []}, "status": {"phase": phase, "podIP": "10.244.1.7"},
            });
            Change::Pod(Box::new(Event::Apply(serde_json::from_value(pod).unwrap())))
        };
        let mut mirror = Mirror::default();
        let mut changes = |change: Change| {
            mirror.apply(change);
            std::mem::take(&mut mirror.changed)
        };
        assert!(changes(pod("Pending", "a")));
        assert!(!changes(pod("Running", "a")));
        assert!(changes(pod("Running", "b")));
        assert!(changes(pod("Succeeded", "b")), "its address is free");
        assert!(!changes(pod("Failed", "b")));
        assert!(changes(Change::Policy(Event::Apply(policy("p")))));
    }

    #[test]
    fn nothing_is_complete_before_all_three_lists_are() {
        let mut mirror = Mirror::default();
        mirror.apply(Change::Policy(Event::InitDone));
        mirror.apply(Change::Pod(Box::new(Event::InitDone)));
        assert!(!mirror.is_complete());
        mirror.apply(Change::Namespace(Event::InitDone));
        assert!(mirror.is_complete());
    }
}
