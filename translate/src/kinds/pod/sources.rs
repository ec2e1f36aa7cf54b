//! The sources of a Pod's projected volumes, in the order of its volumes: what tokens, bundles and certificates are
//! asked by; and which claim an ephemeral volume has.

use k8s_openapi::api::core::v1::{PodSpec, Volume, VolumeProjection};

/// ServiceAccount of a Pod that names none.
const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// Every source of every projected volume, with the volume's name and its index among that volume's sources.
pub(crate) fn projected(spec: &PodSpec) -> impl Iterator<Item = (&str, usize, &VolumeProjection)> {
    let volumes = spec.volumes.iter().flatten();
    volumes.flat_map(|volume| {
        let sources = of_volume(volume).enumerate();
        sources.map(|(index, source)| (volume.name.as_str(), index, source))
    })
}

/// The sources of one volume; none of one that is not projected.
pub(crate) fn of_volume(volume: &Volume) -> impl Iterator<Item = &VolumeProjection> {
    let projected = volume.projected.iter();
    projected.flat_map(|projected| projected.sources.iter().flatten())
}

/// Which source of which volume, as one word: volume names are DNS labels, so the dot keeps words apart.
pub(crate) fn word(volume: &str, index: usize) -> String {
    format!("{volume}.{index}")
}

/// Name of the claim that an ephemeral volume controller makes for a volume of a Pod.
pub(crate) fn claim_of_ephemeral(pod: &str, volume: &str) -> String {
    format!("{pod}-{volume}")
}

/// The ServiceAccount of the Pod, in the Pod's namespace.
pub(crate) fn service_account(spec: &PodSpec) -> String {
    let named = spec.service_account_name.clone().filter(|name| !name.is_empty());
    named.unwrap_or_else(|| DEFAULT_SERVICE_ACCOUNT.to_owned())
}
