//! The images that upstream's conformance specs pull, under the names and tags that the suite prints.
mod agnhost;
mod busybox;
mod nginx;
mod small;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;

use super::{
    Archive,
    base::busybox_layer,
    spec::{Image, Layer},
    tools::{programs_layer, tools_layer},
};
use crate::{
    binaries::{Binaries, Component},
    packages,
};

/// What the images are built from.
pub const COMPONENTS: [Component; 7] = [
    Component::Agnhost,
    Component::Coredns,
    Component::Etcd,
    Component::SampleApiserver,
    Component::ResourceConsumer,
    Component::ConsumeCpu,
    Component::Nonewprivs,
];

/// Where programs of images look for others.
const SEARCH_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One image that can be made here; the tag is the suite's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Agnhost,
    Busybox,
    Etcd,
    GlibcDnsTesting,
    Kitten,
    Nautilus,
    Nginx,
    Nonewprivs,
    Nonroot,
    Pause,
    ResourceConsumer,
    SampleApiserver,
}

/// Repository and kind. Every one of them is pulled by a conformance spec or by the stories about metrics.
const KINDS: [(&str, Kind); 12] = [
    ("registry.k8s.io/e2e-test-images/agnhost", Kind::Agnhost),
    ("registry.k8s.io/e2e-test-images/busybox", Kind::Busybox),
    ("registry.k8s.io/etcd", Kind::Etcd),
    (
        "registry.k8s.io/e2e-test-images/glibc-dns-testing",
        Kind::GlibcDnsTesting,
    ),
    ("registry.k8s.io/e2e-test-images/kitten", Kind::Kitten),
    ("registry.k8s.io/e2e-test-images/nautilus", Kind::Nautilus),
    ("registry.k8s.io/e2e-test-images/nginx", Kind::Nginx),
    ("registry.k8s.io/e2e-test-images/nonewprivs", Kind::Nonewprivs),
    ("registry.k8s.io/e2e-test-images/nonroot", Kind::Nonroot),
    ("registry.k8s.io/pause", Kind::Pause),
    (
        "registry.k8s.io/e2e-test-images/resource-consumer",
        Kind::ResourceConsumer,
    ),
    (
        "registry.k8s.io/e2e-test-images/sample-apiserver",
        Kind::SampleApiserver,
    ),
];

/// Layers that most images begin with, made once.
struct Base {
    /// A shell and small tools.
    shell: Layer,
    /// curl, dig, nc, getent.
    tools: Layer,
    /// A complete bash.
    bash: Layer,
}

/// Makes the archives of every image of `references` (as `e2e.test --list-images` prints them) that can be made here.
///
/// # Errors
/// If a kind of image that conformance specs need is not among them (the suite's list has changed), a program is not
/// among `binaries`, or an archive cannot be written.
pub async fn archives(references: &[String], binaries: &Binaries) -> Result<Vec<Archive>> {
    packages::ensure().await?;
    let wanted = select(references)?;
    let base = Base::make().await?;
    // Some are wanted under several tags.
    let kinds: BTreeSet<Kind> = wanted.iter().map(|(_, kind)| *kind).collect();
    let images = try_join_all(kinds.into_iter().map(|kind| {
        let base = &base;
        async move {
            let image = make(kind, base, binaries).await;
            Ok::<_, anyhow::Error>((
                kind,
                image.with_context(|| format!("failed to make the image {kind:?}"))?,
            ))
        }
    }));
    let images: BTreeMap<Kind, Image> = images.await?.into_iter().collect();
    let archives = wanted.into_iter().filter_map(|(reference, kind)| {
        let name = reference.to_owned();
        let image = images.get(&kind)?.clone();
        Some(super::build(Image { name, ..image }))
    });
    try_join_all(archives).await
}

/// The references that can be made, and that none is missing.
fn select(references: &[String]) -> Result<Vec<(&str, Kind)>> {
    let wanted: Vec<(&str, Kind)> = references
        .iter()
        .filter_map(|reference| {
            let (repository, _tag) = reference.rsplit_once(':')?;
            let (_, kind) = KINDS.iter().find(|(name, _)| *name == repository)?;
            Some((reference.as_str(), *kind))
        })
        .collect();
    for (repository, kind) in KINDS {
        anyhow::ensure!(
            wanted.iter().any(|(_, found)| *found == kind),
            "the suite lists no image {repository}: it has changed, and devhost/src/images/suite.rs has to follow"
        );
    }
    Ok(wanted)
}

impl Base {
    async fn make() -> Result<Self> {
        let shell = busybox_layer().await?;
        let tools = tools_layer(std::slice::from_ref(&shell)).await?;
        let bash = programs_layer(&[("bash", "bash")], std::slice::from_ref(&shell)).await?;
        Ok(Self { shell, tools, bash })
    }

    /// An image with a shell and nothing else.
    fn image(&self) -> Image {
        Image {
            layers: vec![self.shell.clone()],
            env: vec![SEARCH_PATH.to_owned()],
            ..Image::default()
        }
    }
}

async fn make(kind: Kind, base: &Base, binaries: &Binaries) -> Result<Image> {
    Ok(match kind {
        Kind::Agnhost => agnhost::agnhost(base, binaries).await?,
        Kind::Kitten => agnhost::with_page(base, binaries, "kitten").await?,
        Kind::Nautilus => agnhost::with_page(base, binaries, "nautilus").await?,
        Kind::GlibcDnsTesting => agnhost::dns_testing(base, binaries)?,
        Kind::Nginx => nginx::nginx(base).await?,
        Kind::Busybox => busybox::busybox().await?,
        Kind::Nonroot => small::nonroot(base),
        Kind::Nonewprivs => small::nonewprivs(base, binaries)?,
        Kind::ResourceConsumer => small::resource_consumer(base, binaries)?,
        Kind::SampleApiserver => small::sample_apiserver(base, binaries)?,
        Kind::Etcd => small::etcd(base, binaries)?,
        Kind::Pause => super::pause().await?,
    })
}

/// A layer with one built program.
fn program_layer(binaries: &Binaries, component: Component, path: &str) -> Result<Layer> {
    let source = binaries.path(component)?;
    let id = crate::binaries::content_id(&source)?;
    Ok(Layer::default().program_with_id(path, &source, id))
}

#[cfg(test)]
mod tests;
