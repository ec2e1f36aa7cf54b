//! HTTPRoutes and TLSRoutes: down once every host name is claimed, what the host's controllers say of each Gateway up; their
//! host names are given back after them.

use std::collections::BTreeSet;

use kube::api::{DynamicObject, ListParams};
use warren_crds::gateways::{HTTP_ROUTES, TLS_ROUTES};
use warren_crds::keys;
use warren_crds::served_host::ServedHost;
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::custom::{Sides, host_name};
use warren_translate::kinds::gateway::Offered;
use warren_translate::kinds::route::{self, Gateways, Verdict};
use warren_translate::mirrored::is_mirrored;
use warren_translate::{Denied, Translated, meta};

use super::content::in_host;
use super::custom;
use super::down::STANDS_STILL;
use crate::context::Context;
use crate::error::Result;
use crate::host_names::{self, Refusal};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::customs::CustomStores;
use crate::verified::LAG;

/// One route, with what both sides have of it.
struct Sight<'a> {
    ctx: &'a Context,
    key: &'a Key,
    stores: &'a CustomStores,
    gateways: Gateways,
    host: Option<&'a DynamicObject>,
}

/// One round.
///
/// # Errors
/// Failed calls to either cluster, what bringing it down and [`host_names::ask`] return, and translation.
pub(super) async fn round(ctx: &Context, key: &Key, stores: &CustomStores) -> Result<Round> {
    let Some(gateways) = gateways(ctx).filter(|_| stores.is_ready() && is_known(ctx)) else {
        // Nothing may be taken for absent.
        return Ok(Round::done(State::Failed(STANDS_STILL.to_owned())));
    };
    let name = host_name(&ctx.cluster, &stores.custom, &key.tenant);
    let host = stores.host.get(&in_host(&ctx.cluster, &name));
    let sight = Sight {
        ctx,
        key,
        stores,
        gateways,
        host: host.as_deref(),
    };
    // Of a definition that the tenant made itself nothing is the host's business.
    let offered = ctx.customs.is_offered(&stores.custom.definition);
    let Some(tenant) = stores.tenant.get(&key.in_tenant()).filter(|_| offered) else {
        ctx.teller.forget(key);
        sight.withdraw().await?;
        return Ok(Round::done(State::Absent));
    };
    sight.of(&tenant).await
}

impl Sight<'_> {
    async fn of(&self, tenant: &DynamicObject) -> Result<Round> {
        let verdict = judge(self.ctx, self.stores, &self.gateways, tenant)?;
        let (failed, serving) = match verdict {
            Verdict::Tenants => {
                self.withdraw().await?;
                self.report(tenant, None, false).await?;
                return Ok(Round::done(State::Unneeded));
            }
            Verdict::Denied(denied) => {
                let note = denied.to_string();
                self.warn(tenant, Denied::REASON, &note);
                self.withdraw().await?;
                (note, None)
            }
            Verdict::Down(translated) => {
                let Translated { object, notes } = *translated;
                let Some(note) = self.claim(tenant, object.hosts.clone()).await? else {
                    for note in notes {
                        self.warn(tenant, note.reason, &note.to_string());
                    }
                    return self.serve(tenant, object).await;
                };
                (note, self.serving(tenant))
            }
        };
        self.report(tenant, serving, false).await?;
        Ok(Round::done(State::Failed(failed)))
    }

    /// Claims the names. When it does not get them, it says why; what the host has of this route stays only if it serves
    /// nothing but names that the tenant asks for and has.
    async fn claim(&self, tenant: &DynamicObject, hosts: BTreeSet<ServedHost>) -> Result<Option<String>> {
        let Some(Refusal { reason, note, kept }) = host_names::ask(self.ctx, hosts).await? else {
            return Ok(None);
        };
        self.warn(tenant, reason, &note);
        if self
            .host
            .is_some_and(|host| !route::hosts_on_host(&host.data).is_subset(&kept))
        {
            self.withdraw().await?;
        }
        host_names::release(self.ctx, Some(self.key)).await?;
        Ok(Some(note))
    }

    /// Every name is this cluster's: the host gets the object, the tenant its status.
    async fn serve(&self, tenant: &DynamicObject, wanted: route::Route) -> Result<Round> {
        let route::Route { object, hosts } = wanted;
        let (ctx, key) = (self.ctx, self.key);
        let kept = custom::keep(ctx, key, self.stores, (tenant, object), self.host).await?;
        let Some(is_current) = kept else {
            return Ok(Round::again(State::Ready, LAG));
        };
        self.report(tenant, self.serving(tenant), is_current).await?;
        if self
            .host
            .is_none_or(|host| route::hosts_on_host(&host.data) != hosts)
        {
            ctx.host_names.unsettle();
        }
        host_names::release(ctx, None).await?;
        Ok(Round::done(State::Ready))
    }

    /// Takes it off the host.
    async fn withdraw(&self) -> Result<()> {
        let (ctx, key) = (self.ctx, self.key);
        ctx.host_names.unsettle();
        ctx.verified.forget(key);
        let own = self
            .host
            .filter(|host| meta::belongs(&ctx.cluster, &host.metadata));
        if let Some(own) = own {
            custom::delete(ctx, key, &custom::host_api(ctx, self.stores), own).await?;
        }
        host_names::release(ctx, None).await
    }

    /// The host's object, while it is this cluster's and of this very route.
    fn serving(&self, tenant: &DynamicObject) -> Option<&DynamicObject> {
        self.host.filter(|host| {
            let origin = meta::origin(&host.metadata);
            meta::belongs(&self.ctx.cluster, &host.metadata)
                && origin.is_some_and(|origin| tenant.metadata.uid.as_deref() == Some(origin.uid.as_str()))
        })
    }

    async fn report(
        &self,
        tenant: &DynamicObject,
        host: Option<&DynamicObject>,
        is_current: bool,
    ) -> Result<()> {
        let (cluster, custom) = (&self.ctx.cluster, &self.stores.custom);
        let of_tenant = (&tenant.metadata, &tenant.data);
        let sides = host.map(|host| Sides {
            tenant: of_tenant,
            host: (&host.metadata, &host.data),
            is_current,
        });
        let patch = route::status_changes(cluster, custom, &self.gateways, of_tenant, sides.as_ref())?;
        if let Some(patch) = patch {
            custom::write_status(self.ctx, self.key, self.stores, &patch).await?;
        }
        Ok(())
    }

    fn warn(&self, tenant: &DynamicObject, reason: &'static str, note: &str) {
        self.ctx
            .teller
            .warn(self.key, custom::about(tenant), reason, note);
    }
}

/// The Gateways that routes may mean. `None` while they are not known.
fn gateways(ctx: &Context) -> Option<Gateways> {
    let offers = ctx.policy.gateways.iter();
    let Some(stores) = ctx.customs.gateways() else {
        // The host serves none: what is on offer has no listeners.
        let offered = offers.map(|offer| Offered::new(offer, None)).collect();
        return Some(Gateways {
            offered,
            own: BTreeSet::new(),
        });
    };
    if !stores.is_ready() {
        return None;
    }
    let offered = offers.map(|offer| {
        let at = ObjectKey::new(offer.namespace.as_str(), offer.name.as_str());
        let host = stores.host.get(&at);
        Offered::new(offer, host.as_deref().map(|host| &host.data))
    });
    let own = stores.tenant.all().into_iter();
    let own = own.filter(|gateway| !is_mirrored(&gateway.metadata));
    let own = own.filter_map(|gateway| TenantKey::of(&gateway.metadata).ok());
    Some(Gateways {
        offered: offered.collect(),
        own: own.collect(),
    })
}

/// Whether claims can be made, and which definitions came from the host.
fn is_known(ctx: &Context) -> bool {
    ctx.host_names.claims.is_ready() && ctx.customs.tenant_definitions.is_ready()
}

fn judge(
    ctx: &Context,
    stores: &CustomStores,
    gateways: &Gateways,
    tenant: &DynamicObject,
) -> warren_translate::Result<Verdict> {
    let object = (&tenant.metadata, &tenant.data);
    route::down(&ctx.cluster, &ctx.policy, &stores.custom, gateways, object)
}

/// Whether all is known of the routes that may serve a host name: before, no name may be given back. Routes of a class that
/// offers no Gateways any more count until the last is off the host.
pub(crate) fn all_are_known(ctx: &Context) -> bool {
    let definitions = &ctx.customs.tenant_definitions;
    let is_left = |definition: &str| {
        let at = ObjectKey::new("", definition);
        !ctx.customs.kinds.contains_key(definition) && definitions.get(&at).is_some()
    };
    definitions.is_ready()
        && ![HTTP_ROUTES, TLS_ROUTES].into_iter().any(is_left)
        && gateways(ctx).is_some()
        && ctx.customs.routes().all(CustomStores::is_ready)
}

/// The host names that the tenant's routes are to serve on the host, without those of `except`.
pub(crate) fn wanted(ctx: &Context, except: Option<&Key>) -> BTreeSet<ServedHost> {
    let Some(gateways) = gateways(ctx) else {
        return BTreeSet::new();
    };
    let mut hosts = BTreeSet::new();
    let offered = |stores: &&CustomStores| ctx.customs.is_offered(&stores.custom.definition);
    for stores in ctx.customs.routes().filter(offered) {
        for tenant in stores.tenant.all() {
            let key = TenantKey::of(&tenant.metadata);
            let key = key.map(|key| Key::custom(&stores.custom.definition, key));
            let is_excepted = key.is_ok_and(|key| Some(&key) == except);
            if let (false, Ok(Verdict::Down(down))) = (is_excepted, judge(ctx, stores, &gateways, &tenant)) {
                hosts.extend(down.object.hosts);
            }
        }
    }
    hosts
}

/// The host names that the host's routes of this cluster serve.
pub(crate) fn on_host(ctx: &Context) -> BTreeSet<ServedHost> {
    let routes = ctx.customs.routes().flat_map(|stores| stores.host.all());
    let own = routes.filter(|host| meta::belongs(&ctx.cluster, &host.metadata));
    own.flat_map(|host| route::hosts_on_host(&host.data)).collect()
}

/// As [`on_host`], as of now: past the watch.
///
/// # Errors
/// Failed calls to the host.
pub(crate) async fn read_on_host(ctx: &Context) -> Result<BTreeSet<ServedHost>> {
    let own = ListParams::default().labels(&format!("{}={}", keys::CLUSTER, ctx.cluster.id));
    let mut hosts = BTreeSet::new();
    for stores in ctx.customs.routes() {
        let what = format!("list {} on the host", stores.custom.plural());
        let there = act::call(what, custom::host_api(ctx, stores).list(&own)).await?;
        hosts.extend(
            there
                .items
                .iter()
                .flat_map(|host| route::hosts_on_host(&host.data)),
        );
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests;
