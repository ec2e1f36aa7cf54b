//! The Secret of a certificate: down for its Ingress, fresh, and gone after it.

use super::*;

const SECRETS: &str = "/api/v1/namespaces/team/secrets/";
const BELOW: &str = "/api/v1/namespaces/wc-ci/secrets/";

fn secret() -> Key {
    Key::new(Kind::Secret, TenantKey::new(TEAM, "cert"))
}

impl World {
    fn certificate(&self, content: &str) {
        let metadata = json!({ "namespace": TEAM, "uid": "t-cert" });
        let data = json!({ "tls.crt": content, "tls.key": "a2V5" });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "data": data });
        self.tenant.put(&format!("{SECRETS}cert"), secret);
    }

    async fn secret_round(&self) {
        refill(&self.ctx.tenant.secrets, self.tenant.list(SECRETS));
        self.host_watches_catch_up();
        registry::round(&self.ctx, &secret()).await.unwrap();
    }
}

/// An Ingress with a certificate, on the host with its Secret.
async fn serving() -> World {
    let world = World::with_ingresses().await;
    world.certificate("b25l");
    let tls = json!([{ "hosts": ["a.example.com"], "secretName": "cert" }]);
    world.ingress_of(
        "web",
        &["a.example.com"],
        &json!({ "ingressClassName": "public", "tls": tls }),
    );
    world.ingresses_at_rest().await;
    world.secret_round().await;
    world
}

#[tokio::test]
async fn a_secret_goes_down_under_the_name_that_the_ingress_has_and_stays_fresh() {
    let world = serving().await;
    let (path, copy) = world.host.only(BELOW);
    assert_eq!(copy["data"]["tls.crt"], "b25l");
    assert_eq!(copy["type"], "kubernetes.io/tls");
    let named = world.host_ingresses()[0]["spec"]["tls"][0]["secretName"].clone();
    assert!(path.ends_with(named.as_str().unwrap()), "{path} {named}");
    world.certificate("dHdv");
    world.secret_round().await;
    assert_eq!(world.host.only(BELOW).1["data"]["tls.crt"], "dHdv");
}

#[tokio::test]
async fn a_secret_goes_after_the_hosts_ingress_and_not_before() {
    let world = serving().await;
    world.tenant.remove(&format!("{TENANT}web"));
    refill(&world.ctx.ingresses.tenant, Vec::new());
    world.state("web").await;
    // The watch still shows the host's Ingress.
    world.secret_round().await;
    assert_eq!(world.host.list(BELOW).len(), 1);
    world.ingresses_at_rest().await;
    world.secret_round().await;
    assert!(world.host.list(BELOW).is_empty());
}

#[tokio::test]
async fn a_new_process_does_not_take_the_secret_before_it_has_looked_at_the_ingress() {
    let mut world = serving().await;
    world.restart().await;
    world.ingresses_catch_up();
    world.secret_round().await;
    assert_eq!(world.host.list(BELOW).len(), 1);
    world.ingresses_at_rest().await;
    world.certificate("dHdv");
    world.secret_round().await;
    assert_eq!(world.host.only(BELOW).1["data"]["tls.crt"], "dHdv");
}

#[tokio::test]
async fn an_ingress_that_is_not_on_the_host_takes_no_secret_there() {
    let mut world = World::with_ingresses().await;
    world.allow(&[]);
    world.certificate("b25l");
    let tls = json!([{ "hosts": ["a.example.com"], "secretName": "cert" }]);
    world.ingress_of(
        "web",
        &["a.example.com"],
        &json!({ "ingressClassName": "public", "tls": tls }),
    );
    world.ingresses_at_rest().await;
    world.secret_round().await;
    assert!(world.host.list(BELOW).is_empty());
}
