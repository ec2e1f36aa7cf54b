//! What one stream has told of slices, and what it has to tell next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use warren_crds::classes;
use warren_runtime::proto::nodes::HostResourceSlice;
use warren_runtime::proto::nodes::node_event::Event;

use super::Devices;
use super::shown::{Viewer, shown};

/// What the slices for one cluster are made from. As long as it is the same, they are.
#[derive(Clone)]
pub struct Basis {
    /// The host's devices; `None` while they are not known.
    pub devices: Option<Arc<Devices>>,
    /// What the class shows.
    pub offer: classes::Devices,
    /// Where the cluster's claims are.
    pub workloads: String,
    /// Names of the nodes that it sees.
    pub nodes: BTreeSet<String>,
}

impl Basis {
    fn is_same(&self, other: &Self) -> bool {
        let Self {
            devices,
            offer,
            workloads,
            nodes,
        } = self;
        let same_devices = match (devices, &other.devices) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same_devices && *offer == other.offer && *workloads == other.workloads && *nodes == other.nodes
    }
}

/// What a client has.
#[derive(Default)]
pub struct Sent {
    basis: Option<Basis>,
    /// By name, of what was sent: a slice may be large, and there is a stream a cluster.
    digests: BTreeMap<String, [u8; 32]>,
}

impl Sent {
    /// What to send so that the client has the slices that follow from `basis`; `self` is brought up to date.
    pub fn difference(&mut self, basis: &Basis) -> Vec<Event> {
        let shows_none = basis.offer.drivers.is_empty();
        if shows_none && self.digests.is_empty() || self.basis.as_ref().is_some_and(|old| old.is_same(basis))
        {
            return Vec::new();
        }
        let viewer = Viewer {
            workloads: &basis.workloads,
            shows: &|driver| basis.offer.shows(driver),
            sees: &|node| basis.nodes.contains(node),
        };
        let slices = basis.devices.as_ref().map(|devices| shown(devices, &viewer));
        let mut events = Vec::new();
        let mut digests = BTreeMap::new();
        for (name, slice) in slices.unwrap_or_default() {
            let slice_json = match serde_json::to_vec(&slice) {
                Ok(json) => json,
                Err(error) => {
                    tracing::error!(slice = name, %error, "ResourceSlice cannot be serialised, skipped");
                    continue;
                }
            };
            let digest = Sha256::digest(&slice_json).into();
            if self.digests.remove(&name) != Some(digest) {
                events.push(Event::Slice(HostResourceSlice {
                    name: name.clone(),
                    slice_json,
                }));
            }
            digests.insert(name, digest);
        }
        let gone = std::mem::replace(&mut self.digests, digests);
        events.extend(gone.into_keys().map(Event::SliceRemoved));
        self.basis = Some(basis.clone());
        events
    }
}
