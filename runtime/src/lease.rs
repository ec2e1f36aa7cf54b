//! Leader lease (coordination.k8s.io/v1): one holder at a time, released on shutdown.
//!
//! The rules are client-go's: a claim is renewed well before it ends, another holder is believed for as long as
//! its lease says *since this process saw it change* (clocks of two machines are never compared), and every write
//! carries the resourceVersion that was read. A renewal that fails is tried again soon; when none went well until shortly before
//! the claim ends, it is lost and the process must end.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::act;
use crate::clock::SharedClock;
use crate::limits::{LEASE_CALL, LEASE_DEADLINE, LEASE_DURATION, LEASE_RENEW, LEASE_RETRY};
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
        written: None,
    };
    let acquired = loop {
        let begun = Instant::now();
        let what = format!("acquire Lease {}", holder.claim.name);
        let wait = match within(LEASE_CALL, what, holder.try_acquire()).await {
            Ok(None) => break begun,
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
    };
    tracing::info!(
        lease = holder.claim.name,
        holder = holder.claim.holder,
        "lease acquired"
    );
    let held = Held {
        lost: CancellationToken::new(),
        released: CancellationToken::new(),
    };
    tokio::spawn(holder.keep(held.clone(), acquired, shutdown));
    Some(held)
}

struct Holder {
    api: Api<Lease>,
    claim: Claim,
    clock: SharedClock,
    /// Another holder's state (resourceVersion) and when it was first seen so.
    seen: Option<(String, Instant)>,
    /// The Lease as this process wrote it last: a renewal needs no read unless somebody else wrote since.
    written: Option<Lease>,
}

impl Holder {
    /// `None`: held now. `Some(d)`: another holds it, look again in `d`.
    async fn try_acquire(&mut self) -> Result<Option<Duration>, act::Error> {
        let what = format!("get Lease {}", self.claim.name);
        let Some(lease) = act::call(what, self.api.get_opt(&self.claim.name)).await? else {
            return taken(self.create().await);
        };
        if let Some(wait) = self.taken_for(&lease) {
            return Ok(Some(wait));
        }
        taken(self.write(lease).await)
    }

    async fn create(&mut self) -> Result<(), act::Error> {
        let lease = self.lease(Lease::default());
        self.written = Some(act::create(&self.api, &lease).await?);
        Ok(())
    }

    /// Claims what was read or written last; 409 when somebody wrote since.
    async fn write(&mut self, known: Lease) -> Result<(), act::Error> {
        let lease = self.lease(known);
        self.written = Some(act::replace(&self.api, &lease).await?);
        Ok(())
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

    /// `renewed`: when the claim was written at the earliest. Others count from then, not from when the answer came.
    async fn keep(mut self, held: Held, mut renewed: Instant, shutdown: CancellationToken) {
        let mut pause = LEASE_RENEW;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.cancelled() => break,
            }
            let begun = Instant::now();
            pause = LEASE_RENEW;
            let limit = LEASE_CALL.min(LEASE_DEADLINE.saturating_sub(renewed.elapsed()));
            let what = format!("renew Lease {}", self.claim.name);
            match within(limit, what, self.renew()).await {
                Ok(true) => renewed = begun,
                Ok(false) => {
                    tracing::error!(lease = self.claim.name, "lease taken by another process");
                    held.lost.cancel();
                    break;
                }
                Err(error) => {
                    tracing::warn!(lease = self.claim.name, error = %Chain(&error), "lease not renewed");
                    if renewed.elapsed() + LEASE_RETRY >= LEASE_DEADLINE {
                        held.lost.cancel();
                        break;
                    }
                    pause = LEASE_RETRY;
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

    /// Whether it is still held.
    async fn renew(&mut self) -> Result<bool, act::Error> {
        if let Some(known) = self.written.take() {
            match self.write(known).await {
                Err(error) if error.is_conflict() => {}
                written => return written.map(|()| true),
            }
        }
        let lease = self.read().await?;
        if !self.is_ours(&lease) {
            return Ok(false);
        }
        self.write(lease).await.map(|()| true)
    }

    async fn read(&self) -> Result<Lease, act::Error> {
        let what = format!("get Lease {}", self.claim.name);
        act::call(what, self.api.get(&self.claim.name)).await
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        let holder = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.holder_identity.as_deref());
        holder == Some(&self.claim.holder)
    }

    /// Leaves the Lease without holder, so that the next process need not wait.
    async fn release(&self) -> Result<(), act::Error> {
        let patch = serde_json::json!({ "spec": { "holderIdentity": "", "leaseDurationSeconds": 1 } });
        if !self.is_ours(&self.read().await?) {
            return Ok(());
        }
        act::merge(&self.api, &self.claim.name, &patch)
            .await
            .map(|_released| ())
    }

    /// `known` is what was read: its version, and annotations that the holder keeps on its Lease.
    fn lease(&self, known: Lease) -> Lease {
        let now = MicroTime(self.clock.now());
        let ours = self.is_ours(&known);
        let spec = known.spec.unwrap_or_default();
        let transitions = spec.lease_transitions.unwrap_or(0);
        Lease {
            metadata: ObjectMeta {
                name: Some(self.claim.name.clone()),
                namespace: Some(self.claim.namespace.clone()),
                labels: Some(self.claim.labels.clone()),
                annotations: known.metadata.annotations,
                owner_references: known.metadata.owner_references,
                resource_version: known.metadata.resource_version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.claim.holder.clone()),
                lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
                acquire_time: spec.acquire_time.filter(|_| ours).or_else(|| Some(now.clone())),
                renew_time: Some(now),
                lease_transitions: Some(if ours { transitions } else { transitions + 1 }),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// One attempt. What is given up may have been written all the same: the next one reads first.
async fn within<T>(
    limit: Duration,
    what: String,
    attempt: impl Future<Output = Result<T, act::Error>>,
) -> Result<T, act::Error> {
    let answer = timeout(limit, attempt).await;
    answer.unwrap_or(Err(act::Error::Timeout { what, limit }))
}

/// `None`: held now. Somebody was quicker: look again at once.
fn taken(written: Result<(), act::Error>) -> Result<Option<Duration>, act::Error> {
    match written {
        Ok(()) => Ok(None),
        Err(error) if error.is_conflict() => Ok(Some(Duration::ZERO)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
