//! What is shared with the host by name, as areas: the rights to it and its definitions come and go with the spec and the
//! class, so each part stands still alone.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Service;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::mapping;
use warren_translate::mirrored::is_mirrored;

use super::area::{Area, Parts, Sides};
use super::customs::{CustomStores, Customs};
use super::exports::Exports;
use super::mapped::Sources;
use crate::context::Context;
use crate::key::{Key, Kind};
use crate::kinds::mapped::{self, ComesUp};

/// Each of them. What nothing is mapped or registered for is read as it is.
pub fn areas(ctx: &Context) -> Vec<Area<'_>> {
    let contents = [
        Area::late(
            Kind::MappedConfigMap,
            Contents {
                ctx,
                sources: &ctx.mapped.config_maps,
            },
        ),
        Area::late(
            Kind::MappedSecret,
            Contents {
                ctx,
                sources: &ctx.mapped.secrets,
            },
        ),
        Area::late(Kind::ImportedService, Services(ctx)),
        Area::late(Kind::ExportedService, &ctx.exports),
        // Read in any case, and of which host names are left depends on it.
        Area::new(Kind::Definition, &ctx.customs),
    ];
    let kinds = ctx.customs.kinds.iter();
    let kinds = kinds.map(|(definition, stores)| Area::late(Kind::Custom, stores).named(definition));
    contents.into_iter().chain(kinds).collect()
}

/// Everything that comes from the host by name, or should: also what an earlier registration or mapping left.
#[cfg(test)]
pub(crate) fn keys(ctx: &Context) -> BTreeSet<Key> {
    ctx.verified.forget(&Key::shared_policy());
    let areas = areas(ctx).into_iter();
    areas.flat_map(|area| area.keys(&ctx.cluster)).collect()
}

/// The mapped ConfigMaps or Secrets.
struct Contents<'a, K> {
    ctx: &'a Context,
    sources: &'a Sources<K>,
}

impl<K: ComesUp> Parts for Contents<'_, K> {
    fn is_read(&self) -> Sides<bool> {
        Sides {
            tenant: self.sources.maps().is_empty() || self.ctx.mapped.namespaces.is_ready(),
            host: self.sources.stores().all(Store::is_ready),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        async {
            self.sources.wait_until_ready().await;
            if !self.sources.maps().is_empty() {
                self.ctx.mapped.namespaces.wait_until_ready().await;
            }
        }
        .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        Sides {
            tenant: self.ctx.mapped.namespaces.trouble(),
            host: first(self.sources.stores()),
        }
    }

    fn keys(&self, _cluster: &Cluster, kind: Kind) -> BTreeSet<Key> {
        let mirrored = mapped::mirrored::<K>(self.ctx).into_iter();
        let targets = self.sources.targets().into_iter();
        let keys = targets.map(|target| Key::new(kind, target));
        keys.chain(mirrored.map(|stored| of(kind, stored))).collect()
    }
}

/// The mapped Services.
struct Services<'a>(&'a Context);

impl Parts for Services<'_> {
    fn is_read(&self) -> Sides<bool> {
        let mapped = &self.0.mapped;
        Sides {
            tenant: mapped.services.maps.is_empty() || mapped.namespaces.is_ready(),
            host: mapped.services.is_ready(),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        async {
            let mapped = &self.0.mapped;
            mapped.services.wait_until_ready().await;
            if !mapped.services.maps.is_empty() {
                mapped.namespaces.wait_until_ready().await;
            }
        }
        .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        Sides {
            tenant: self.0.mapped.namespaces.trouble(),
            host: first(self.0.mapped.services.by_namespace.values()),
        }
    }

    fn keys(&self, _cluster: &Cluster, kind: Kind) -> BTreeSet<Key> {
        let services = &self.0.tenant.services;
        let mirrored = services.filter(|service: &std::sync::Arc<Service>| is_mirrored(&service.metadata));
        let mirrored = mirrored.iter().map(|service| of(kind, ObjectKey::of(&**service)));
        let targets = self.0.mapped.services.maps.iter().map(mapping::service_target);
        let keys = targets.map(|target| Key::new(kind, target)).chain(mirrored);
        keys.chain([Key::shared_policy()]).collect()
    }
}

/// The exported Services. Without the class's leave there are none, and they are not read.
impl Parts for &Exports {
    fn is_read(&self) -> Sides<bool> {
        Sides {
            tenant: true,
            // By its full name: `self.is_ready()` is this trait's, which asks this function.
            host: self.place.is_none() || Exports::is_ready(self),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        async {
            if self.place.is_some() {
                self.wait_until_ready().await;
            }
        }
        .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        let slices = || first([&self.slices, &self.sources]);
        Sides {
            tenant: None,
            host: self.services.trouble().or_else(slices),
        }
    }

    fn keys(&self, _cluster: &Cluster, _kind: Kind) -> BTreeSet<Key> {
        Exports::keys(self)
            .into_iter()
            .chain([Key::shared_policy()])
            .collect()
    }
}

/// The definitions that came from the host.
impl Parts for &Customs {
    fn is_read(&self) -> Sides<bool> {
        Sides {
            tenant: self.tenant_definitions.is_ready(),
            host: true,
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        self.tenant_definitions.wait_until_ready().boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        Sides {
            tenant: self.tenant_definitions.trouble(),
            host: None,
        }
    }

    fn keys(&self, _cluster: &Cluster, _kind: Kind) -> BTreeSet<Key> {
        self.definition_keys()
    }
}

/// A registered kind. Of one that the host does not serve there is only the definition to look for.
impl Parts for &CustomStores {
    fn is_read(&self) -> Sides<bool> {
        let unserved = !self.is_served();
        Sides {
            tenant: unserved || self.tenant.is_ready(),
            host: self.definition.is_ready() && (unserved || self.host.is_ready()),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        async {
            self.definition.wait_until_ready().await;
            if !self.is_served() {
                return;
            }
            self.tenant.wait_until_ready().await;
            self.host.wait_until_ready().await;
        }
        .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        Sides {
            tenant: self.tenant.trouble(),
            host: self.definition.trouble().or_else(|| self.host.trouble()),
        }
    }

    fn keys(&self, _cluster: &Cluster, _kind: Kind) -> BTreeSet<Key> {
        CustomStores::keys(self)
    }
}

fn of(kind: Kind, stored: ObjectKey) -> Key {
    Key::new(kind, TenantKey::new(stored.namespace, stored.name))
}

/// The first trouble that one of them is in.
fn first<'a, K: Stored + 'a>(stores: impl IntoIterator<Item = &'a Store<K>>) -> Option<&'static str> {
    stores.into_iter().find_map(Store::trouble)
}

#[cfg(test)]
mod tests;
