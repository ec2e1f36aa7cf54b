//! What the host Pod was last given of the fields that a tenant may change: an annotation on it.
//!
//! What the host's admission made of them is the host's business. Only a change by the tenant goes down again, so
//! that nobody fights over an image that a webhook rewrote or a limit that a `LimitRange` set.

use std::fmt;

use k8s_openapi::api::core::v1::{Container, PodSpec, Toleration};
use serde::Serialize;

use crate::name::short_hash;

/// The annotation.
pub const KEY: &str = "warren.dev/carried";
/// Characters of each hash: 50 bits, against chance.
const HASH_CHARS: usize = 10;
/// Stands for what was never given.
const NOTHING: &str = "-";

/// Hashes of the tenant's fields, as the host Pod was last given them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds::pod) struct Carried {
    pub(super) images: String,
    pub(super) deadline: String,
    pub(super) tolerations: String,
    pub(super) resources: String,
}

impl Carried {
    /// What the tenant wants; `tolerations` as they go to the host.
    pub(in crate::kinds::pod) fn of(tenant: &PodSpec, tolerations: Option<&[Toleration]>) -> Self {
        let containers = || {
            let init = tenant.init_containers.iter().flatten();
            tenant.containers.iter().chain(init)
        };
        let images: Vec<(&str, Option<&str>)> = containers()
            .map(|container| (container.name.as_str(), container.image.as_deref()))
            .collect();
        let resources: Vec<_> = containers().map(amounts).collect();
        let of_pod = tenant
            .resources
            .as_ref()
            .map(|resources| (&resources.limits, &resources.requests));
        Self {
            images: hash(&images),
            deadline: hash(&tenant.active_deadline_seconds),
            tolerations: hash(&tolerations.unwrap_or_default()),
            resources: hash(&(resources, of_pod)),
        }
    }

    /// Reads the annotation; `None` when it is not one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::to_owned);
        let read = Self {
            images: parts.next()?,
            deadline: parts.next()?,
            tolerations: parts.next()?,
            resources: parts.next()?,
        };
        parts.next().is_none().then_some(read)
    }

    /// For a host Pod without the annotation.
    pub(super) fn nothing() -> Self {
        let nothing = || NOTHING.to_owned();
        Self {
            images: nothing(),
            deadline: nothing(),
            tolerations: nothing(),
            resources: nothing(),
        }
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            images,
            deadline,
            tolerations,
            resources,
        } = self;
        write!(f, "{images}.{deadline}.{tolerations}.{resources}")
    }
}

fn amounts(container: &Container) -> (&str, impl Serialize) {
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    (&container.name, (limits, requests))
}

/// Of values that are always the same text in JSON: maps are sorted.
fn hash(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut hash = short_hash(&[&text]);
    hash.truncate(HASH_CHARS);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let carried = Carried::of(&PodSpec::default(), None);
        assert_eq!(Carried::read(&carried.to_string()), Some(carried));
        assert_eq!(Carried::read("a.b.c"), None);
        assert_eq!(Carried::read("a.b.c.d.e"), None);
    }

    #[test]
    fn each_field_has_a_hash_of_its_own() {
        let before = Carried::of(&PodSpec::default(), None);
        let after = PodSpec {
            active_deadline_seconds: Some(5),
            ..PodSpec::default()
        };
        let after = Carried::of(&after, None);
        assert_ne!(before.deadline, after.deadline);
        assert_eq!(before.images, after.images);
        assert_eq!(before.resources, after.resources);
    }
}
