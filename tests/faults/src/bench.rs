//! Two control planes, a proxy in front of each, and one of the agents between them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use warren_crds::keys;
use warren_crds::sync::SyncSpec;

use crate::agent::{Agent, Common, SYSTEM};
use crate::api::Api;
use crate::call::Side;
use crate::control::Control;
use crate::control_plane::ControlPlane;
use crate::dependencies::Dependencies;
use crate::proxy::Proxy;
use crate::servers::Servers;
use crate::world::World;
use crate::{syncer, vkubelet};

mod furnish;
mod reset;

/// The tenant's namespace.
pub const TEAM: &str = "team";
/// A host namespace that is not this cluster's.
pub const OTHERS: &str = "others";
/// How long both sides may take to become as they should be.
const SETTLED: Duration = Duration::from_secs(40);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(120);
/// A look costs a list of everything: it waits until nothing was written for so long.
const PAUSE: Duration = Duration::from_millis(50);

/// Everything that a sweep needs.
#[derive(Debug)]
pub struct Bench {
    /// The tenant's apiserver, past the proxy.
    pub tenant: Api,
    /// The host's apiserver, past the proxy.
    pub host: Api,
    /// What the proxies are told.
    pub control: Control,
    /// The syncer, or the vkubelet.
    pub agent: Agent,
    /// In front of the tenant's apiserver.
    pub tenant_proxy: Proxy,
    /// In front of the host's apiserver.
    pub host_proxy: Proxy,
    /// Who asks the syncer.
    dependencies: Option<Dependencies>,
    /// Whom the vkubelet asks.
    _servers: Option<Servers>,
    _planes: [ControlPlane; 2],
}

/// What an agent comes with.
struct Cast {
    agent: Agent,
    dependencies: Option<Dependencies>,
    servers: Option<Servers>,
}

impl Bench {
    /// Starts the control planes for the syncer of a cluster that shares `sync` with its host; the syncer not yet.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn of_syncer(sync: &SyncSpec) -> Result<Self> {
        let bench = Self::start("syncer", keys::SYNCER_USER, |common| {
            let (agent, dependencies) = syncer::syncer(common, sync)?;
            Ok(Cast {
                agent,
                dependencies: Some(dependencies),
                servers: None,
            })
        })
        .await?;
        tokio::try_join!(bench.furnish_host_for_syncer(), bench.furnish_tenant(sync))?;
        Ok(bench)
    }

    /// As [`Self::of_syncer`], for the vkubelet, which is told by the operator of one node, and by a syncer that everything
    /// is there.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn of_vkubelet() -> Result<Self> {
        let bench = Self::start("vkubelet", keys::VKUBELET_USER, |common| {
            let (agent, servers) = vkubelet::vkubelet(common)?;
            Ok(Cast {
                agent,
                dependencies: None,
                servers: Some(servers),
            })
        })
        .await?;
        let nothing = SyncSpec::default();
        tokio::try_join!(bench.furnish_host_for_vkubelet(), bench.furnish_tenant(&nothing))?;
        Ok(bench)
    }

    async fn start(
        account: &str,
        user: &str,
        cast: impl FnOnce(&Common<'_>) -> Result<Cast>,
    ) -> Result<Self> {
        // Another part of the program may have installed it; either is the same ring.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (host, tenant) = tokio::try_join!(ControlPlane::start(), ControlPlane::start())?;
        let (mut host, mut tenant) = (host, tenant);
        let (host_client, tenant_client) = tokio::try_join!(host.ready(), tenant.ready())?;
        let control = Control::default();
        let account = format!("system:serviceaccount:{SYSTEM}:{account}");
        let host_proxy = Proxy::start(Side::Host, host_client.clone(), &account, control.clone()).await?;
        let tenant_proxy = Proxy::start(Side::Tenant, tenant_client.clone(), user, control.clone()).await?;
        let Cast {
            agent,
            dependencies,
            servers,
        } = cast(&Common {
            directory: &tenant.directory().join("agent"),
            host: host_proxy.url(),
            tenant: tenant_proxy.url(),
        })?;
        control.kills(agent.killer());
        Ok(Self {
            tenant: Api::new(tenant_client),
            host: Api::new(host_client),
            control,
            agent,
            tenant_proxy,
            host_proxy,
            dependencies,
            _servers: servers,
            _planes: [host, tenant],
        })
    }

    /// Who asks the syncer.
    ///
    /// # Errors
    /// Of the vkubelet's bench.
    pub fn dependencies(&self) -> Result<&Dependencies> {
        self.dependencies.as_ref().context("there is no syncer")
    }

    /// What both sides have.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn world(&self) -> Result<World> {
        World::read(&self.tenant, &self.host).await
    }

    /// Waits until both sides are as `expected`; starts the agent again whenever it was killed.
    ///
    /// # Errors
    /// When they are not in time, or the agent ends by itself.
    pub async fn becomes(&self, expected: &World) -> Result<()> {
        self.eventually(|| async {
            self.control.quiet(PAUSE, SETTLED).await?;
            let differences = self.world().await?.differences(expected);
            ensure!(differences.is_empty(), "{}", differences.join("\n"));
            Ok(())
        })
        .await
    }

    /// Waits until `look` finds nothing missing; starts the agent again whenever it was killed.
    ///
    /// # Errors
    /// As [`Self::becomes`].
    pub async fn eventually<T, F>(&self, mut look: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let begun = Instant::now();
        loop {
            self.agent.tend()?;
            match look().await {
                Ok(value) => return Ok(value),
                Err(error) if begun.elapsed() > SETTLED => {
                    let seconds = SETTLED.as_secs();
                    bail!(
                        "not within {seconds} s: {error:#}\n--- the agent said last:\n{}",
                        self.agent.tail()
                    )
                }
                Err(_not_yet) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}
