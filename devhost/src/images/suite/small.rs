//! Images of the suite that are a base and at most one program.
use anyhow::Result;

use super::{
    super::spec::{Content, Entry, Image, Layer},
    Base, program_layer,
};
use crate::binaries::{Binaries, Component, content_id};

/// A base image that runs as somebody.
pub(super) fn nonroot(base: &Base) -> Image {
    let mut image = base.image();
    "1234".clone_into(&mut image.user);
    image.cmd = vec!["sh".to_owned()];
    image
}

/// Set-user-id: the spec looks whether that is in vain.
pub(super) fn nonewprivs(base: &Base, binaries: &Binaries) -> Result<Image> {
    let source = binaries.path(Component::Nonewprivs)?;
    let id = content_id(&source)?;
    let mut layer = Layer::default();
    layer.entries.push(Entry {
        path: "usr/local/bin/nnp".to_owned(),
        mode: 0o4755,
        owner: 0,
        content: Content::File { source, id },
    });
    let mut image = base.image();
    image.layers.push(layer);
    image.cmd = vec!["nnp".to_owned()];
    Ok(image)
}

pub(super) fn resource_consumer(base: &Base, binaries: &Binaries) -> Result<Image> {
    let mut image = base.image();
    image
        .layers
        .push(program_layer(binaries, Component::ResourceConsumer, "consumer")?);
    let cpu = program_layer(binaries, Component::ConsumeCpu, "consume-cpu/consume-cpu")?;
    image.layers.push(cpu);
    image.entrypoint = vec!["/consumer".to_owned()];
    Ok(image)
}

pub(super) fn sample_apiserver(base: &Base, binaries: &Binaries) -> Result<Image> {
    let mut image = base.image();
    let layer = program_layer(binaries, Component::SampleApiserver, "sample-apiserver")?;
    image.layers.push(layer);
    image.entrypoint = vec!["/sample-apiserver".to_owned()];
    Ok(image)
}

/// As root, unlike the host's own image: the spec lets it write into its working directory.
pub(super) fn etcd(base: &Base, binaries: &Binaries) -> Result<Image> {
    let mut image = base.image();
    let layer = program_layer(binaries, Component::Etcd, "usr/local/bin/etcd")?;
    image.layers.push(layer);
    Ok(image)
}
