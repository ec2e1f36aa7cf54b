//! Projected volumes: tokens, trust bundles and certificates come from host objects that Warren keeps, everything else
//! is renamed.

use k8s_openapi::api::core::v1::{
    ClusterTrustBundleProjection, ConfigMapProjection, DownwardAPIProjection, KeyToPath,
    PodCertificateProjection, ProjectedVolumeSource, SecretProjection, ServiceAccountTokenProjection,
    VolumeProjection,
};

use super::files_down;
use crate::kinds::pod::going::Going;
use crate::kinds::trust_bundle::{self, TrustBundleAsk};
use crate::kinds::{pod_certificate, token};
use crate::name::{CONFIG_MAP, SECRET};

/// Mode of a file that is the Pod's own, where the group makes it readable for the containers.
const OWN_MODE: i32 = 0o600;

/// The projected volume `volume`.
pub(super) fn down(
    going: &mut Going<'_>,
    volume: &str,
    source: &ProjectedVolumeSource,
) -> ProjectedVolumeSource {
    let ProjectedVolumeSource {
        default_mode,
        default_user,
        sources,
    } = source;
    let sources = sources.as_ref().map(|sources| {
        let sources = sources.iter().enumerate();
        sources
            .map(|(index, source)| source_down(going, volume, index, source))
            .collect()
    });
    ProjectedVolumeSource {
        default_mode: *default_mode,
        default_user: *default_user,
        sources,
    }
}

fn source_down(
    going: &mut Going<'_>,
    volume: &str,
    index: usize,
    source: &VolumeProjection,
) -> VolumeProjection {
    let VolumeProjection {
        cluster_trust_bundle,
        config_map,
        downward_api,
        pod_certificate,
        secret,
        service_account_token,
    } = source;
    let path = format!("spec.volumes[{volume}].projected.sources[{index}]");
    let mut host = VolumeProjection {
        config_map: config_map.as_ref().map(|source| config_map_down(going, source)),
        secret: secret.as_ref().map(|source| secret_down(going, source)),
        ..VolumeProjection::default()
    };
    if let Some(DownwardAPIProjection { items }) = downward_api {
        let path = format!("{path}.downwardAPI");
        let items = items.as_ref().map(|items| files_down(going, &path, items));
        host.downward_api = Some(DownwardAPIProjection { items });
    }
    if let Some(source) = service_account_token {
        host.secret = Some(token_down(going, volume, index, source));
    }
    if let Some(source) = cluster_trust_bundle {
        match TrustBundleAsk::of(source) {
            Some(ask) => host.config_map = Some(trust_bundle_down(going, &ask, source)),
            None => going.findings.deny(
                format!("{path}.clusterTrustBundle"),
                "names neither a bundle nor a signer",
            ),
        }
    }
    if let Some(source) = pod_certificate {
        host.secret = Some(certificate_down(going, volume, index, source));
    }
    host
}

fn config_map_down(going: &Going<'_>, source: &ConfigMapProjection) -> ConfigMapProjection {
    let ConfigMapProjection {
        items,
        name,
        optional,
    } = source;
    let mut name = name.clone();
    going.references().rewrite(CONFIG_MAP, &mut name);
    ConfigMapProjection {
        items: items.clone(),
        name,
        optional: *optional,
    }
}

fn secret_down(going: &Going<'_>, source: &SecretProjection) -> SecretProjection {
    let SecretProjection {
        items,
        name,
        optional,
    } = source;
    let mut name = name.clone();
    going.references().rewrite(SECRET, &mut name);
    SecretProjection {
        items: items.clone(),
        name,
        optional: *optional,
    }
}

/// A kubelet gives files of the Pod's own mode 0600 when the Pod has an `fsGroup` (which then opens them to the group).
/// It also does so, and gives them to the user, where all containers run as one user; a Secret cannot be given to a
/// user, so there the volume's default mode keeps them readable.
fn own_file(going: &Going<'_>, key: &str, path: &str, user: Option<i64>) -> KeyToPath {
    let context = going.spec.security_context.as_ref();
    let has_group = context.is_some_and(|context| context.fs_group.is_some());
    KeyToPath {
        key: key.to_owned(),
        mode: has_group.then_some(OWN_MODE),
        path: path.to_owned(),
        user,
    }
}

/// The token's key in the Pod's token Secret.
fn token_down(
    going: &Going<'_>,
    volume: &str,
    index: usize,
    source: &ServiceAccountTokenProjection,
) -> SecretProjection {
    let ServiceAccountTokenProjection {
        audience: _,           // the syncer asks for it
        expiration_seconds: _, // as audience
        path,
        user,
    } = source;
    let name = token::secret_name(going.context.cluster, &going.key, &going.uid);
    SecretProjection {
        items: Some(vec![own_file(
            going,
            &token::data_key(volume, index),
            path,
            *user,
        )]),
        name: name.as_str().to_owned(),
        optional: Some(false),
    }
}

/// The one key of the ConfigMap that the syncer keeps for this ask.
fn trust_bundle_down(
    going: &Going<'_>,
    ask: &TrustBundleAsk,
    source: &ClusterTrustBundleProjection,
) -> ConfigMapProjection {
    let ClusterTrustBundleProjection {
        label_selector: _, // in `ask`
        name: _,           // as label_selector
        optional,
        path,
        signer_name: _, // as label_selector
        user,
    } = source;
    let name = trust_bundle::host_name(going.context.cluster, &going.key.namespace, ask);
    ConfigMapProjection {
        items: Some(vec![own_file(going, trust_bundle::DATA_KEY, path, *user)]),
        name: name.as_str().to_owned(),
        optional: *optional,
    }
}

/// The asked keys of the Secret that the syncer keeps for this source.
fn certificate_down(
    going: &Going<'_>,
    volume: &str,
    index: usize,
    source: &PodCertificateProjection,
) -> SecretProjection {
    let PodCertificateProjection {
        certificate_chain_path,
        credential_bundle_path,
        key_path,
        key_type: _,               // the syncer makes the key
        max_expiration_seconds: _, // and asks for the certificate
        signer_name: _,            // as max_expiration_seconds
        user,
        user_annotations: _, // as max_expiration_seconds
    } = source;
    let files = [
        (pod_certificate::CREDENTIAL_BUNDLE, credential_bundle_path),
        (pod_certificate::KEY, key_path),
        (pod_certificate::CERTIFICATE_CHAIN, certificate_chain_path),
    ];
    let items = files.into_iter().filter_map(|(key, path)| {
        let path = path.as_deref().filter(|path| !path.is_empty())?;
        Some(own_file(going, key, path, *user))
    });
    let name = pod_certificate::secret_name(going.context.cluster, &going.key, &going.uid, volume, index);
    SecretProjection {
        items: Some(items.collect()),
        name: name.as_str().to_owned(),
        optional: Some(false),
    }
}
