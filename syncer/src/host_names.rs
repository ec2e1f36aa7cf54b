//! Claims of host names on the host: each is served by one virtual cluster at most.
//!
//! **Who has a name.** A claim's object is named after its host name, so the host's apiserver grants each once. Names that
//! meet without being the same (`*.example.com` and `app.example.com`) are two objects: whoever made one looks for others,
//! past its own watch, and gives its own back if another was stored before it. Who is second always sees the first, so
//! one at most stays, and none that was served is lost.
//!
//! **When.** A name is claimed before the host has an Ingress or a route for it, and released after the host itself says that
//! it has none any more. Each gets all of its names or takes none.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ListParams, ObjectMeta};
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};
use tokio::sync::Mutex;
use tokio::time::Instant;
use warren_crds::served_host::ServedHost;
use warren_crds::{HostNameClaim, HostNameClaimSpec, keys};
use warren_runtime::act;
use warren_runtime::limits::HOST_NAMES;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::host_names::CONFLICT;
use warren_translate::kinds::ingress as translate;
use warren_translate::meta;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::kinds::{ingress, route};
use crate::stores::Parts as _;
use crate::verified::LAG;

/// Reason of the Event on an object for whose names the cluster has no room.
const TOO_MANY: &str = "TooManyHostNames";

/// A claim as it is kept: who has which name since which version.
pub type Claim = PartialObjectMeta<HostNameClaim>;

/// The claims of all clusters, and what is known of this one's.
pub struct HostNames {
    /// Every claim on the host.
    pub claims: Store<Claim>,
    /// Namespace and name of the VirtualCluster, for people who look at claims.
    virtual_cluster: String,
    /// Whether names may be held that nothing serves.
    unsettled: AtomicBool,
    /// Claims of this cluster that were read past the watch. One round at a time looks and changes.
    held: Mutex<HashMap<ServedHost, Held>>,
}

/// A claim that was found to be this cluster's, and before all that meet it.
struct Held {
    uid: String,
    since: Instant,
}

/// What came of an attempt to claim names.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    /// This cluster has all of them.
    All,
    /// Another cluster serves these, or names that meet them.
    Taken(BTreeSet<ServedHost>),
    /// This cluster may not have more.
    TooMany,
}

/// How a name stands by what the watch shows.
enum Standing {
    Held,
    Free,
    Taken,
}

impl HostNames {
    /// With the claims that a watch shows.
    pub fn new(claims: Store<Claim>, virtual_cluster: String) -> Self {
        Self {
            claims,
            virtual_cluster,
            // What the process before this one has left is not known.
            unsettled: AtomicBool::new(true),
            held: Mutex::default(),
        }
    }

    /// Names may be held from now on that nothing serves: [`release`] looks. At rest it need not.
    pub fn unsettle(&self) {
        self.unsettled.store(true, Ordering::Relaxed);
    }

    fn own(&self, ctx: &Context, host: &ServedHost) -> Option<ObjectMeta> {
        let claim = self.claims.get(&ObjectKey::new("", host.claim_name()))?;
        Some(claim.metadata.clone()).filter(|claim| meta::belongs(&ctx.cluster, claim))
    }

    /// What the watch shows that may meet `host`: few are read, of all that there are.
    fn meeting(&self, host: &ServedHost) -> Vec<ObjectMeta> {
        let meets = |name: &String| ServedHost::of_claim(name).is_some_and(|claimed| claimed.meets(host));
        let names: Vec<String> = match host {
            ServedHost::Below(_) => self
                .claims
                .keys()
                .into_iter()
                .map(|key| key.name)
                .filter(meets)
                .collect(),
            _ => host
                .parents()
                .iter()
                .chain([host])
                .map(ServedHost::claim_name)
                .collect(),
        };
        let claims = names
            .into_iter()
            .filter_map(|name| self.claims.get(&ObjectKey::new("", name)));
        claims.map(|claim| claim.metadata.clone()).collect()
    }

    fn standing(&self, ctx: &Context, held: Option<&Held>, host: &ServedHost) -> Standing {
        let own = self.own(ctx, host);
        let mut meeting = self.meeting(host).into_iter();
        if meeting.any(|claim| is_before(ctx, host, &claim, own.as_ref())) {
            return Standing::Taken;
        }
        let is_held = held.is_some_and(|held| match &own {
            Some(own) => own.uid.as_deref() == Some(&held.uid),
            // The watch does not show it yet, or no longer.
            None => held.since.elapsed() < LAG,
        });
        if is_held { Standing::Held } else { Standing::Free }
    }
}

/// Why an object does not get all of its names.
#[derive(Debug)]
pub struct Refusal {
    /// Reason of the Event.
    pub reason: &'static str,
    /// What the tenant is told.
    pub note: String,
    /// The names that it may serve on with.
    pub kept: BTreeSet<ServedHost>,
}

/// As [`claim`], with the answer in words. `None`: all of `hosts` are this cluster's.
///
/// # Errors
/// As [`claim`].
pub async fn ask(ctx: &Context, hosts: BTreeSet<ServedHost>) -> Result<Option<Refusal>> {
    let (reason, note, taken) = match claim(ctx, &hosts).await? {
        Claimed::All => return Ok(None),
        Claimed::Taken(taken) => {
            let names: Vec<String> = taken.iter().map(ToString::to_string).collect();
            let names = names.join(", ");
            let note = format!("{names}: another cluster serves it, or a name that it meets; use another");
            (CONFLICT, note, taken)
        }
        Claimed::TooMany => {
            let note = "the platform lets a cluster serve no more host names";
            (TOO_MANY, note.to_owned(), BTreeSet::new())
        }
    };
    let mut kept = hosts;
    kept.retain(|host| !taken.contains(host));
    Ok(Some(Refusal { reason, note, kept }))
}

/// Claims all of `hosts`, or none that this cluster does not have already.
///
/// # Errors
/// Failed calls to the host; what was claimed until then stays for the next try.
pub async fn claim(ctx: &Context, hosts: &BTreeSet<ServedHost>) -> Result<Claimed> {
    let names = &ctx.host_names;
    let mut held = names.held.lock().await;
    let mut free = Vec::new();
    let mut taken = BTreeSet::new();
    for host in hosts {
        match names.standing(ctx, held.get(host), host) {
            Standing::Held => {}
            Standing::Free => free.push(host),
            Standing::Taken => {
                taken.insert(host.clone());
            }
        }
    }
    if !(taken.is_empty() && free.is_empty()) {
        names.unsettle();
    }
    for host in &taken {
        if let Some(uid) = names.own(ctx, host).and_then(|own| own.uid) {
            give_back(ctx, host, &uid).await?;
        }
        held.remove(host);
    }
    if !taken.is_empty() {
        return Ok(Claimed::Taken(taken));
    }
    if !free.is_empty() && held.len() + free.len() > HOST_NAMES {
        return Ok(Claimed::TooMany);
    }
    let mut made = Vec::new();
    for host in free {
        if let Some(uid) = take(ctx, host).await? {
            let since = Instant::now();
            made.push((host, uid.clone()));
            held.insert(host.clone(), Held { uid, since });
            continue;
        }
        for (made, uid) in made {
            give_back(ctx, made, &uid).await?;
            held.remove(made);
        }
        held.remove(host);
        return Ok(Claimed::Taken([host.clone()].into()));
    }
    Ok(Claimed::All)
}

/// Gives back every name that no Ingress and no route of the tenant serves, on either side. What has the key `waiting`
/// serves nothing: it does not get all of its names.
///
/// # Errors
/// Failed calls to the host, and [`Error::NotProven`].
pub async fn release(ctx: &Context, waiting: Option<&Key>) -> Result<()> {
    if !ctx.ingresses().is_ready() || !route::all_are_known(ctx) {
        return Ok(());
    }
    let mut held = ctx.host_names.held.lock().await;
    if !ctx.host_names.unsettled.load(Ordering::Relaxed) {
        return Ok(());
    }
    let held_uids = held.iter().map(|(host, held)| (host.clone(), held.uid.clone()));
    let mut unused: BTreeMap<ServedHost, String> = held_uids.collect();
    ctx.host_names.claims.visit(
        |_| true,
        |claim| {
            if meta::belongs(&ctx.cluster, &claim.metadata)
                && let Some(host) = ServedHost::of_claim(&claim.name_any())
            {
                unused.insert(host, claim.uid().unwrap_or_default());
            }
        },
    );
    let keep =
        |unused: &mut BTreeMap<_, _>, served: &BTreeSet<_>| unused.retain(|host, _| !served.contains(host));
    keep(&mut unused, &ingress::wanted(ctx, waiting));
    keep(&mut unused, &route::wanted(ctx, waiting));
    if unused.is_empty() {
        ctx.host_names
            .unsettled
            .store(waiting.is_some(), Ordering::Relaxed);
        return Ok(());
    }
    keep(&mut unused, &ingress::on_host(ctx));
    keep(&mut unused, &route::on_host(ctx));
    if unused.is_empty() {
        return Ok(());
    }
    // Past the watch: what this process has just written may not show in it.
    keep(&mut unused, &read_on_host(ctx).await?);
    keep(&mut unused, &route::read_on_host(ctx).await?);
    if unused.is_empty() {
        return Ok(());
    }
    ctx.identity.prove().await?;
    for (host, uid) in unused {
        give_back(ctx, &host, &uid).await?;
        held.remove(&host);
    }
    Ok(())
}

/// Makes the claim, or finds that it is there. Returns its UID; `None` when another cluster was before.
async fn take(ctx: &Context, host: &ServedHost) -> Result<Option<String>> {
    let api: Api<HostNameClaim> = Api::all(ctx.host_client.client());
    let name = host.claim_name();
    let shown = ctx.host_names.own(ctx, host).is_some();
    let there = if shown { read(&api, &name).await? } else { None };
    let own = match there {
        Some(there) => there,
        None => match act::create(&api, &object(ctx, host)).await {
            Ok(created) => {
                ctx.wrote();
                created.metadata
            }
            Err(error) if error.is_conflict() => read(&api, &name).await?.ok_or(Error::Stale)?,
            Err(error) => return Err(error.into()),
        },
    };
    if !meta::belongs(&ctx.cluster, &own) {
        return Ok(None);
    }
    let uid = own.uid.clone().unwrap_or_default();
    let meeting = meeting(&api, host).await?;
    if meeting
        .iter()
        .any(|other| is_before(ctx, host, other, Some(&own)))
    {
        give_back(ctx, host, &uid).await?;
        return Ok(None);
    }
    Ok(Some(uid))
}

/// Whether `other` is another cluster's claim that meets `host` and was stored before `own`, if there is an own one.
///
/// The host's apiserver counts versions up, so they tell the order in which it stored what nobody changes. Times do not:
/// they have seconds, and each apiserver its own clock.
fn is_before(ctx: &Context, host: &ServedHost, other: &ObjectMeta, own: Option<&ObjectMeta>) -> bool {
    let meets = || {
        let other = other.name.as_deref().and_then(ServedHost::of_claim);
        other.is_some_and(|other| other.meets(host))
    };
    let version = |claim: &ObjectMeta| claim.resource_version.as_ref()?.parse::<u64>().ok();
    let earlier = |own: &ObjectMeta| match (version(other), version(own)) {
        (Some(other), Some(own)) => other < own,
        _ => true,
    };
    !meta::belongs(&ctx.cluster, other) && meets() && own.is_none_or(earlier)
}

/// What the host has that may meet `host`, as of now.
async fn meeting(api: &Api<HostNameClaim>, host: &ServedHost) -> Result<Vec<ObjectMeta>> {
    if let ServedHost::Below(_) = host {
        let all = ListParams::default();
        let all = act::call("list HostNameClaims", api.list_metadata(&all)).await?;
        return Ok(all.items.into_iter().map(|claim| claim.metadata).collect());
    }
    let mut found = Vec::new();
    for parent in host.parents() {
        found.extend(read(api, &parent.claim_name()).await?);
    }
    Ok(found)
}

async fn read(api: &Api<HostNameClaim>, name: &str) -> Result<Option<ObjectMeta>> {
    let read = act::call(format!("read HostNameClaim {name}"), api.get_metadata_opt(name)).await?;
    Ok(read.map(|claim| claim.metadata))
}

/// What the host's Ingresses of this cluster serve, as of now.
async fn read_on_host(ctx: &Context) -> Result<BTreeSet<ServedHost>> {
    let own = ListParams::default().labels(&format!("{}={}", keys::CLUSTER, ctx.cluster.id));
    let api = ctx.host_api::<Ingress>();
    let there = act::call("list Ingresses on the host", api.list(&own)).await?;
    Ok(there.items.iter().flat_map(translate::hosts).collect())
}

async fn give_back(ctx: &Context, host: &ServedHost, uid: &str) -> Result<()> {
    let api: Api<HostNameClaim> = Api::all(ctx.host_client.client());
    tracing::info!(%host, "giving the host name back");
    act::delete(&api, &host.claim_name(), uid, None).await?;
    ctx.wrote();
    Ok(())
}

fn object(ctx: &Context, host: &ServedHost) -> HostNameClaim {
    let spec = HostNameClaimSpec {
        host_name: host.to_string(),
        cluster_id: ctx.cluster.id.to_string(),
        virtual_cluster: ctx.host_names.virtual_cluster.clone(),
    };
    let mut claim = HostNameClaim::new(&host.claim_name(), spec);
    let labels = [
        (keys::CLUSTER, ctx.cluster.id.as_str()),
        (keys::MANAGED_BY, keys::MANAGED_BY_WARREN),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    claim.metadata.labels = Some(labels.into());
    claim
}
