//! Pod certificates: asks the tenant's signer for one, with a key made here, and writes both into a host Secret that
//! the Pod's volume projects; renewed when the signer says.

mod request;

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::SignedDuration;
use kube::Resource;
use kube::api::ObjectMeta;
use warren_runtime::log::Chain;
use warren_translate::identity::{HostName, TenantUid};
use warren_translate::kinds::pod_certificate::{
    Credentials, Next, Observed, PodCertificateNeed, Refresh, next, refresh, secret, secret_name, warnings,
};
use warren_translate::meta;

use super::content::{in_host, version};
use super::owned;
use crate::certificates::Asked;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::Action;
use crate::registry::Round;
use crate::settlements::State;
use crate::teller;
use crate::verified::{LAG, Standing};

/// Renewals are spread over this long after the signer's time, as a kubelet's.
const JITTER: SignedDuration = SignedDuration::from_mins(5);
/// How often a request that waits is looked at, besides its watch.
const LOOK: Duration = Duration::from_mins(1);
/// How often a request that the tenant refuses is tried again.
const REFUSED_AGAIN: Duration = Duration::from_secs(30);

/// What a round is about.
struct Subject<'a> {
    ctx: &'a Context,
    key: &'a Key,
    uid: &'a TenantUid,
    need: PodCertificateNeed,
    node: String,
    host_name: HostName,
    seen: Option<&'a ObjectMeta>,
}

/// One round.
///
/// # Errors
/// Failed calls to either cluster, and what [`perform`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let Some(((volume, index), uid)) = source(key).zip(key.pod_uid.as_ref()) else {
        return Ok(Round::done(State::Unneeded));
    };
    let host_name = secret_name(&ctx.cluster, &key.tenant, uid, volume, index);
    let seen = ctx.host.secrets.get(&in_host(&ctx.cluster, &host_name));
    let seen = seen.as_ref().map(|secret| &secret.metadata);
    let source = key.source.as_deref().unwrap_or_default();
    let Some((need, node)) = ctx.references.certificate(&key.tenant, uid, source) else {
        ctx.certificates.forget(key);
        ctx.teller.forget(key);
        return owned::without_pod(ctx, key, uid, &host_name, seen).await;
    };
    let seen_version = seen.and_then(|seen| seen.resource_version.as_deref());
    if ctx.verified.check(key, uid.as_str(), seen_version) == Standing::Written {
        return Ok(Round::again(State::Ready, LAG));
    }
    let subject = Subject {
        ctx,
        key,
        uid,
        need,
        node,
        host_name,
        seen,
    };
    subject.round().await
}

/// Volume and index of a key.
fn source(key: &Key) -> Option<(&str, usize)> {
    let (volume, index) = key.source.as_deref()?.rsplit_once('.')?;
    Some((volume, index.parse().ok()?))
}

impl Subject<'_> {
    async fn round(&self) -> Result<Round> {
        let Self { ctx, key, .. } = *self;
        let held = self.seen.and_then(refresh);
        let asked = ctx.certificates.asked(key);
        let answer = match &asked {
            Some(asked) => self.answer(&asked.request).await?,
            None => None,
        };
        let now = ctx.clock.now();
        for (reason, message) in warnings(held.as_ref(), now) {
            self.tell(reason, message);
        }
        let next = next(&Observed {
            held: held.as_ref(),
            answer: answer.as_ref(),
            refused: ctx.certificates.is_refused(key),
            jitter: owned::jitter(key, JITTER),
            now,
        });
        // A Pod that has a certificate lives on with it, whatever becomes of the next one.
        let state = if held.is_some() {
            State::Ready
        } else {
            State::Absent
        };
        match (next, asked) {
            (Next::Sleep(until), _) => {
                self.own().await?;
                Ok(Round::again(State::Ready, owned::until(until, now)))
            }
            (Next::Stop, _) => {
                self.own().await?;
                Ok(Round::done(state))
            }
            (Next::Wait, _) => {
                self.own().await?;
                Ok(Round::again(state, LOOK))
            }
            (Next::Refuse { reason, message }, _) => {
                self.tell(reason, &message);
                ctx.certificates.set_refused(key);
                Ok(Round::done(state))
            }
            (Next::Store { chain, refresh }, Some(asked)) => self.store(asked, chain, refresh).await,
            (Next::Ask | Next::Store { .. }, _) => self.ask(state).await,
        }
    }

    /// Makes a key and asks the signer. What the tenant refuses is told, and tried again as a kubelet does.
    async fn ask(&self, state: State) -> Result<Round> {
        let Some((api, types)) = self.requests() else {
            self.tell(
                "FailedPodCertificate",
                "the API of PodCertificateRequests is not served",
            );
            return Ok(Round::again(state, REFUSED_AGAIN));
        };
        match self.send(&api, types).await {
            Ok(asked) => {
                self.ctx.certificates.set_asked(self.key, asked);
                Ok(Round::again(state, LOOK))
            }
            Err(Error::Act(error)) if error.code().is_some_and(|code| (400..500).contains(&code)) => {
                self.ctx.certificates.forget(self.key);
                let message = error.message().unwrap_or("no reason given");
                self.tell(
                    "FailedPodCertificate",
                    &format!("no certificate could be asked for: {message}"),
                );
                tracing::warn!(key = %self.key, error = %Chain(&error), "no certificate asked for");
                Ok(Round::again(state, REFUSED_AGAIN))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes key and chain to the host.
    async fn store(&self, asked: Asked, chain: String, refresh: Refresh) -> Result<Round> {
        let Self { ctx, key, uid, .. } = *self;
        let credentials = Credentials {
            key: asked.private_key,
            chain,
            refresh,
        };
        let mut fresh = secret(&ctx.cluster, &key.tenant, uid, &self.need, &credentials)?;
        let live = owned::read(ctx, self.seen.is_some(), &self.host_name).await?;
        let owner = owned::owner_to_add(ctx, key, uid, live.as_ref().map(Resource::meta));
        let action: Action<Secret> = match &live {
            Some(live) if !meta::belongs(&ctx.cluster, &live.metadata) => Action::Foreign,
            Some(live) => {
                meta::carry_over(&live.metadata, &mut fresh.metadata);
                owned::add_owner(&mut fresh, owner);
                Action::Replace(Box::new(fresh))
            }
            None => {
                owned::add_owner(&mut fresh, owner);
                Action::Create(Box::new(fresh))
            }
        };
        match perform(ctx, key, &self.host_name, vec![action]).await? {
            Performed::Written(stored) => {
                let version = version(&stored.metadata);
                ctx.verified.set(key, uid.as_str().to_owned(), version);
            }
            Performed::Nothing | Performed::Deleted => return Err(Error::Stale),
        }
        // Only now: a write that failed is tried again with the same answer.
        ctx.certificates.forget(key);
        Ok(Round::again(State::Ready, LOOK))
    }

    /// Gives the Secret its owner as soon as there is one.
    async fn own(&self) -> Result<()> {
        let Self { ctx, key, uid, .. } = *self;
        let Some(seen) = self.seen else { return Ok(()) };
        if let Some(owner) = owned::owner_to_add(ctx, key, uid, Some(seen)) {
            owned::adopt(ctx, key, &self.host_name, seen, owner).await?;
        }
        Ok(())
    }

    /// An Event on the Pod, as its kubelet would say it.
    fn tell(&self, reason: &str, message: &str) {
        let pod = ObjectMeta {
            namespace: Some(self.key.tenant.namespace.as_str().to_owned()),
            name: Some(self.key.tenant.name.as_str().to_owned()),
            uid: Some(self.uid.as_str().to_owned()),
            ..ObjectMeta::default()
        };
        let about = teller::about(self.key.kind, &pod);
        self.ctx
            .teller
            .warn_as_kubelet(&self.node, self.key, about, reason, message);
    }
}

#[cfg(test)]
mod tests;
