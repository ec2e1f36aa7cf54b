//! The components that can be built: package, version, flags.
use anyhow::Result;

use super::module::Module;
use crate::release::Release;

/// A program of upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// kube-apiserver
    KubeApiserver,
    /// kube-controller-manager
    KubeControllerManager,
    /// kube-scheduler
    KubeScheduler,
    /// kubelet
    Kubelet,
    /// kube-proxy
    KubeProxy,
    /// kubectl
    Kubectl,
    /// The upstream test image's program.
    Agnhost,
    /// Upstream's sample of a device plugin.
    SampleDevicePlugin,
    /// Upstream's test driver for dynamic resource allocation.
    DraTestDriver,
    /// etcd
    Etcd,
    /// containerd
    Containerd,
    /// containerd-shim-runc-v2
    Shim,
    /// ctr, containerd's client
    Ctr,
    /// CoreDNS
    Coredns,
    /// Helm
    Helm,
    /// local-path-provisioner
    LocalPathProvisioner,
    /// metrics-server
    MetricsServer,
    /// kwok, which plays nodes
    Kwok,
    /// Upstream's end-to-end suite with its conformance specs.
    E2eTest,
    /// The aggregated apiserver of the suite.
    SampleApiserver,
    /// Uses up CPU and memory as the suite asks it.
    ResourceConsumer,
    /// What [`Component::ResourceConsumer`] runs for CPU.
    ConsumeCpu,
    /// Prints its effective user: the suite's check of `no_new_privs`.
    Nonewprivs,
}

/// How Go builds a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `go build` of a `main` package.
    Program,
    /// `go test -c` of a package's tests.
    Tests,
}

/// What is known about a component.
struct Facts {
    program: &'static str,
    module: &'static str,
    package: &'static str,
    /// Go module whose version is the component's.
    versioned_by: &'static str,
    /// Seconds of a cold build on two cores, in the order of [`Component::ALL`]; only for the estimate on screen.
    cold_seconds: u64,
}

impl Component {
    /// Everything, in the order in which building shares most work.
    pub const ALL: [Self; 23] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Kubectl,
        Self::Containerd,
        Self::Shim,
        Self::Ctr,
        Self::Coredns,
        Self::LocalPathProvisioner,
        Self::SampleDevicePlugin,
        Self::DraTestDriver,
        Self::Agnhost,
        Self::Helm,
        Self::MetricsServer,
        Self::Kwok,
        Self::E2eTest,
        Self::SampleApiserver,
        Self::ResourceConsumer,
        Self::ConsumeCpu,
        Self::Nonewprivs,
    ];

    fn facts(self) -> Facts {
        const KUBERNETES: &str = "k8s.io/kubernetes";
        const CONTAINERD: &str = "github.com/containerd/containerd/v2";
        let facts = |program, module, package, versioned_by, cold_seconds| Facts {
            program,
            module,
            package,
            versioned_by,
            cold_seconds,
        };
        let kubernetes =
            |program, package, cold_seconds| facts(program, "kubernetes", package, KUBERNETES, cold_seconds);
        let suite =
            |program, package, cold_seconds| facts(program, "conformance", package, KUBERNETES, cold_seconds);
        let containerd =
            |program, package, cold_seconds| facts(program, "containerd", package, CONTAINERD, cold_seconds);
        match self {
            Self::KubeApiserver => kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", 330),
            Self::KubeControllerManager => kubernetes(
                "kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                100,
            ),
            Self::KubeScheduler => kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", 25),
            Self::Kubelet => kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet", 80),
            Self::KubeProxy => kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", 30),
            Self::Kubectl => kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl", 50),
            Self::Agnhost => kubernetes("agnhost", "k8s.io/kubernetes/test/images/agnhost", 25),
            Self::SampleDevicePlugin => kubernetes(
                "sample-device-plugin",
                "k8s.io/kubernetes/test/images/sample-device-plugin",
                5,
            ),
            Self::DraTestDriver => kubernetes(
                "dra-test-driver",
                "k8s.io/kubernetes/test/e2e/dra/test-driver",
                10,
            ),
            Self::Etcd => facts(
                "etcd",
                "etcd",
                "go.etcd.io/etcd/server/v3",
                "go.etcd.io/etcd/server/v3",
                40,
            ),
            Self::Containerd => containerd(
                "containerd",
                "github.com/containerd/containerd/v2/cmd/containerd",
                70,
            ),
            Self::Shim => containerd(
                "containerd-shim-runc-v2",
                "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
                10,
            ),
            Self::Ctr => containerd("ctr", "github.com/containerd/containerd/v2/cmd/ctr", 15),
            Self::Coredns => facts(
                "coredns",
                "kubernetes",
                "github.com/coredns/coredns",
                "github.com/coredns/coredns",
                100,
            ),
            Self::Helm => facts(
                "helm",
                "kubernetes",
                "helm.sh/helm/v4/cmd/helm",
                "helm.sh/helm/v4",
                60,
            ),
            Self::LocalPathProvisioner => facts(
                "local-path-provisioner",
                "kubernetes",
                "github.com/rancher/local-path-provisioner",
                "github.com/rancher/local-path-provisioner",
                20,
            ),
            Self::MetricsServer => facts(
                "metrics-server",
                "metrics-server",
                "sigs.k8s.io/metrics-server/cmd/metrics-server",
                "sigs.k8s.io/metrics-server",
                70,
            ),
            Self::Kwok => facts(
                "kwok",
                "kwok",
                "sigs.k8s.io/kwok/cmd/kwok",
                "sigs.k8s.io/kwok",
                60,
            ),
            Self::E2eTest => suite("e2e.test", "k8s.io/kubernetes/test/e2e", 330),
            Self::SampleApiserver => suite("sample-apiserver", "k8s.io/sample-apiserver", 30),
            Self::ResourceConsumer => suite("consumer", "k8s.io/kubernetes/test/images/resource-consumer", 5),
            Self::ConsumeCpu => suite(
                "consume-cpu",
                "k8s.io/kubernetes/test/images/resource-consumer/consume-cpu",
                2,
            ),
            Self::Nonewprivs => suite("nnp", "k8s.io/kubernetes/test/images/nonewprivs", 1),
        }
    }

    /// File name of the program.
    pub fn program(self) -> &'static str {
        self.facts().program
    }

    /// Folder below `modules/` that it is built from. Only what Kubernetes itself consists of has more than one.
    pub(super) fn module(self, release: Release) -> &'static str {
        match self {
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubelet
            | Self::KubeProxy => release.module(),
            _ => self.facts().module,
        }
    }

    pub(super) fn package(self) -> &'static str {
        self.facts().package
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::E2eTest => Kind::Tests,
            _ => Kind::Program,
        }
    }

    pub(super) fn cold_seconds(self) -> u64 {
        self.facts().cold_seconds
    }

    /// Version as upstream writes it, from the module's `go.mod`.
    pub(super) fn version(self, module: &Module) -> Result<String> {
        module.version(self.facts().versioned_by)
    }

    /// Arguments of `go build` before `-o`.
    pub(super) fn flags(self, module: &Module) -> Result<Vec<String>> {
        let version = self.version(module)?;
        let mut flags = vec!["-trimpath".to_owned()];
        let mut link = vec!["-s -w".to_owned()];
        match self.facts().module {
            "kubernetes" | "conformance" => {
                // All of them, Helm and CoreDNS too: client-go puts it into the user agent.
                let kubernetes = module.version("k8s.io/kubernetes")?;
                let mut parts = kubernetes.trim_start_matches('v').split('.');
                let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                let base = "k8s.io/component-base/version";
                link.push(format!(
                    "-X {base}.gitVersion={kubernetes} -X {base}.gitMajor={major} -X {base}.gitMinor={minor}"
                ));
            }
            "containerd" => {
                flags.extend(["-tags".to_owned(), "no_btrfs no_devmapper no_zfs".to_owned()]);
                let number = version.trim_start_matches('v');
                link.push(format!(
                    "-X github.com/containerd/containerd/v2/version.Version={number}"
                ));
            }
            _ => {}
        }
        flags.extend(["-ldflags".to_owned(), link.join(" ")]);
        Ok(flags)
    }

    /// Name of the cache directory: `<program>-<version>-<hash of modules and flags>`.
    pub(super) fn directory(self, module: &Module) -> Result<String> {
        let key = module.key(&self.flags(module)?, self.package());
        Ok(format!("{}-{}-{key}", self.program(), self.version(module)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_has_a_version_in_its_module() {
        for release in [Release::Current, Release::Previous] {
            for component in Component::ALL {
                let module = Module::read(component.module(release)).unwrap();
                let version = component.version(&module).unwrap();
                assert!(version.starts_with('v'), "{component:?}: {version}");
            }
        }
    }

    #[test]
    fn a_release_is_what_its_module_pins_and_is_cached_apart_from_the_other() {
        let directory = |release: Release| {
            let module = Module::read(Component::KubeApiserver.module(release)).unwrap();
            assert_eq!(
                Component::KubeApiserver.version(&module).unwrap(),
                release.patch()
            );
            assert!(release.patch().starts_with(&format!("v{}.", release.minor())));
            Component::KubeApiserver.directory(&module).unwrap()
        };
        assert_ne!(directory(Release::Current), directory(Release::Previous));
        // Tools are the same for both.
        assert_eq!(Component::Kubectl.module(Release::Previous), "kubernetes");
    }

    #[test]
    fn kubernetes_carries_its_version() {
        let module = Module::parse("require k8s.io/kubernetes v1.37.0\n", "sums");
        let flags = Component::Kubelet.flags(&module).unwrap().join(" ");
        assert!(
            flags.contains("gitVersion=v1.37.0") && flags.contains("gitMinor=37"),
            "{flags}"
        );
    }

    #[test]
    fn the_key_changes_with_flags_and_sums() {
        let text = "require go.etcd.io/etcd/server/v3 v3.7.3\n";
        let (one, two) = (Module::parse(text, "a"), Module::parse(text, "b"));
        assert_ne!(
            Component::Etcd.directory(&one).unwrap(),
            Component::Etcd.directory(&two).unwrap()
        );
        assert_ne!(one.key(&["-a".into()], "p"), one.key(&["-b".into()], "p"));
        assert!(
            Component::Etcd
                .directory(&one)
                .unwrap()
                .starts_with("etcd-v3.7.3-")
        );
    }
}
