//! One Event of the host's kubelet as the tenant's Event.

use data_encoding::HEXLOWER;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::identity::{TenantKey, TenantUid};
use crate::kinds::pod::Scrub;

/// The one component whose Events go up.
const KUBELET: &str = "kubelet";
/// Bytes of the hash in a name, two characters each: as long as what client-go appends.
const SUFFIX_BYTES: usize = 8;
/// The longest name of an object.
const NAME_MAX: usize = 253;

/// The tenant Pod that an Event is about.
pub struct About<'a> {
    /// The Pod.
    pub key: &'a TenantKey,
    /// Its UID.
    pub uid: &'a TenantUid,
    /// Its node, which has the same name on both sides. `None` for a Pod that is not bound (any more).
    pub node: Option<&'a str>,
    /// Names of all its containers.
    pub containers: &'a [String],
    /// Takes host names out of texts.
    pub scrub: &'a Scrub,
}

/// True for what a kubelet says about a Pod: cheap, before anything else is looked up.
pub fn is_for_tenant(host: &Event) -> bool {
    let source = host
        .source
        .as_ref()
        .and_then(|source| source.component.as_deref());
    let about_pod = host.involved_object.kind.as_deref() == Some("Pod");
    let has_uid = host
        .involved_object
        .uid
        .as_ref()
        .is_some_and(|uid| !uid.is_empty());
    let by_kubelet = source == Some(KUBELET) || host.reporting_component.as_deref() == Some(KUBELET);
    about_pod && has_uid && by_kubelet
}

/// What the tenant Event's name ends with: the same for the same host Event, and it tells nothing about it.
pub fn suffix(host_event_uid: &str) -> String {
    let digest = Sha256::digest(host_event_uid.as_bytes());
    let mut text = HEXLOWER.encode(&digest);
    text.truncate(2 * SUFFIX_BYTES);
    text
}

/// [`suffix`] of the tenant Event of this name. `None` for a name that [`name`] did not make.
pub fn suffix_of(tenant_event_name: &str) -> Option<&str> {
    let (_, suffix) = tenant_event_name.rsplit_once('.')?;
    let is_hex = suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
    (suffix.len() == 2 * SUFFIX_BYTES && is_hex).then_some(suffix)
}

/// Name of the tenant Event: the Pod's and [`suffix`].
pub fn name(pod: &TenantKey, suffix: &str) -> String {
    let room = NAME_MAX.saturating_sub(1 + suffix.len());
    let stem: String = pod.name.as_str().chars().take(room).collect();
    format!("{}.{suffix}", stem.trim_end_matches(['.', '-']))
}

/// The tenant's Event. `None` when it is not for the tenant: not [`is_for_tenant`], about a container that the
/// tenant's Pod does not have (the host's admission added it), or never stored.
pub fn up(about: &About<'_>, host: &Event) -> Option<Event> {
    if !is_for_tenant(host) {
        return None;
    }
    let Event {
        action,
        count,
        event_time,
        first_timestamp,
        involved_object,
        last_timestamp,
        message,
        metadata,
        reason,
        // Another object of the host's; a kubelet names none.
        related: _,
        reporting_component,
        reporting_instance,
        series,
        source,
        type_,
    } = host;
    let ObjectReference {
        api_version: _,
        field_path,
        kind: _,
        name: _,
        namespace: _,
        // A version of the host Pod means nothing in the tenant.
        resource_version: _,
        uid: _,
    } = involved_object;
    let container = field_path.as_deref().and_then(container_of);
    if container.is_some_and(|container| !about.containers.iter().any(|known| known == container)) {
        return None;
    }
    let text = |text: &Option<String>| text.as_deref().map(|text| about.scrub.text(text));
    let node = |given: Option<&String>| given.and(about.node).map(str::to_owned);
    Some(Event {
        action: text(action),
        count: *count,
        event_time: event_time.clone(),
        first_timestamp: first_timestamp.clone(),
        involved_object: ObjectReference {
            api_version: Some("v1".to_owned()),
            field_path: text(field_path),
            kind: Some("Pod".to_owned()),
            name: Some(about.key.name.as_str().to_owned()),
            namespace: Some(about.key.namespace.as_str().to_owned()),
            resource_version: None,
            uid: Some(about.uid.as_str().to_owned()),
        },
        last_timestamp: last_timestamp.clone(),
        message: text(message),
        metadata: ObjectMeta {
            name: Some(name(about.key, &suffix(metadata.uid.as_deref()?))),
            namespace: Some(about.key.namespace.as_str().to_owned()),
            ..ObjectMeta::default()
        },
        reason: text(reason),
        related: None,
        reporting_component: reporting_component.as_ref().map(|_| KUBELET.to_owned()),
        reporting_instance: node(reporting_instance.as_ref()),
        series: series.clone(),
        source: source.as_ref().map(|source| EventSource {
            component: Some(KUBELET.to_owned()),
            host: node(source.host.as_ref()),
        }),
        type_: type_.clone(),
    })
}

/// `web` of `spec.containers{web}`, whatever the list of containers.
fn container_of(field_path: &str) -> Option<&str> {
    let (list, rest) = field_path.split_once('{')?;
    let is_list = matches!(
        list,
        "spec.containers" | "spec.initContainers" | "spec.ephemeralContainers"
    );
    rest.strip_suffix('}').filter(|_| is_list)
}

/// Merge patch that makes an earlier state of the tenant's Event the same as `now`: what a recorder changes.
pub fn update(now: &Event) -> Value {
    json!({
        "count": now.count,
        "lastTimestamp": now.last_timestamp,
        "message": now.message,
        "series": now.series,
    })
}
