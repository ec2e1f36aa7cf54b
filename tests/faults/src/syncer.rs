//! The real syncer, with the flags that the operator gives it.

use anyhow::{Context as _, Result};
use warren_crds::sync::SyncSpec;

use crate::agent::{Agent, Common, DNS_ADDRESS, write};
use crate::control_plane::free_ports;
use crate::dependencies::Dependencies;
use crate::pki::{Authority, LOOPBACK, write_leaf};

/// Environment variable with the path of the syncer's program; `cargo xtask test` sets it.
pub const PROGRAM: &str = "WARREN_SYNCER";
/// What `default/kubernetes` gets in the tenant. As [`DNS_ADDRESS`] among the first addresses of the range.
pub const API_ADDRESS: &str = "10.96.0.21";
/// Host namespace of the VirtualCluster: where Services are exported.
pub const OWNER: &str = "team-a";
/// The syncer of a cluster that shares `sync` with its host, and who asks it as the vkubelet does.
///
/// # Errors
/// When the program is not named, or a file cannot be written.
pub fn syncer(common: &Common<'_>, sync: &SyncSpec) -> Result<(Agent, Dependencies)> {
    let [grpc] = free_ports()?;
    let authority = Authority::new("internal")?;
    let tls = common.directory.join("grpc");
    write_leaf(&tls, &authority.server("syncer", LOOPBACK)?)?;
    let mut flags = vec![
        format!("--virtual-cluster={OWNER}/faults"),
        format!("--grpc-tls={}", tls.display()),
        format!("--grpc-port={grpc}"),
        format!("--api-service-ip={API_ADDRESS}"),
        format!("--dns-service-ip={DNS_ADDRESS}"),
    ];
    if !sync.is_empty() {
        let text = serde_json::to_string(sync).context("failed to write what is shared")?;
        let path = write(common.directory, "sync.yaml", &text)?;
        flags.extend([format!("--sync={path}"), "--export".to_owned()]);
    }
    let client = authority.client("vkubelet")?;
    let dependencies = Dependencies::new(grpc, &client)?;
    Ok((Agent::new("syncer", PROGRAM, common, flags)?, dependencies))
}
