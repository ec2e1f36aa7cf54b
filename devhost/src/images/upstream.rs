//! Images of upstream's programs under upstream's names, so that what the chart names is what is tested.
use anyhow::Result;

use super::{
    AGNHOST_IMAGE, BUSYBOX_IMAGE,
    base::{busybox_layer, nonroot_layer},
    spec::{Image, Layer},
    tools::tools_layer,
};
use crate::binaries::{Binaries, Component, content_id};

/// An image with one of upstream's programs in it, or `busybox`, which comes from the distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Full name.
    pub name: &'static str,
    /// The program; none for busybox.
    pub component: Option<Component>,
    /// Where upstream's image has it.
    path: &'static str,
    /// Whether the image has a shell and runs as root.
    with_shell: bool,
    /// Whether the embedded host itself runs it.
    pub for_host: bool,
}

const fn program(name: &'static str, component: Component, path: &'static str) -> Upstream {
    Upstream {
        name,
        component: Some(component),
        path,
        with_shell: false,
        for_host: false,
    }
}

/// All of them; the tags are those that the chart and upstream's tests name.
pub const UPSTREAM: [Upstream; 9] = [
    program(
        "registry.k8s.io/kube-apiserver:v1.37.0",
        Component::KubeApiserver,
        "usr/local/bin/kube-apiserver",
    ),
    program(
        "registry.k8s.io/kube-controller-manager:v1.37.0",
        Component::KubeControllerManager,
        "usr/local/bin/kube-controller-manager",
    ),
    program(
        "registry.k8s.io/kube-scheduler:v1.37.0",
        Component::KubeScheduler,
        "usr/local/bin/kube-scheduler",
    ),
    program(
        "registry.k8s.io/etcd:3.7.3-0",
        Component::Etcd,
        "usr/local/bin/etcd",
    ),
    Upstream {
        for_host: true,
        ..program(
            "registry.k8s.io/coredns/coredns:v1.15.0",
            Component::Coredns,
            "coredns",
        )
    },
    Upstream {
        for_host: true,
        ..program(
            "registry.k8s.io/metrics-server/metrics-server:v0.9.0",
            Component::MetricsServer,
            "metrics-server",
        )
    },
    Upstream {
        for_host: true,
        ..program(
            "docker.io/rancher/local-path-provisioner:v0.0.30",
            Component::LocalPathProvisioner,
            "usr/bin/local-path-provisioner",
        )
    },
    Upstream {
        with_shell: true,
        ..program(AGNHOST_IMAGE, Component::Agnhost, "agnhost")
    },
    Upstream {
        name: BUSYBOX_IMAGE,
        component: None,
        path: "bin/busybox",
        with_shell: true,
        for_host: true,
    },
];

/// The control plane of [`Release::Previous`](crate::Release), for tenants of another version than the host's. Their
/// programs are built by [`Binaries::ensure_of`]; everything else of such a tenant is the same.
pub const PREVIOUS: [Upstream; 3] = [
    program(
        "registry.k8s.io/kube-apiserver:v1.36.3",
        Component::KubeApiserver,
        "usr/local/bin/kube-apiserver",
    ),
    program(
        "registry.k8s.io/kube-controller-manager:v1.36.3",
        Component::KubeControllerManager,
        "usr/local/bin/kube-controller-manager",
    ),
    program(
        "registry.k8s.io/kube-scheduler:v1.36.3",
        Component::KubeScheduler,
        "usr/local/bin/kube-scheduler",
    ),
];

impl Upstream {
    /// The image, from built programs.
    ///
    /// # Errors
    /// If the program is not among `binaries`.
    pub async fn image(&self, binaries: &Binaries) -> Result<Image> {
        let base = if self.with_shell {
            busybox_layer().await?
        } else {
            nonroot_layer()
        };
        let mut image = Image {
            name: self.name.to_owned(),
            layers: vec![base],
            ..Image::default()
        };
        image.env = vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
        if !self.with_shell {
            "65532:65532".clone_into(&mut image.user);
        }
        let Some(component) = self.component else {
            image.cmd = vec!["sh".to_owned()];
            return Ok(image);
        };
        let source = binaries.path(component)?;
        let mut layer = Layer::default().program_with_id(self.path, &source, content_id(&source)?);
        let usual = format!("usr/local/bin/{}", component.program());
        if usual != self.path {
            layer = layer.link(&usual, &format!("/{}", self.path));
        }
        if component == Component::Agnhost {
            image.layers.push(tools_layer(&image.layers).await?);
            image.cmd = vec!["pause".to_owned()];
        }
        image.layers.push(layer);
        image.entrypoint = vec![format!("/{}", self.path)];
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Release;

    #[test]
    fn control_planes_carry_the_release_they_are_built_from() {
        for (images, release) in [
            (UPSTREAM.as_slice(), Release::Current),
            (&PREVIOUS, Release::Previous),
        ] {
            let control_plane = images.iter().filter(|image| image.name.contains("/kube-"));
            let tagged = control_plane.filter(|image| image.name.ends_with(&format!(":{release}")));
            assert_eq!(tagged.count(), 3);
        }
    }

    #[test]
    fn no_two_images_share_a_name() {
        for (index, one) in UPSTREAM.iter().enumerate() {
            assert!(
                UPSTREAM
                    .iter()
                    .skip(index + 1)
                    .all(|other| other.name != one.name)
            );
        }
    }
}
