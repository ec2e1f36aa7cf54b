//! I/O: a complete pass: foundation, keys, everything else; skipped while the last one still holds.

use std::sync::Arc;

use tokio::time::Instant;
use warren_runtime::act;
use warren_runtime::clients::TenantClient;
use warren_runtime::disposition::{Disposed, Disposition};

use super::keyring::{self, Keyring};
use super::memory::Pass;
use super::plan::{self, Addresses, kubeconfig, pki};
use super::validate::ValidatedCluster;
use super::{apply, grants, observe, tenant};
use crate::context::Context;
use crate::limits::REASSERT;

/// Why a pass failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A plan could not be made.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// A plan could not be written.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// Stored keys could not be read.
    #[error(transparent)]
    Observe(#[from] act::Error),
    /// Keys could not be completed.
    #[error(transparent)]
    Keyring(#[from] keyring::Error),
    /// No client for the tenant's API.
    #[error(transparent)]
    Tenant(#[from] tenant::Error),
    /// The host has not given every Service an address.
    #[error("the host has not assigned addresses to the Services yet")]
    NoAddresses,
    /// A root is not in the keyring: a mistake in the plan.
    #[error("a root is missing from the keyring")]
    NoRoot,
}

impl Disposed for Error {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Apply(apply::Error::Call(error)) | Self::Observe(error) => error.disposition(),
            Self::Keyring(keyring::Error::Damaged(_)) | Self::Plan(_) => Disposition::WaitForChange,
            _ => Disposition::Retry,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Apply(apply::Error::Call(error)) | Self::Observe(error) => error.reason(),
            Self::Apply(apply::Error::Exists(_)) => "Conflict",
            Self::Apply(apply::Error::Answer { .. }) | Self::Plan(_) | Self::NoRoot => "Internal",
            Self::Keyring(_) => "KeysUnusable",
            Self::Tenant(_) => "NoTenantClient",
            Self::NoAddresses => "WaitingForAddresses",
        }
    }
}

/// The last pass if it still holds, else a new one. `lost`: see [`Pass::holds`].
///
/// # Errors
/// When something cannot be read or written; what was written stays.
pub async fn current(context: &Context, cluster: ValidatedCluster, lost: bool) -> Result<Pass, Error> {
    let earlier = context.memory.pass(&cluster.uid);
    if let Some(pass) = &earlier
        && pass.holds(&cluster, lost, context.clock.now())
    {
        return Ok(pass.clone());
    }
    let pass = run(context, cluster, earlier.as_ref()).await?;
    context.memory.remember(&pass.cluster.uid, pass.clone());
    Ok(pass)
}

async fn run(context: &Context, cluster: ValidatedCluster, last: Option<&Pass>) -> Result<Pass, Error> {
    let client = context.host.client();
    let foundation = plan::foundation(&cluster, &context.settings)?; // pure
    let applied = apply::apply(&client, foundation).await?; // I/O
    let addresses = observe::addresses(&applied).ok_or(Error::NoAddresses)?; // pure

    let now = context.clock.now();
    let stored = observe::stored_keys(&client, &cluster).await?; // I/O
    let wanted = pki::wanted(&cluster, &addresses); // pure
    let keys = keyring::complete(
        &stored,
        &pki::ROOTS,
        &wanted,
        &context.operator_root,
        &cluster.id,
        now,
    )?;
    for (secret, why) in &keys.issued {
        tracing::info!(cluster = cluster.id, secret, ?why, "certificate issued");
        context.own_metrics.issued(*why);
    }

    let complete = plan::complete(&cluster, &context.settings, &addresses, &keys)?; // pure
    apply::apply(&client, complete).await?; // I/O
    grants::revoke(&client, &cluster.id, &plan::sync::grants(&cluster)).await?; // I/O
    let tenant = tenant_client(context, &keys, &addresses, last).await?;
    let serving = keys.roots.get(pki::CA_KUBELET_SERVING).ok_or(Error::NoRoot)?;
    Ok(Pass {
        endpoint: kubeconfig::endpoint(&cluster, &addresses),
        kubelet_serving_ca: serving.pair.certificate.clone(),
        next_renewal: keys.next_renewal(),
        cluster: Arc::new(cluster),
        addresses,
        tenant: tenant.client,
        tenant_since: tenant.since,
        at: Instant::now(),
        // Asserted again with every pass.
        bootstrapped: false,
    })
}

/// Starts what waited for the first answer of the tenant's API, without the requests of a whole pass.
///
/// # Errors
/// When it cannot be written.
pub async fn start_waiting(context: &Context, pass: &Pass) -> Result<(), Error> {
    if pass.cluster.answered {
        return Ok(());
    }
    let cluster = ValidatedCluster {
        answered: true,
        ..(*pass.cluster).clone()
    };
    let plan = plan::waiting(&cluster, &context.settings)?; // pure
    apply::apply(&context.host.client(), plan).await?; // I/O
    // The next round plans with what the status says by then, which is this.
    context.memory.remember(
        &cluster.uid.clone(),
        Pass {
            cluster: Arc::new(cluster),
            ..pass.clone()
        },
    );
    Ok(())
}

struct Tenant {
    client: TenantClient,
    since: Instant,
}

/// Keeps the client (and its connections) while its certificate lives long enough to see the next pass.
async fn tenant_client(
    context: &Context,
    keys: &Keyring,
    addresses: &Addresses,
    last: Option<&Pass>,
) -> Result<Tenant, Error> {
    let fresh =
        |pass: &&Pass| pass.addresses.api == addresses.api && pass.tenant_since.elapsed() < 2 * REASSERT;
    if let Some(last) = last.filter(fresh) {
        return Ok(Tenant {
            client: last.tenant.clone(),
            since: last.tenant_since,
        });
    }
    let root = keys.roots.get(pki::CA_CLUSTER).ok_or(Error::NoRoot)?;
    let client = tenant::client(&root.pair, addresses, context.clock.now()).await?;
    Ok(Tenant {
        client,
        since: Instant::now(),
    })
}
