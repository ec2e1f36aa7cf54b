//! Which EndpointSlices of the tenant name which address: they are looked at again when a Pod gets it, or loses it.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use parking_lot::Mutex;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::endpoint_slice::addresses;

/// The index, kept by the watch of the tenant's slices.
#[derive(Debug, Default)]
pub struct NamedAddresses {
    slices: Mutex<HashMap<IpAddr, BTreeSet<ObjectKey>>>,
}

impl NamedAddresses {
    /// A slice is there, has changed, or is gone.
    pub fn watched(&self, key: &ObjectKey, old: Option<&EndpointSlice>, new: Option<&EndpointSlice>) {
        let mut slices = self.slices.lock();
        for address in old.into_iter().flat_map(addresses) {
            let is_empty = slices.get_mut(&address).is_some_and(|naming| {
                naming.remove(key);
                naming.is_empty()
            });
            if is_empty {
                slices.remove(&address);
            }
        }
        for address in new.into_iter().flat_map(addresses) {
            slices.entry(address).or_default().insert(key.clone());
        }
    }

    /// The slices that name one of these addresses.
    pub fn naming<'a>(&self, addresses: impl IntoIterator<Item = &'a IpAddr>) -> BTreeSet<ObjectKey> {
        let slices = self.slices.lock();
        let naming = addresses.into_iter().filter_map(|address| slices.get(address));
        naming.flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slice_is_found_by_what_it_names_now_and_by_nothing_else() {
        let slice = |addresses: &[&str]| -> EndpointSlice {
            serde_json::from_value(json!({ "addressType": "IPv4", "metadata": {},
                "endpoints": [{ "addresses": addresses }] }))
            .unwrap()
        };
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let (a, b) = (ObjectKey::new("team", "a"), ObjectKey::new("team", "b"));
        let named = NamedAddresses::default();
        let (first, second) = (slice(&["10.0.0.1", "10.0.0.2"]), slice(&["10.0.0.2"]));
        named.watched(&a, None, Some(&first));
        named.watched(&b, None, Some(&second));
        assert_eq!(named.naming(&[ip("10.0.0.1")]), [a.clone()].into());
        assert_eq!(named.naming(&[ip("10.0.0.2")]), [a.clone(), b.clone()].into());
        named.watched(&a, Some(&first), Some(&second));
        assert_eq!(named.naming(&[ip("10.0.0.1")]), BTreeSet::new());
        named.watched(&a, Some(&second), None);
        assert_eq!(
            named.naming(&[ip("10.0.0.2"), ip("10.0.0.3")]),
            [b.clone()].into()
        );
        named.watched(&b, Some(&second), None);
        assert!(named.slices.lock().is_empty());
    }
}
