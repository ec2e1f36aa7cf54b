//! Which keys the changes of claims and volumes raise.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use warren_runtime::watch::Change;
use warren_translate::identity::TenantKey;
use warren_translate::mirrored::is_mirrored;

use super::super::Wiring;
use crate::key::{Key, Kind};

/// The claim, and its volume, which is released when the claim is gone.
pub(super) fn tenant_claim(wiring: &Wiring) -> impl Fn(&Change<PersistentVolumeClaim>) + Send + 'static {
    let queue = wiring.queue.clone();
    move |change| {
        let key = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
        queue.add(Key::new(Kind::Claim, key));
        let state = change.new.as_ref().or(change.old.as_ref());
        let volume = state.and_then(|claim| claim.spec.as_ref()?.volume_name.as_deref());
        if let Some(volume) = volume.filter(|volume| !volume.is_empty()) {
            queue.add(Key::cluster(Kind::Volume, volume));
        }
    }
}

/// The volume, and the claim that waits for it. What the tenant makes itself raises nothing.
pub(super) fn tenant_volume(wiring: &Wiring) -> impl Fn(&Change<PersistentVolume>) + Send + 'static {
    let queue = wiring.queue.clone();
    move |change| {
        for state in change.old.iter().chain(&change.new) {
            if !is_mirrored(&state.metadata) {
                continue;
            }
            queue.add(Key::cluster(Kind::Volume, change.key.name.as_str()));
            let claim = state.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
            if let Some((namespace, name)) =
                claim.and_then(|claim| Some((claim.namespace.clone()?, claim.name.clone()?)))
            {
                queue.add(Key::new(Kind::Claim, TenantKey::new(namespace, name)));
            }
        }
    }
}

/// The claim that it stands for, and the volume that is named after it.
pub(super) fn host_claim(wiring: &Wiring) -> impl Fn(&Change<PersistentVolumeClaim>) + Send + 'static {
    let queue = wiring.queue.clone();
    move |change| {
        for state in change.old.iter().chain(&change.new) {
            if let Some(key) = Key::of_host(Kind::Claim, &state.metadata) {
                queue.add(key);
            }
            if let Some(key) = Key::volume_of_claim(state) {
                queue.add(key);
            }
        }
    }
}

/// The volume, under the name that it has in the tenant. Its round makes the tenant's volume, which raises the claim.
pub(super) fn host_volume(wiring: &Wiring) -> impl Fn(&Change<PersistentVolume>) + Send + 'static {
    let Wiring { queue, cluster, .. } = wiring.clone();
    move |change| {
        for state in change.old.iter().chain(&change.new) {
            if let Some(key) = Key::of_host_volume(&cluster, state) {
                queue.add(key);
            }
        }
    }
}
