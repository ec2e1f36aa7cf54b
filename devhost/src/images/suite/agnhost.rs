//! agnhost as upstream packs it, and the images that are agnhost with something to serve.
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{
    super::spec::{Image, Layer},
    Base, program_layer,
};
use crate::binaries::{Binaries, Component, module_sources};

/// Users and groups that specs expect in the image; the rest as in every image here.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n\
                      user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\nuser-defined-in-image:x:1000:\n\
                     group-defined-in-image:x:50000:user-defined-in-image\n";

/// What upstream builds on: a spec of image volumes looks for the name.
const OS_RELEASE: &str = "NAME=\"Alpine Linux\"\nID=alpine\n";

pub(super) async fn agnhost(base: &Base, binaries: &Binaries) -> Result<Image> {
    let mut image = base.image();
    let sources = images_directory().await?;
    let users = Layer::default()
        .text("etc/passwd", PASSWD)
        .text("etc/group", GROUP)
        .text("etc/os-release", OS_RELEASE)
        .owned_directory("home/user-defined-in-image", 0o755, 1000)
        .directory("uploads", 0o755);
    let porter = sources.join("agnhost/porter");
    let certificate = ["localhost.crt", "localhost.key"]
        .into_iter()
        .try_fold(users, |layer, name| layer.program(name, &porter.join(name)))?;
    let program = program_layer(binaries, Component::Agnhost, "agnhost")?.link("agnhost-2", "agnhost");
    image.layers.extend([
        base.tools.clone(),
        base.bash.clone(),
        program_layer(binaries, Component::Coredns, "coredns")?,
        certificate,
        program,
    ]);
    image.entrypoint = vec!["/agnhost".to_owned()];
    image.cmd = vec!["pause".to_owned()];
    Ok(image)
}

/// agnhost that serves a picture and a description of it.
pub(super) async fn with_page(base: &Base, binaries: &Binaries, name: &str) -> Result<Image> {
    let mut image = agnhost(base, binaries).await?;
    let sources = images_directory().await?.join(name).join("html");
    let picture = format!("{name}.jpg");
    let layer = Layer::default()
        .program(&picture, &sources.join(&picture))?
        .program("data.json", &sources.join("data.json"))?;
    image.layers.push(layer);
    image.cmd = vec!["test-webserver".to_owned()];
    Ok(image)
}

/// glibc's name look-ups, dig, and a CoreDNS to ask.
pub(super) fn dns_testing(base: &Base, binaries: &Binaries) -> Result<Image> {
    let mut image = base.image();
    image.layers.extend([
        base.tools.clone(),
        base.bash.clone(),
        program_layer(binaries, Component::Coredns, "coredns")?,
    ]);
    image.cmd = vec!["bash".to_owned()];
    Ok(image)
}

/// `test/images` of the Kubernetes that the suite is built from.
async fn images_directory() -> Result<PathBuf> {
    let kubernetes = module_sources("conformance", "k8s.io/kubernetes").await;
    Ok(kubernetes
        .context("failed to find the sources of the suite's images")?
        .join("test/images"))
}
