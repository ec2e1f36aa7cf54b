//! Gate and kubelet API over real TLS on loopback, against a host API that answers as kube-apiserver does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod loopback {
    //! What the stories need.
    pub(crate) mod host;
    pub(crate) mod pki;
    pub(crate) mod world;
}

use loopback::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const EXEC: &str = "POST /exec/ns/web-0/app?command=cat&input=1&output=1 HTTP/1.1\r\nHost: node\r\n\
    Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\
    Authorization: Bearer secret\r\nImpersonate-User: admin\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn exec_bytes_flow_both_ways_and_no_credentials_reach_the_host() {
    let world = World::start().await;
    let mut kubelet = world.kubelet("10.88.0.11:10250").await.unwrap();
    kubelet.write_all(EXEC.as_bytes()).await.unwrap();
    let head = loopback::world::head(&mut kubelet).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.to_lowercase().contains("upgrade: spdy/3.1"), "{head}");
    for text in ["hello", "again"] {
        kubelet.write_all(text.as_bytes()).await.unwrap();
        let mut echo = vec![0; text.len()];
        kubelet.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, text.as_bytes());
    }
    let seen = world.host.seen();
    let [request] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    let name = world.host_name.as_str();
    let path = format!(
        "POST /api/v1/namespaces/wc/pods/{name}/exec?container=app&stdin=true&stdout=true&stderr=false&tty=false&command=cat"
    );
    assert_eq!(request.line, path);
    for secret in ["authorization", "impersonate-user"] {
        assert!(!request.headers.contains(&secret.to_owned()), "{secret}");
    }
    assert!(request.headers.contains(&"x-stream-protocol-version".to_owned()));
}

#[tokio::test]
async fn a_session_is_cut_when_the_process_ends() {
    let world = World::start().await;
    let mut kubelet = world.kubelet("10.88.0.11:10250").await.unwrap();
    kubelet.write_all(EXEC.as_bytes()).await.unwrap();
    loopback::world::head(&mut kubelet).await;
    world.closing.cancel();
    kubelet.write_all(b"still").await.unwrap();
    let mut echo = [0; 5];
    kubelet.read_exact(&mut echo).await.unwrap();
    world.gate.kubelet.sessions.cut.cancel();
    world.gate.connections.cut.cancel();
    let mut rest = Vec::new();
    let _closed_or_reset = kubelet.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn logs_stream_and_refusals_are_the_kubelets() {
    let world = World::start().await;
    let (head, body) = world
        .get("/containerLogs/ns/web-0/app?tailLines=2&follow=true")
        .await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.contains("line 1") && body.contains("line 2"), "{body}");
    assert!(
        world.host.seen()[0]
            .line
            .ends_with("/log?container=app&follow=true&tailLines=2")
    );

    let (head, body) = world.get("/containerLogs/ns/other/app").await;
    assert!(
        head.starts_with("HTTP/1.1 404") && body == "pod \"other\" does not exist",
        "{head}{body}"
    );
    let (head, body) = world.get("/containerLogs/ns/web-0/missing").await;
    assert!(
        head.starts_with("HTTP/1.1 404") && body.contains("not found in pod"),
        "{head}{body}"
    );
    // The host says no, with its own names in the message.
    let (head, body) = world.get("/containerLogs/ns/web-0/app?previous=true").await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(
        !body.contains(world.host_name.as_str()) && body.contains("previous terminated container"),
        "{body}"
    );
    let (head, _) = world.get("/flagz").await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    let (head, body) = world.get("/pods").await;
    assert!(
        head.starts_with("HTTP/1.1 200") && body.contains("\"web-0\""),
        "{head}{body}"
    );
    assert_eq!(world.get("/healthz").await.1.trim_end(), "ok");
}

#[tokio::test]
async fn only_the_apiserver_gets_in_and_only_with_the_kubelet_certificate() {
    let world = World::start().await;
    // The gate: no certificate, another CA's, the right CA's with another name.
    assert!(world.connect_as(None, "10.88.0.11:10250").await.is_err());
    let stranger = world.pki.kubelet_client.leaf("kube-apiserver-egress", &[]);
    assert!(
        world
            .connect_as(Some(&stranger), "10.88.0.11:10250")
            .await
            .is_err()
    );
    let other = world.pki.internal.leaf("syncer", &[]);
    assert!(world.connect_as(Some(&other), "10.88.0.11:10250").await.is_err());
    // The kubelet API, inside the gate: a certificate of another CA is refused in the handshake …
    let internal = world
        .pki
        .internal
        .leaf("warren:kube-apiserver-kubelet-client", &[]);
    assert!(
        world
            .ask_as(&internal, "/healthz")
            .await
            .is_none_or(|head| !head.contains("200"))
    );
    // … and another name of the right CA is nobody.
    let nobody = world.pki.kubelet_client.leaf("system:node:n1", &[]);
    assert!(
        world
            .ask_as(&nobody, "/pods")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 401")
    );
}

#[tokio::test]
async fn the_gate_dials_own_pods_and_denies_the_rest() {
    let world = World::start().await;
    for (target, code) in [
        ("10.88.0.11:22", "403"),
        ("169.254.169.254:80", "403"),
        ("127.0.0.1:80", "403"),
        ("localhost:443", "403"),
        ("10.96.0.1:443", "403"),
        ("user@10.88.0.11:10250", "400"),
    ] {
        let head = world.connect_head(target).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {code}")), "{target}: {head}");
    }
    // An own Pod's address that nobody answers on: dialed, not denied.
    let head = world.connect_head("192.0.2.1:1").await;
    assert!(head.starts_with("HTTP/1.1 50"), "{head}");
}

#[tokio::test]
async fn a_hello_reaches_an_own_pod_through_the_gate() {
    let world = World::start().await;
    let Some(address) = world.own_pod_listener().await else {
        return;
    };
    let mut tunnel = world.connect(&address).await.unwrap();
    tunnel.write_all(b"ping").await.unwrap();
    let mut echo = [0; 4];
    tunnel.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"ping");
}

#[tokio::test]
async fn a_session_ends_with_its_pod() {
    let world = World::start().await;
    let mut kubelet = world.kubelet("10.88.0.11:10250").await.unwrap();
    kubelet.write_all(EXEC.as_bytes()).await.unwrap();
    loopback::world::head(&mut kubelet).await;
    tokio::time::pause();
    world.ends.changed("h1", None);
    let mut rest = Vec::new();
    let _closed_or_reset = kubelet.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn without_a_certificate_a_token_opens_what_the_tenant_allows_and_nothing_else() {
    let world = World::start().await;
    // Nobody learns even which paths there are.
    for header in [
        "",
        "Authorization: Bearer wrong",
        "Authorization: Basic bWV0cmljcw==",
    ] {
        for path in [
            "/pods",
            "/healthz",
            "/metrics/resource",
            "/no/such/path",
            "/exec/ns/web-0/app",
        ] {
            let (head, body) = world.ask_with(&format!("GET {path}"), header).await;
            assert!(head.starts_with("HTTP/1.1 401"), "{path} {header}: {head}");
            assert_eq!(body, "Unauthorized", "{path} {header}");
        }
    }
    let token = "Authorization: Bearer metrics";
    let (head, body) = world.ask_with("GET /metrics/resource", token).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let memory =
        "container_memory_working_set_bytes{container=\"app\",pod=\"web-0\",namespace=\"ns\"} 2097152";
    assert!(body.contains(memory), "{body}");
    for word in ["injected", "somebody-elses", world.host_name.as_str()] {
        assert!(!body.contains(word), "{word}: {body}");
    }
    for line in [
        "GET /pods",
        "GET /exec/ns/web-0/app?command=sh&output=1",
        "GET /no/such/path",
    ] {
        let (head, body) = world.ask_with(line, token).await;
        assert!(head.starts_with("HTTP/1.1 403"), "{line}: {head}");
        assert!(
            body.starts_with("Forbidden (user=metrics, verb="),
            "{line}: {body}"
        );
    }
}

#[tokio::test]
async fn the_pages_of_a_kubelet_show_the_tenants_own_and_nothing_of_the_hosts() {
    let world = World::start().await;
    for (path, wanted) in [
        (
            "/stats/summary",
            "\"podRef\":{\"name\":\"web-0\",\"namespace\":\"ns\",\"uid\":\"t1\"}",
        ),
        ("/metrics", "kubelet_node_name{node=\"n1\"} 1"),
        ("/metrics/cadvisor", "pod=\"web-0\""),
        ("/metrics/slis", "kubernetes_healthcheck"),
        ("/metrics/probes", ""),
        ("/configz", "\"kubeletconfig\""),
        ("/runningpods/", "\"PodList\""),
    ] {
        let (head, body) = world.get(path).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        assert!(body.contains(wanted), "{path}: {body}");
        assert!(!body.contains(world.host_name.as_str()), "{path}: {body}");
    }
}

#[tokio::test]
async fn metrics_are_for_the_front_proxy_and_for_whom_the_tenant_allows() {
    const ROOT: &str = "/apis/metrics.k8s.io/v1beta1";
    let world = World::start().await;
    // Without its certificate: nobody, whatever the headers say.
    assert!(refuses(world.metrics_as(None).await).await);
    let other = world.pki.kubelet_client.leaf("front-proxy-client", &[]);
    assert!(refuses(world.metrics_as(Some(&other)).await).await);
    let name = world.pki.front_proxy.leaf("somebody", &[]);
    let mut api = world.metrics_as(Some(&name)).await.unwrap();
    let (head, _) = loopback::world::ask(&mut api, &format!("GET {ROOT}"), "X-Remote-User: metrics").await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");

    let (head, body) = world.metrics(ROOT, "anybody").await;
    assert!(
        head.starts_with("HTTP/1.1 200") && body.contains("PodMetrics"),
        "{head}{body}"
    );
    let (head, body) = world
        .metrics(&format!("{ROOT}/namespaces/ns/pods"), "metrics")
        .await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}{body}");
    assert!(
        body.contains("\"cpu\":\"250000000n\"") && body.contains("\"web-0\""),
        "{body}"
    );
    assert!(
        !body.contains("injected") && !body.contains("somebody-elses"),
        "{body}"
    );
    for (path, user, code) in [
        ("/pods", "metrics", "403"),
        ("/nodes", "metrics", "403"),
        ("/namespaces/ns/pods", "anybody", "403"),
        ("/namespaces/ns/pods/other", "metrics", "404"),
        ("/namespaces/ns/pods?watch=true", "metrics", "405"),
        ("/services", "metrics", "404"),
    ] {
        let (head, body) = world.metrics(&format!("{ROOT}{path}"), user).await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {code}")),
            "{path} {user}: {head}{body}"
        );
        assert!(body.contains("\"kind\":\"Status\""), "{path} {user}: {body}");
    }
}

#[tokio::test]
async fn metrics_are_served_by_http_2_to_whom_asks_for_it() {
    let world = World::start().await;
    let stream = world.metrics_http2().await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let look = |mut sender: hyper::client::conn::http2::SendRequest<String>| async move {
        let request =
            http::Request::get("https://n/apis/metrics.k8s.io/v1beta1").header("x-remote-user", "a");
        sender
            .send_request(request.body(String::new()).unwrap())
            .await
            .unwrap()
            .status()
    };
    // Five at once, as an apiserver looks.
    let looks = (0..5).map(|_| look(sender.clone()));
    assert!(
        futures::future::join_all(looks)
            .await
            .iter()
            .all(http::StatusCode::is_success)
    );
}

/// With TLS 1.3 a client learns only from the first read that its certificate was refused.
async fn refuses<S>(connected: std::io::Result<S>) -> bool
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    match connected {
        Ok(mut stream) => loopback::world::ask(&mut stream, "GET /apis", "")
            .await
            .0
            .is_empty(),
        Err(_refused) => true,
    }
}
