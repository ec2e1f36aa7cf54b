//! nginx from Debian's package, laid out as upstream's image is.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    super::{libraries::shared_libraries, spec::Image},
    Base,
};
use crate::{
    command::{command, output},
    state::create_dir,
};

/// Where Debian's package has the program.
const PROGRAM: &str = "usr/sbin/nginx";
const NOBODY: u32 = 65534;
/// What upstream's image does: logs to the container's, pages where specs move them away to make the probe fail.
const CONFIGURATION: &str = "\
user nobody nogroup;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  types { text/html html; text/plain txt; }
  default_type application/octet-stream;
  access_log /dev/stdout;
  server {
    listen 80;
    server_name localhost;
    location / { root /usr/share/nginx/html; index index.html; }
  }
}
";
const PAGE: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n\
                    <body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n";

pub(super) async fn nginx(base: &Base) -> Result<Image> {
    let program = unpacked("nginx").await?.join(PROGRAM);
    ensure!(
        program.exists(),
        "Debian's package nginx has no {PROGRAM} any more"
    );
    let mut layer = shared_libraries(&[&program]).await?;
    layer
        .entries
        .retain(|entry| !base.shell.entries.iter().any(|below| below.path == entry.path));
    let layer = layer
        .program(PROGRAM, &program)?
        .directory("etc/nginx", 0o755)
        .text("etc/nginx/nginx.conf", CONFIGURATION)
        .text("usr/share/nginx/html/index.html", PAGE)
        .directory("run", 0o755)
        .directory("var/log/nginx", 0o755)
        .owned_directory("var/lib/nginx", 0o755, NOBODY);
    let mut image = base.image();
    image.layers.push(layer);
    image.cmd = vec!["nginx".to_owned(), "-g".to_owned(), "daemon off;".to_owned()];
    Ok(image)
}

/// A Debian package's files, in the cache. Not installed: the package would start a server on this machine.
async fn unpacked(package: &str) -> Result<PathBuf> {
    let cache = crate::binaries::cache_dir()?.join("packages");
    create_dir(&cache)?;
    let target = cache.join(package);
    if target.exists() {
        return Ok(target);
    }
    let staging = tempfile::tempdir_in(&cache).context("failed to make a directory in the cache")?;
    let advice = || format!("failed to fetch Debian's package {package}: `apt-get update` may help");
    if download(package, staging.path()).await.is_err() {
        output(command("apt-get").args(["update", "-qq"]))
            .await
            .with_context(advice)?;
        download(package, staging.path()).await.with_context(advice)?;
    }
    let archive = fs::read_dir(staging.path())
        .context("failed to read the cache")?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .with_context(advice)?;
    let files = staging.path().join("files");
    output(command("dpkg-deb").arg("--extract").arg(&archive).arg(&files))
        .await
        .with_context(|| format!("failed to unpack {}", archive.display()))?;
    fs::rename(&files, &target)
        .with_context(|| format!("failed to put the package {package} in the cache"))?;
    Ok(target)
}

async fn download(package: &str, into: &Path) -> Result<()> {
    let mut apt = command("apt-get");
    apt.args(["download", "-qq", package]).current_dir(into);
    output(&mut apt).await.map(drop)
}
