//! What views are made of, as the watches have it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceSlice};
use tokio::time::timeout;
use warren_runtime::store::Store;

use super::devices::Devices;
use crate::limits::{DEVICES_MOMENT, DEVICES_MOMENTS};

/// What views are made of.
#[derive(Clone, Default)]
pub struct Sources {
    /// The host's Nodes, pruned.
    pub nodes: Store<Node>,
    /// The host's ResourceSlices, pruned. Never ready where the host has none of them, or does not let the operator read them.
    pub slices: Store<ResourceSlice>,
    /// The host's ResourceClaims that hold devices, pruned.
    pub claims: Store<ResourceClaim>,
}

impl Sources {
    /// Ends when all devices, and who holds them, are known.
    pub async fn devices_known(&self) {
        tokio::join!(self.slices.wait_until_ready(), self.claims.wait_until_ready());
    }

    /// Waits until the devices are known, where they can be read at all. A stream that says `synced` before would have every
    /// vkubelet take them from its tenant, and give them back.
    pub async fn wait_a_moment(&self) {
        for _ in 0..DEVICES_MOMENTS {
            if timeout(DEVICES_MOMENT, self.devices_known()).await.is_ok() {
                return;
            }
            let why = self.slices.trouble().or_else(|| self.claims.trouble());
            if let Some(why @ ("NotFound" | "Forbidden")) = why {
                tracing::info!(
                    why,
                    "the host has no ResourceSlices to show: tenants see none until they can be read"
                );
                return;
            }
        }
        tracing::warn!(
            "ResourceSlices and ResourceClaims cannot be read: tenants see no slices until they can"
        );
    }

    /// All devices, and who holds them; `None` while either is not known.
    pub fn devices(&self) -> Option<Arc<Devices>> {
        let known = self.slices.is_ready() && self.claims.is_ready();
        known.then(|| Arc::new(Devices::of(self.slices.all(), self.claims.all())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// How long the start waits where the claims are listed `after` so long.
    async fn waits(sources: &Sources, after: Duration) -> Duration {
        let begun = Instant::now();
        let listing = async {
            sleep(after).await;
            sources.claims.replace(HashMap::new());
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = sources.wait_a_moment() => {}
            () = listing => {}
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_start_waits_for_devices_but_not_where_there_are_none() {
        let never = Duration::from_hours(1);
        let late = Duration::from_secs(20);
        for why in ["NotFound", "Forbidden"] {
            let sources = Sources::default();
            sources.slices.in_trouble(why);
            assert_eq!(waits(&sources, never).await.as_secs(), 5, "{why}");
        }
        let sources = Sources::default();
        sources.slices.replace(HashMap::new());
        sources.claims.in_trouble("Unreachable");
        assert_eq!(waits(&sources, late).await.as_secs(), 20);
        let sources = Sources::default();
        assert_eq!(waits(&sources, never).await.as_secs(), 60, "never for ever");
    }
}
