//! The real vkubelet, with the flags that the operator gives it, and those whom it asks.

use anyhow::Result;

use crate::agent::{Agent, Common, DNS_ADDRESS, write};
use crate::control_plane::free_ports;
use crate::pki::{Authority, LOOPBACK, write_leaf};
use crate::servers::Servers;

/// Environment variable with the path of the vkubelet's program; `cargo xtask test` sets it.
pub const PROGRAM: &str = "WARREN_VKUBELET";

/// The vkubelet, with an operator and a syncer for it.
///
/// # Errors
/// When the program is not named, or a file or a server cannot be made.
pub fn vkubelet(common: &Common<'_>) -> Result<(Agent, Servers)> {
    let [gate, syncer, operator] = free_ports()?;
    let authority = Authority::new("internal")?;
    let servers = Servers::start(&authority.server("server", LOOPBACK)?, syncer, operator)?;
    let directory = |name: &str| common.directory.join(name);
    for (name, leaf) in [
        ("gate", authority.server("gate", LOOPBACK)?),
        ("syncer", authority.client("vkubelet")?),
        ("operator", authority.client("vkubelet")?),
        // Nobody calls the kubelet API here.
        ("kubelet-serving", authority.own()),
    ] {
        write_leaf(&directory(name), &leaf)?;
    }
    let ca = write(common.directory, "ca.crt", &authority.own().certificate)?;
    let flag = |flag: &str, name: &str| format!("--{flag}={}", directory(name).display());
    let flags = vec![
        flag("gate-tls", "gate"),
        format!("--gate-port={gate}"),
        format!("--kubelet-client-ca={ca}"),
        format!("--front-proxy-ca={ca}"),
        flag("kubelet-serving-ca", "kubelet-serving"),
        format!("--syncer=https://{LOOPBACK}:{syncer}"),
        flag("syncer-tls", "syncer"),
        format!("--operator=https://{LOOPBACK}:{operator}"),
        flag("operator-tls", "operator"),
        format!("--dns-service-ip={DNS_ADDRESS}"),
        "--service-cidr=10.96.0.0/16".to_owned(),
    ];
    Ok((Agent::new("vkubelet", PROGRAM, common, flags)?, servers))
}
