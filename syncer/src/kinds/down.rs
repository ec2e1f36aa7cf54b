//! Kinds that simply go down: the tenant's object is translated, compared and written; nothing comes back up. Such a kind
//! is a folder in `translate/src/kinds`, an implementation of [`GoesDown`], and its lines in the registries.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use kube::Resource;
use warren_runtime::store::Stored;
use warren_translate::identity::HostName;
use warren_translate::{Note, meta, name};

use super::content::{in_host, version};
use super::gone;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::{HostKind, plan_copy};
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::Both;
use crate::teller;
use crate::verified::{LAG, Standing};

/// What waiters hear of a kind that cannot be read on one of the sides.
pub(super) const STANDS_STILL: &str = "the platform does not let this cluster have objects of this kind";

/// What the host should have of one object.
#[derive(Debug)]
pub enum Wanted<K> {
    /// This.
    Object {
        /// The host object.
        object: Box<K>,
        /// What the tenant is told.
        notes: Vec<Note>,
        /// When to look again although nothing changed.
        again: Option<Duration>,
    },
    /// Nothing; the tenant is told why, if it need know.
    Nothing(Vec<Note>),
    /// What it has, until something changes.
    AsItIs,
}

/// A kind that goes down.
pub trait GoesDown: HostKind + Stored {
    /// For host names.
    const NAME: name::Kind;

    /// What both sides have.
    fn both(ctx: &Context) -> &Both<Self>;

    /// What the host should have for `tenant`, with `host` there.
    ///
    /// # Errors
    /// When the tenant object is not one that an apiserver stores.
    fn wanted(ctx: &Context, tenant: &Self, host: Option<&Self>) -> warren_translate::Result<Wanted<Self>>;
}

/// One round.
///
/// # Errors
/// What [`perform`] returns, and translation.
pub async fn round<K: GoesDown>(ctx: &Context, key: &Key) -> Result<Round> {
    let both = K::both(ctx);
    if !both.is_ready() {
        // Nothing may be taken for absent.
        return Ok(Round::done(State::Failed(STANDS_STILL.to_owned())));
    }
    let host_name = name::host_name(&ctx.cluster, K::NAME, &key.tenant);
    let host = both.host.get(&in_host(&ctx.cluster, &host_name));
    let Some(tenant) = both.tenant.get(&key.in_tenant()) else {
        ctx.teller.forget(key);
        ctx.verified.forget(key);
        gone::remove(ctx, key, &host_name, host.as_deref()).await?;
        return Ok(Round::done(State::Absent));
    };
    // A host object that is not this cluster's is none of its state, only in the way.
    let own = host
        .as_deref()
        .filter(|host| meta::belongs(&ctx.cluster, host.meta()));
    match K::wanted(ctx, &tenant, own)? {
        Wanted::Object { object, notes, again } => {
            tell(ctx, key, &*tenant, notes);
            bring(ctx, key, &host_name, host.as_deref(), *object, again).await
        }
        Wanted::Nothing(notes) => {
            tell(ctx, key, &*tenant, notes);
            remove(ctx, key, &host_name, host.as_deref()).await?;
            Ok(Round::done(State::Unneeded))
        }
        Wanted::AsItIs => Ok(Round::done(State::Unneeded)),
    }
}

/// Writes what differs. The records are of what was wanted, not of the tenant's version: other objects may have a say.
pub(super) async fn bring<K: HostKind>(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    host: Option<&K>,
    object: K,
    again: Option<Duration>,
) -> Result<Round> {
    let round = |soon: Option<Duration>| Round {
        state: State::Ready,
        again: again.into_iter().chain(soon).min(),
    };
    let wanted = fingerprint(&object)?;
    let seen = host.map(|host| version(host.meta()));
    if ctx.verified.check(key, &wanted, seen.as_deref()) == Standing::Written {
        return Ok(round(Some(LAG)));
    }
    let actions = plan_copy(&ctx.cluster, Some(object), host);
    if let Performed::Written(stored) = perform(ctx, key, name, actions).await? {
        ctx.verified.set(key, wanted, version(stored.meta()));
    }
    Ok(round(None))
}

/// Takes it off the host, if it is there and this cluster's.
pub(super) async fn remove<K: HostKind>(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    host: Option<&K>,
) -> Result<()> {
    ctx.verified.forget(key);
    let actions = plan_copy(&ctx.cluster, None, host);
    perform(ctx, key, name, actions).await?;
    Ok(())
}

/// Writes notes as Events on the tenant's object.
pub(super) fn tell<K: Resource>(ctx: &Context, key: &Key, tenant: &K, notes: Vec<Note>) {
    for note in notes {
        let about = teller::about(key.kind, tenant.meta());
        ctx.teller.warn(key, about, note.reason, &note.to_string());
    }
}

fn fingerprint<K: HostKind>(object: &K) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(object)
        .map_err(Error::Json)?
        .hash(&mut hasher);
    Ok(hasher.finish().to_string())
}
