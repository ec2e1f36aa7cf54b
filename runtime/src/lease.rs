//! Leader lease (coordination.k8s.io/v1): one holder at a time, released on shutdown.
//!
//! The rules are client-go's: a claim is renewed well before it ends, another holder is believed for as long as
//! its lease says *since this process saw it change* (clocks of two machines are never compared), and every write
//! carries the resourceVersion that was read. When renewal fails for the whole duration the claim is lost and
//! the process must end.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use kube::{Api, Client};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::act;
use crate::clock::SharedClock;
use crate::limits::{LEASE_DURATION, LEASE_RENEW, LEASE_RETRY};
use crate::log::Chain;

/// Where the lease is and who asks for it.
#[derive(Clone)]
pub struct Claim {
    /// Host namespace.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// This process, unique among its peers (the Pod's name).
    pub holder: String,
    /// Labels of a Lease that is created here.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// A held lease: cancelled when it is lost. Dropping it does not release it; shutdown does.
#[derive(Clone, Debug)]
pub struct Held {
    lost: CancellationToken,
    released: CancellationToken,
}

impl Held {
    /// Ends when the lease is lost: the process must stop acting at once.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Ends when the lease was given back (after shutdown) or lost.
    pub async fn ended(&self) {
        self.released.cancelled().await;
    }
}

/// Waits until the lease is held, then keeps it until `shutdown`, when it is given back.
///
/// Returns `None` when `shutdown` comes first. API failures are logged and retried.
pub async fn acquire(
    client: Client,
    claim: Claim,
    clock: SharedClock,
    shutdown: CancellationToken,
) -> Option<Held> {
    let mut holder = Holder {
        api: Api::namespaced(client, &claim.namespace),
        claim,
        clock,
        seen: None,
    };
    loop {
        let wait = match holder.try_acquire().await {
            Ok(None) => break,
            Ok(Some(free_in)) => free_in.min(LEASE_RETRY),
            Err(error) => {
                tracing::warn!(lease = holder.claim.name, error = %Chain(&error), "lease not reached, retrying");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = shutdown.cancelled() => return None,
        }
    }
    tracing::info!(
        lease = holder.claim.name,
        holder = holder.claim.holder,
        "lease acquired"
    );
    let held = Held {
        lost: CancellationToken::new(),
        released: CancellationToken::new(),
    };
    tokio::spawn(holder.keep(held.clone(), shutdown));
    Some(held)
}

struct Holder {
    api: Api<Lease>,
    claim: Claim,
    clock: SharedClock,
    /// Another holder's state (resourceVersion) and when it was first seen so.
    seen: Option<(String, Instant)>,
}

impl Holder {
    /// `None`: held now. `Some(d)`: another holds it, look again in `d`.
    async fn try_acquire(&mut self) -> Result<Option<Duration>, act::Error> {
        let what = format!("get Lease {}", self.claim.name);
        let Some(lease) = act::call(what, self.api.get_opt(&self.claim.name)).await? else {
            return match act::create(&self.api, &self.lease(ObjectMeta::default(), 0)).await {
                Ok(_created) => Ok(None),
                Err(error) if error.is_conflict() => Ok(Some(Duration::ZERO)),
                Err(error) => Err(error),
            };
        };
        if let Some(wait) = self.taken_for(&lease) {
            return Ok(Some(wait));
        }
        let transitions = lease.spec.as_ref().and_then(|s| s.lease_transitions).unwrap_or(0) + 1;
        match act::replace(&self.api, &self.lease(lease.metadata, transitions)).await {
            Ok(_taken) => Ok(None),
            Err(error) if error.is_conflict() => Ok(Some(Duration::ZERO)),
            Err(error) => Err(error),
        }
    }

    /// How long another holder still has it, counted from when this process saw its last renewal.
    fn taken_for(&mut self, lease: &Lease) -> Option<Duration> {
        let spec = lease.spec.as_ref()?;
        let holder = spec.holder_identity.as_deref().filter(|h| !h.is_empty())?;
        if holder == self.claim.holder {
            return None;
        }
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            _ => {
                let now = Instant::now();
                self.seen = Some((version, now));
                now
            }
        };
        let seconds = spec
            .lease_duration_seconds
            .and_then(|s| u64::try_from(s).ok())
            .unwrap_or(0);
        Duration::from_secs(seconds)
            .checked_sub(since.elapsed())
            .filter(|left| !left.is_zero())
    }

    async fn keep(self, held: Held, shutdown: CancellationToken) {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = sleep(LEASE_RENEW) => {}
                () = shutdown.cancelled() => break,
            }
            match self.renew().await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => {
                    tracing::error!(lease = self.claim.name, "lease taken by another process");
                    held.lost.cancel();
                    break;
                }
                Err(error) => {
                    tracing::warn!(lease = self.claim.name, error = %Chain(&error), "lease not renewed");
                    if renewed.elapsed() + LEASE_RENEW >= LEASE_DURATION {
                        held.lost.cancel();
                        break;
                    }
                }
            }
        }
        if !held.lost.is_cancelled()
            && let Err(error) = self.release().await
        {
            tracing::warn!(lease = self.claim.name, error = %Chain(&error), "lease not released");
        }
        held.released.cancel();
    }

    async fn renew(&self) -> Result<bool, act::Error> {
        let lease = act::call(
            format!("get Lease {}", self.claim.name),
            self.api.get(&self.claim.name),
        )
        .await?;
        let spec = lease.spec.unwrap_or_default();
        if spec.holder_identity.as_deref() != Some(&self.claim.holder) {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0);
        act::replace(&self.api, &self.lease(lease.metadata, transitions))
            .await
            .map(|_renewed| true)
    }

    /// Leaves the Lease without holder, so that the next process need not wait.
    async fn release(&self) -> Result<(), act::Error> {
        let patch = serde_json::json!({ "spec": { "holderIdentity": "", "leaseDurationSeconds": 1 } });
        let current = act::call(
            format!("get Lease {}", self.claim.name),
            self.api.get(&self.claim.name),
        )
        .await?;
        if current.spec.and_then(|s| s.holder_identity).as_deref() != Some(&self.claim.holder) {
            return Ok(());
        }
        act::merge(&self.api, &self.claim.name, &patch)
            .await
            .map(|_released| ())
    }

    /// `existing` is what was read: its version, and annotations that the holder keeps on its Lease.
    fn lease(&self, existing: ObjectMeta, transitions: i32) -> Lease {
        let now = MicroTime(self.clock.now());
        Lease {
            metadata: ObjectMeta {
                name: Some(self.claim.name.clone()),
                namespace: Some(self.claim.namespace.clone()),
                labels: Some(self.claim.labels.clone()),
                annotations: existing.annotations,
                owner_references: existing.owner_references,
                resource_version: existing.resource_version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.claim.holder.clone()),
                lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}
