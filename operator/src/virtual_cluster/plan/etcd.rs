//! Pure: the tenant's etcd: one member, mTLS with its own root, on a volume or in memory.

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
};
use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec, Volume, VolumeMount,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::keys::ports;

use super::build::{
    ALIVE, READY, STARTING, container, leaf_files, mount, pod, port, probe, projected, selector, system_meta,
};
use super::{Addresses, Error, Plan, Settings, Wave, pki};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::{Datastore, ValidatedCluster};

/// Health and metrics, plain, for the kubelet.
const METRICS: u16 = 2381;
const DATA: &str = "data";

/// Adds the StatefulSet.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(
    cluster: &ValidatedCluster,
    settings: &Settings,
    addresses: &Addresses,
    plan: &mut Plan,
) -> Result<(), Error> {
    let mut etcd = container(cluster, settings, component::ETCD, &cluster.images.etcd);
    etcd.command = Some(vec!["/usr/local/bin/etcd".to_owned()]);
    etcd.args = Some(flags(cluster, addresses));
    etcd.ports = Some(vec![
        port("client", ports::ETCD),
        port("peer", ports::ETCD_PEER),
        port("metrics", METRICS),
    ]);
    etcd.startup_probe = Some(probe("HTTP", "/readyz", METRICS, STARTING));
    etcd.readiness_probe = Some(probe("HTTP", "/readyz", METRICS, READY));
    etcd.liveness_probe = Some(probe("HTTP", "/livez", METRICS, ALIVE));
    let data = VolumeMount {
        name: DATA.to_owned(),
        mount_path: "/data".to_owned(),
        ..VolumeMount::default()
    };
    etcd.volume_mounts = Some(vec![data, mount("tls", "/etc/warren/tls")]);

    let mut volumes = vec![projected("tls", vec![leaf_files(pki::ETCD, "")])];
    if cluster.datastore == Datastore::Ephemeral {
        volumes.push(memory());
    }
    if let Some(claim) = claim(cluster) {
        // Ahead of the StatefulSet, which takes a claim of this name as its own: the host still writes to a new
        // claim when the scheduler looks at it, and that conflict costs the Pod seconds in the scheduler's back-off.
        let name = format!("{DATA}-{}-0", component::ETCD);
        let metadata = system_meta(cluster, &name, component::ETCD);
        plan.apply(Wave::Configuration, &PersistentVolumeClaim { metadata, ..claim })?;
    }
    let spec = PodSpec {
        containers: vec![etcd],
        volumes: Some(volumes),
        termination_grace_period_seconds: Some(30),
        ..PodSpec::default()
    };
    plan.apply(
        Wave::Workloads,
        &StatefulSet {
            metadata: system_meta(cluster, component::ETCD, component::ETCD),
            spec: StatefulSetSpec {
                replicas: Some(1),
                service_name: Some(component::ETCD_PEERS.to_owned()),
                selector: selector(cluster, component::ETCD),
                template: pod(cluster, settings, component::ETCD, [].into(), spec),
                volume_claim_templates: claim(cluster).map(|claim| vec![claim]),
                // The claim goes with its namespace. `Delete` would make the StatefulSet's controller write an owner
                // into it while the scheduler binds it, which costs the first start seconds of back-off.
                persistent_volume_claim_retention_policy: Some(
                    StatefulSetPersistentVolumeClaimRetentionPolicy {
                        when_deleted: Some("Retain".to_owned()),
                        when_scaled: Some("Retain".to_owned()),
                    },
                ),
                ..StatefulSetSpec::default()
            },
            ..StatefulSet::default()
        },
    )
}

fn flags(cluster: &ValidatedCluster, addresses: &Addresses) -> Vec<String> {
    let peer = format!(
        "https://etcd-0.{}.{}.svc:{}",
        component::ETCD_PEERS,
        cluster.namespaces.system,
        ports::ETCD_PEER
    );
    let tls = "/etc/warren/tls";
    let mut flags = vec![
        "--name=etcd-0".to_owned(),
        // A directory in the volume: etcd insists on mode 0700, and the volume's own root is the host's to set.
        "--data-dir=/data/etcd".to_owned(),
        format!("--listen-client-urls=https://0.0.0.0:{}", ports::ETCD),
        format!(
            "--advertise-client-urls=https://{}:{}",
            addresses.etcd,
            ports::ETCD
        ),
        format!("--listen-peer-urls=https://0.0.0.0:{}", ports::ETCD_PEER),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=etcd-0={peer}"),
        format!("--listen-metrics-urls=http://0.0.0.0:{METRICS}"),
        format!("--cert-file={tls}/tls.crt"),
        format!("--key-file={tls}/tls.key"),
        format!("--trusted-ca-file={tls}/ca.crt"),
        "--client-cert-auth=true".to_owned(),
        format!("--peer-cert-file={tls}/tls.crt"),
        format!("--peer-key-file={tls}/tls.key"),
        format!("--peer-trusted-ca-file={tls}/ca.crt"),
        "--peer-client-cert-auth=true".to_owned(),
    ];
    if cluster.datastore == Datastore::Ephemeral {
        flags.extend(
            [
                "--unsafe-no-fsync=true",
                // Everything is memory: keep no more history on "disk" than etcd needs to run.
                "--max-wals=1",
                "--max-snapshots=1",
                "--quota-backend-bytes=536870912",
            ]
            .map(str::to_owned),
        );
    }
    flags
}

fn memory() -> Volume {
    Volume {
        name: DATA.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".to_owned()),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn claim(cluster: &ValidatedCluster) -> Option<PersistentVolumeClaim> {
    let Datastore::Volume { size, storage_class } = &cluster.datastore else {
        return None;
    };
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.to_owned()),
            labels: Some(names::component_labels(&cluster.id, component::ETCD)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: storage_class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), size.clone())].into()),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}
