//! A kind in the shape of a certificate manager's, between two APIs in memory; the test plays the host's controller.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use warren_translate::identity::TenantKey;
use warren_translate::kinds::custom::Named;

use crate::key::Key;
use crate::stores::customs::{CustomStores, Role};
use crate::stores::{customs, mapped, shared};
use crate::testing::{TEAM, World, refill};

const DEFINITION: &str = "certificates.cert-manager.io";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/";
const TENANT: &str = "/apis/cert-manager.io/v1/namespaces/team/certificates/";
const HOST: &str = "/apis/cert-manager.io/v1/namespaces/wc-ci/certificates/";
const HOST_SECRETS: &str = "/api/v1/namespaces/wc-ci/secrets/";
const TENANT_SECRETS: &str = "/api/v1/namespaces/team/secrets/";

fn registered() -> Value {
    json!([{
        "definition": DEFINITION, "version": "v1",
        "selector": { "matchLabels": { "on": "host" } },
        "references": [
            { "path": "spec.secretName", "direction": "Up" },
            { "path": "spec.password.name" },
        ],
    }])
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {},
        "spec": {
            "group": "cert-manager.io", "scope": "Namespaced",
            "names": { "kind": "Certificate", "plural": "certificates" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
    })
}

impl World {
    async fn with_customs(registered: &Value) -> Self {
        let mut world = Self::new().await;
        world.register(registered).await;
        world
            .host
            .put(&format!("{DEFINITIONS}{DEFINITION}"), definition());
        world.customs_at_rest().await;
        world
    }

    async fn register(&mut self, registered: &Value) {
        self.restart().await;
        let customs: Vec<warren_crds::sync::Custom> = serde_json::from_value(registered.clone()).unwrap();
        let kinds: BTreeMap<String, CustomStores> = customs
            .into_iter()
            .map(|custom| {
                (
                    custom.definition.clone(),
                    CustomStores::new(custom, Role::Registered),
                )
            })
            .collect();
        let ctx = Arc::get_mut(&mut self.ctx).unwrap();
        ctx.customs.kinds = kinds;
    }

    fn customs_catch_up(&self) {
        let ctx = &self.ctx;
        let from_host = |object: &Value| object["metadata"]["labels"]["warren.dev/from-host"] == "true";
        let own = |object: &Value| object["metadata"]["labels"]["warren.dev/cluster"] == "ci";
        let mut definitions = self.tenant.list(DEFINITIONS);
        definitions.retain(from_host);
        refill(&ctx.customs.tenant_definitions, definitions);
        for stores in ctx.customs.kinds.values() {
            refill(&stores.definition, self.host.list(DEFINITIONS));
            refill(&stores.tenant, self.tenant.list(TENANT));
            let mut host = self.host.list(HOST);
            host.retain(own);
            refill(&stores.host, host);
            for object in stores.tenant.all() {
                customs::note(&ctx.references, &ctx.cluster, &stores.custom, &object);
            }
        }
        let mut secrets = self.host.list(HOST_SECRETS);
        for secret in &mut secrets {
            secret["metadata"]["namespace"] = json!("wc-ci");
        }
        let (copies, made): (Vec<Value>, Vec<Value>) = secrets.into_iter().partition(own);
        refill(&ctx.host.secrets, copies);
        refill(&ctx.customs.made.secrets, made);
        refill(&ctx.tenant.secrets, self.tenant.list(TENANT_SECRETS));
    }

    async fn customs_at_rest(&self) {
        let versions = || (self.host.version(), self.tenant.version());
        for _ in 0..10 {
            let before = versions();
            self.customs_catch_up();
            let keys = shared::keys(&self.ctx)
                .into_iter()
                .chain(self.ctx.references.keys());
            for key in keys {
                let _tried_again_by_the_queue = self.round(&key).await;
            }
            if before == versions() {
                return;
            }
        }
        panic!("never at rest");
    }

    fn tenant_certificate(&self, uid: &str, spec: &Value) {
        self.tenant.put(
            &format!("{TENANT}web"),
            json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": { "namespace": TEAM, "uid": uid, "generation": 1, "labels": { "on": "host" } },
                "spec": spec }),
        );
    }

    fn named(&self, is_made: bool, name: &str) -> String {
        let named = Named {
            kind: warren_crds::sync::ReferenceKind::Secret,
            is_made,
            key: TenantKey::new(TEAM, name),
        };
        named.host_name(&self.ctx.cluster).as_str().to_owned()
    }
}

fn spec() -> Value {
    json!({ "secretName": "tls", "dnsNames": ["web.example.com"], "password": { "name": "password" } })
}

#[tokio::test]
async fn a_certificate_goes_down_its_status_and_its_secret_come_up() {
    let world = World::with_customs(&registered()).await;
    let copy = world.tenant.only(&format!("{DEFINITIONS}{DEFINITION}")).1;
    assert_eq!(copy["spec"]["group"], "cert-manager.io");
    let password = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": TEAM, "uid": "p" },
        "data": { "p": "eA==" } });
    world.tenant.put(&format!("{TENANT_SECRETS}password"), password);
    world.tenant_certificate("c1", &spec());
    world.customs_at_rest().await;
    let (path, host) = world.host.only(HOST);
    assert_eq!(
        (&host["kind"], &host["apiVersion"]),
        (&json!("Certificate"), &json!("cert-manager.io/v1"))
    );
    assert_eq!(host["spec"]["secretName"], world.named(true, "tls"));
    assert_eq!(host["spec"]["password"]["name"], world.named(false, "password"));
    let down = world
        .host
        .only(&format!("{HOST_SECRETS}{}", world.named(false, "password")))
        .1;
    assert_eq!(down["data"], json!({ "p": "eA==" }));

    // The controller: the Secret that was asked for, and the status.
    let made = format!("{HOST_SECRETS}{}", world.named(true, "tls"));
    let secret = |crt: &str| {
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "annotations": { "a": "b" } },
        "type": "kubernetes.io/tls", "data": { "tls.crt": crt } })
    };
    world.host.put(&made, secret("MQ=="));
    World::change(&world.host, &path, |certificate| {
        certificate["spec"]["defaulted"] = json!(true);
        certificate["status"] = json!({ "conditions": [{ "type": "Ready", "status": "True",
            "message": format!("stored in {}", world.named(true, "tls")) }] });
    });
    world.customs_at_rest().await;
    let certificate = world.tenant.only(TENANT).1;
    assert_eq!(certificate["status"]["conditions"][0]["message"], "stored in tls");
    assert!(certificate["spec"].get("defaulted").is_none());
    let up = world.tenant.only(&format!("{TENANT_SECRETS}tls")).1;
    assert_eq!(
        (&up["type"], &up["data"]),
        (&json!("kubernetes.io/tls"), &json!({ "tls.crt": "MQ==" }))
    );

    // Renewed.
    world.host.put(&made, secret("Mg=="));
    world.customs_at_rest().await;
    let up = world.tenant.only(&format!("{TENANT_SECRETS}tls")).1;
    assert_eq!(up["data"], json!({ "tls.crt": "Mg==" }));

    // At rest nothing is written, though the host has more than was sent.
    world.host.calls();
    world.tenant.calls();
    world.customs_at_rest().await;
    assert_eq!((world.host.writes(), world.tenant.writes()), (vec![], vec![]));
}

#[tokio::test]
async fn a_change_goes_down_and_what_the_host_was_changed_to_is_put_back() {
    let world = World::with_customs(&registered()).await;
    world.tenant_certificate("c1", &spec());
    world.customs_at_rest().await;
    let path = world.host.only(HOST).0;
    let mut changed = spec();
    changed.as_object_mut().unwrap().remove("dnsNames");
    world.tenant_certificate("c1", &changed);
    world.customs_at_rest().await;
    assert!(world.host.only(HOST).1["spec"].get("dnsNames").is_none());
    World::change(&world.host, &path, |host| {
        host["spec"]["secretName"] = json!("of-the-platform");
    });
    world.customs_at_rest().await;
    assert_eq!(
        world.host.only(HOST).1["spec"]["secretName"],
        world.named(true, "tls")
    );
}

#[tokio::test]
async fn what_the_tenant_deletes_or_takes_its_label_off_goes_on_the_host_with_all_that_came_for_it() {
    let world = World::with_customs(&registered()).await;
    world.tenant_certificate("c1", &spec());
    world.host.put(
        &format!("{HOST_SECRETS}{}", world.named(true, "tls")),
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {} }),
    );
    world.customs_at_rest().await;
    assert_eq!(world.tenant.list(TENANT_SECRETS).len(), 1);
    let path = format!("{TENANT}web");
    World::change(&world.tenant, &path, |object| {
        object["metadata"]["labels"] = json!({});
    });
    world.customs_at_rest().await;
    assert!(world.host.list(HOST).is_empty());
    assert!(world.tenant.list(TENANT_SECRETS).is_empty());
    // What the controller made is the host's to take away.
    assert_eq!(world.host.list(HOST_SECRETS).len(), 1);
}

#[tokio::test]
async fn a_successor_of_the_same_name_is_another_object_on_the_host() {
    let world = World::with_customs(&registered()).await;
    world.tenant_certificate("c1", &spec());
    world.customs_at_rest().await;
    let before = world.host.only(HOST).1["metadata"]["uid"].clone();
    world.tenant_certificate("c2", &spec());
    world.customs_at_rest().await;
    assert_ne!(world.host.only(HOST).1["metadata"]["uid"], before);
}

#[tokio::test]
async fn nothing_goes_down_of_a_definition_that_the_tenant_made_itself() {
    let mut world = World::new().await;
    world
        .tenant
        .put(&format!("{DEFINITIONS}{DEFINITION}"), definition());
    world.register(&registered()).await;
    world
        .host
        .put(&format!("{DEFINITIONS}{DEFINITION}"), definition());
    world.tenant_certificate("c1", &spec());
    world.customs_at_rest().await;
    assert!(world.told("NameTaken").await.contains(DEFINITION));
    assert!(world.host.list(HOST).is_empty());
}

#[tokio::test]
async fn what_a_kind_that_is_no_longer_registered_has_on_the_host_goes_and_the_tenant_keeps_its_objects() {
    let mut world = World::with_customs(&registered()).await;
    world.tenant_certificate("c1", &spec());
    world.customs_at_rest().await;
    let foreign =
        json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {}, "spec": {} });
    world.host.put(&format!("{HOST}of-the-platform"), foreign);
    world.register(&json!([])).await;
    world.customs_at_rest().await;
    assert_eq!(world.host.only(HOST).0, format!("{HOST}of-the-platform"));
    assert_eq!(world.tenant.list(TENANT).len(), 1);
    let definition = world.tenant.only(&format!("{DEFINITIONS}{DEFINITION}")).1;
    assert!(
        definition["metadata"]["labels"]
            .get("warren.dev/from-host")
            .is_none()
    );
}

#[tokio::test]
async fn before_both_sides_were_listed_nothing_is_deleted() {
    let mut world = World::with_customs(&registered()).await;
    world.tenant_certificate("c1", &spec());
    world.customs_at_rest().await;
    world.register(&registered()).await;
    refill(
        &world.ctx.customs.tenant_definitions,
        world.tenant.list(DEFINITIONS),
    );
    refill(&world.ctx.customs.kinds[DEFINITION].host, world.host.list(HOST));
    let key = Key::custom(DEFINITION, TenantKey::new(TEAM, "web"));
    world.round(&key).await.unwrap();
    assert_eq!(world.host.list(HOST).len(), 1);
    let made = Named {
        kind: warren_crds::sync::ReferenceKind::Secret,
        is_made: true,
        key: TenantKey::new(TEAM, "tls"),
    };
    let (references, cluster) = (&world.ctx.references, &world.ctx.cluster);
    let found = world.ctx.customs.made(references, cluster, &made);
    assert_eq!(found, mapped::Found::Unknown);
}
