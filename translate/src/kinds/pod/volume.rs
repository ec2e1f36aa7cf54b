//! Volumes: sources by name are renamed, sources that reach the node or a storage system are denied.

mod projected;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, DownwardAPIVolumeFile, DownwardAPIVolumeSource, EmptyDirVolumeSource,
    EphemeralVolumeSource, HostPathVolumeSource, ImageVolumeSource, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource, Volume,
};
use warren_crds::virtual_cluster_class::PodSecurity;

use super::going::Going;
use super::{downward, sources};
use crate::name::{CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, SECRET};

const NODE: &str = "would reach the node's own files";
const STORAGE: &str = "is not offered: storage is reached by a PersistentVolumeClaim";

/// The Pod's volumes under their own names, with what they refer to under host names.
pub(super) fn all_down(going: &mut Going<'_>, volumes: &[Volume]) -> Vec<Volume> {
    volumes.iter().map(|volume| down(going, volume)).collect()
}

fn down(going: &mut Going<'_>, tenant: &Volume) -> Volume {
    let Volume {
        aws_elastic_block_store,
        azure_disk,
        azure_file,
        cephfs,
        cinder,
        config_map,
        csi,
        downward_api,
        empty_dir,
        ephemeral,
        fc,
        flex_volume,
        flocker,
        gce_persistent_disk,
        git_repo,
        glusterfs,
        host_path,
        image,
        iscsi,
        name,
        nfs,
        persistent_volume_claim,
        photon_persistent_disk,
        portworx_volume,
        projected,
        quobyte,
        rbd,
        scale_io,
        secret,
        storageos,
        vsphere_volume,
    } = tenant;
    let path = format!("spec.volumes[{name}]");
    let node_is_offered = going.context.policy.pod_security == PodSecurity::Privileged;
    let refused = [
        ("awsElasticBlockStore", aws_elastic_block_store.is_some(), STORAGE),
        ("azureDisk", azure_disk.is_some(), STORAGE),
        ("azureFile", azure_file.is_some(), STORAGE),
        ("cephfs", cephfs.is_some(), STORAGE),
        ("cinder", cinder.is_some(), STORAGE),
        ("csi", csi.is_some(), STORAGE),
        ("fc", fc.is_some(), STORAGE),
        ("flexVolume", flex_volume.is_some(), STORAGE),
        ("flocker", flocker.is_some(), STORAGE),
        ("gcePersistentDisk", gce_persistent_disk.is_some(), STORAGE),
        (
            "gitRepo",
            git_repo.is_some(),
            "runs git on the node as root: clone in an init container instead",
        ),
        ("glusterfs", glusterfs.is_some(), STORAGE),
        ("hostPath", host_path.is_some() && !node_is_offered, NODE),
        ("iscsi", iscsi.is_some(), STORAGE),
        ("nfs", nfs.is_some(), STORAGE),
        ("photonPersistentDisk", photon_persistent_disk.is_some(), STORAGE),
        ("portworxVolume", portworx_volume.is_some(), STORAGE),
        ("quobyte", quobyte.is_some(), STORAGE),
        ("rbd", rbd.is_some(), STORAGE),
        ("scaleIO", scale_io.is_some(), STORAGE),
        ("storageos", storageos.is_some(), STORAGE),
        ("vsphereVolume", vsphere_volume.is_some(), STORAGE),
    ];
    for (field, _, why) in refused.into_iter().filter(|(_, set, _)| *set) {
        going.findings.deny(format!("{path}.{field}"), why);
    }
    Volume {
        config_map: config_map.as_ref().map(|source| config_map_down(going, source)),
        downward_api: downward_api
            .as_ref()
            .map(|source| downward_api_down(going, &path, source)),
        empty_dir: empty_dir.as_ref().map(empty_dir_down),
        host_path: host_path.as_ref().map(host_path_down),
        image: image.as_ref().map(image_down),
        name: name.clone(),
        persistent_volume_claim: match (persistent_volume_claim, ephemeral) {
            (Some(source), _) => Some(claim_down(going, source)),
            (None, Some(source)) => Some(ephemeral_down(going, name, source)),
            (None, None) => None,
        },
        projected: projected
            .as_ref()
            .map(|source| projected::down(going, name, source)),
        secret: secret.as_ref().map(|source| secret_down(going, source)),
        ..Volume::default()
    }
}

fn config_map_down(going: &Going<'_>, source: &ConfigMapVolumeSource) -> ConfigMapVolumeSource {
    let ConfigMapVolumeSource {
        default_mode,
        default_user,
        items,
        name,
        optional,
    } = source;
    let mut name = name.clone();
    going.references().rewrite(CONFIG_MAP, &mut name);
    ConfigMapVolumeSource {
        default_mode: *default_mode,
        default_user: *default_user,
        items: items.clone(),
        name,
        optional: *optional,
    }
}

fn secret_down(going: &Going<'_>, source: &SecretVolumeSource) -> SecretVolumeSource {
    let SecretVolumeSource {
        default_mode,
        default_user,
        items,
        optional,
        secret_name,
    } = source;
    let mut secret_name = secret_name.clone();
    if let Some(name) = secret_name.as_mut() {
        going.references().rewrite(SECRET, name);
    }
    SecretVolumeSource {
        default_mode: *default_mode,
        default_user: *default_user,
        items: items.clone(),
        optional: *optional,
        secret_name,
    }
}

fn claim_down(
    going: &Going<'_>,
    source: &PersistentVolumeClaimVolumeSource,
) -> PersistentVolumeClaimVolumeSource {
    let PersistentVolumeClaimVolumeSource {
        claim_name,
        read_only,
    } = source;
    let mut claim_name = claim_name.clone();
    going
        .references()
        .rewrite(PERSISTENT_VOLUME_CLAIM, &mut claim_name);
    PersistentVolumeClaimVolumeSource {
        claim_name,
        read_only: *read_only,
    }
}

/// The claim that the tenant's ephemeral volume controller makes of the template goes down as any claim: the host's
/// controller must not make a second one.
fn ephemeral_down(
    going: &Going<'_>,
    volume: &str,
    source: &EphemeralVolumeSource,
) -> PersistentVolumeClaimVolumeSource {
    let EphemeralVolumeSource {
        volume_claim_template: _, // of the claim
    } = source;
    let claim = sources::claim_of_ephemeral(going.key.name.as_str(), volume);
    let host_name = going.references().host_name(PERSISTENT_VOLUME_CLAIM, &claim);
    PersistentVolumeClaimVolumeSource {
        claim_name: host_name.to_string(),
        read_only: None,
    }
}

fn downward_api_down(
    going: &mut Going<'_>,
    path: &str,
    source: &DownwardAPIVolumeSource,
) -> DownwardAPIVolumeSource {
    let DownwardAPIVolumeSource {
        default_mode,
        default_user,
        items,
    } = source;
    let path = format!("{path}.downwardAPI");
    DownwardAPIVolumeSource {
        default_mode: *default_mode,
        default_user: *default_user,
        items: items.as_ref().map(|items| files_down(going, &path, items)),
    }
}

fn files_down(
    going: &mut Going<'_>,
    path: &str,
    files: &[DownwardAPIVolumeFile],
) -> Vec<DownwardAPIVolumeFile> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        match downward::in_file(going, file) {
            Some(file) => all.push(file),
            None => going.findings.deny(
                format!("{path}.items[{}].fieldRef.fieldPath", file.path),
                "is a field that is not supported",
            ),
        }
    }
    all
}

fn empty_dir_down(source: &EmptyDirVolumeSource) -> EmptyDirVolumeSource {
    let EmptyDirVolumeSource {
        medium,
        mode,
        size_limit,
    } = source;
    EmptyDirVolumeSource {
        medium: medium.clone(),
        mode: *mode,
        size_limit: size_limit.clone(),
    }
}

/// Only at the privileged level: everywhere else it is denied.
fn host_path_down(source: &HostPathVolumeSource) -> HostPathVolumeSource {
    let HostPathVolumeSource { path, type_ } = source;
    HostPathVolumeSource {
        path: path.clone(),
        type_: type_.clone(),
    }
}

/// [`super::registry`] has checked where it comes from.
fn image_down(source: &ImageVolumeSource) -> ImageVolumeSource {
    let ImageVolumeSource {
        pull_policy,
        reference,
    } = source;
    ImageVolumeSource {
        pull_policy: pull_policy.clone(),
        reference: reference.clone(),
    }
}
