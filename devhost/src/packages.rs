//! Programs from the distribution: found by their files, installed with apt where some are missing.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    command::{command, output},
    process::SYSTEM_PATH,
};

/// Where Debian puts the CNI plugins.
pub const CNI_PLUGINS: &str = "/usr/lib/cni";

/// Libraries that glibc loads by name for look-ups of hosts and users.
pub(crate) const SYSTEM_LIBRARIES: [&str; 3] = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

/// File to look for (a bare name is looked for in the system's `PATH`), and the Debian package that has it.
const NEEDED: [(&str, &str); 16] = [
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("/usr/lib/cni/portmap", "containernetworking-plugins"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("iptables", "iptables"),
    ("conntrack", "conntrack"),
    ("ethtool", "ethtool"),
    ("busybox", "busybox"),
    // In the image of tests.
    ("curl", "curl"),
    ("dig", "bind9-dnsutils"),
    ("nc.openbsd", "netcat-openbsd"),
    ("getent", "libc-bin"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
];

/// Installs what is missing; does nothing (and needs no network) where everything is there.
///
/// # Errors
/// If something is missing and there is no apt, or apt fails.
pub async fn ensure() -> Result<()> {
    ensure_of(&NEEDED).await
}

/// As [`ensure`], for other files: each with the Debian package that has it.
pub(crate) async fn ensure_of(needed: &[(&str, &'static str)]) -> Result<()> {
    let packages = missing(needed);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("missing programs, and there is no apt-get to install them: install what Debian calls {list}");
    }
    eprintln!("installing Debian packages: {list}");
    let apt = |args: &[&str]| {
        let mut apt = command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        apt
    };
    let advice =
        || format!("failed to install packages; try by hand: apt-get update && apt-get install {list}");
    output(&mut apt(&["update", "-qq"])).await.with_context(advice)?;
    let mut install = apt(&["install", "-y", "-qq", "--no-install-recommends"]);
    output(install.args(&packages)).await.with_context(advice)?;
    let still = missing(needed);
    if !still.is_empty() {
        bail!(
            "apt-get installed {list}, but files of these packages are still missing: {}",
            still.join(" ")
        );
    }
    Ok(())
}

fn missing(needed: &[(&str, &'static str)]) -> Vec<&'static str> {
    let mut packages: Vec<&str> = needed
        .iter()
        .filter(|(file, _)| find(file).is_none())
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    packages
}

/// Path of a program of the distribution.
pub fn find(file: &str) -> Option<PathBuf> {
    if file.starts_with('/') {
        return Some(PathBuf::from(file)).filter(|path| path.exists());
    }
    SYSTEM_PATH
        .split(':')
        .map(|dir| Path::new(dir).join(file))
        .find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        assert!(find("sh").is_some());
        assert!(find("/usr/bin/env").is_some());
        assert!(find("no-such-program").is_none());
    }
}
