//! What a store keeps and shows.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;

use super::*;

fn secret(namespace: Option<&str>, name: &str) -> PartialObjectMeta<Secret> {
    PartialObjectMeta {
        metadata: ObjectMeta {
            namespace: namespace.map(str::to_owned),
            name: Some(name.to_owned()),
            annotations: Some([("example.com/a".to_owned(), "ä\n\"".to_owned())].into()),
            ..ObjectMeta::default()
        },
        ..PartialObjectMeta::default()
    }
}

#[test]
fn what_is_packed_comes_back_as_it_was() {
    let store = Store::default();
    let object = secret(Some("team"), "a");
    let key = ObjectKey::of(&object);
    assert!(store.put(key.clone(), object.clone()).is_none());
    assert_eq!(store.get(&key).unwrap().metadata, object.metadata);
    assert_eq!(store.keys(), std::slice::from_ref(&key));
    assert_eq!(store.remove(&key).unwrap().metadata, object.metadata);
    assert!(store.get(&key).is_none() && store.is_empty());
}

#[test]
fn keys_of_both_scopes_are_told_apart() {
    let store = Store::default();
    for key in [
        ObjectKey::new("", "a"),
        ObjectKey::new("a", "b"),
        ObjectKey::new("", "b"),
    ] {
        store.put(key.clone(), secret(None, &key.name));
    }
    let mut keys = store.keys();
    keys.sort();
    let expected =
        [("", "a"), ("", "b"), ("a", "b")].map(|(namespace, name)| ObjectKey::new(namespace, name));
    assert_eq!(keys, expected);
}

#[test]
fn a_list_replaces_everything_and_shows_what_was_there() {
    let store = Store::default();
    let key = |name: &str| ObjectKey::new("team", name);
    store.put(key("gone"), secret(Some("team"), "gone"));
    store.put(key("stays"), secret(Some("team"), "stays"));
    assert!(!store.is_ready());
    let list = HashMap::from([(key("stays"), Arc::new(secret(Some("team"), "stays")))]);
    let mut before = store.replace(list);
    assert!(store.is_ready());
    assert_eq!(store.keys(), [key("stays")]);
    assert!(before.take(&key("stays")).is_some());
    let gone: Vec<_> = before.into_objects().map(|(key, _)| key).collect();
    assert_eq!(gone, [key("gone")]);
}

#[test]
fn room_is_given_back_when_objects_go() {
    let store = Store::default();
    let key = |number: usize| ObjectKey::new("team", number.to_string());
    for number in 0..1000 {
        store.put(key(number), secret(Some("team"), &number.to_string()));
    }
    for number in 0..1000 {
        store.remove(&key(number));
    }
    assert!(store.objects.read().capacity() <= 4 * ROOM);
}
