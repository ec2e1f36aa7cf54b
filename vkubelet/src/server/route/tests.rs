//! Tables of good and hostile requests.

use super::*;

fn get(path: &str, query: &str) -> Result<Route, Refusal> {
    parse(&Method::GET, path, Some(query))
}

fn pod(uid: Option<&str>) -> PodRef {
    PodRef {
        namespace: "ns".to_owned(),
        pod: "web-0".to_owned(),
        uid: uid.map(str::to_owned),
    }
}

#[test]
fn exec_and_attach_with_and_without_uid() {
    let route = get(
        "/exec/ns/web-0/app",
        "command=sh&command=-c&command=a%20b%26&input=1&output=1&error=1&tty=1",
    )
    .unwrap();
    let Route::Exec {
        pod: named,
        container,
        command,
        streams,
    } = route
    else {
        panic!()
    };
    assert_eq!((named, container.as_str()), (pod(None), "app"));
    assert_eq!(command, ["sh", "-c", "a b&"]);
    let query = streams.host_query(&container, &command);
    assert_eq!(
        query,
        "container=app&stdin=true&stdout=true&stderr=false&tty=true&command=sh&command=-c&command=a+b%26"
    );
    let route = parse(&Method::POST, "/attach/ns/web-0/0a-1b/app", Some("output=1")).unwrap();
    assert!(matches!(route, Route::Attach { pod: named, .. } if named == pod(Some("0a-1b"))));
}

fn logs(query: &str) -> Result<String, Refusal> {
    match get("/containerLogs/ns/web-0/app", query)? {
        Route::Logs { query, .. } => Ok(query.host_query("app")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn logs_with_every_option() {
    for (query, host) in [
        ("", ""),
        (
            "follow=true&previous=0&timestamps=1&sinceSeconds=5&tailLines=0&limitBytes=9&stream=All&pretty=true",
            "&follow=true&timestamps=true&sinceSeconds=5&tailLines=0&limitBytes=9",
        ),
        (
            "sinceTime=2026-11-21T10:00:00Z&stream=Stderr",
            "&sinceTime=2026-11-21T10%3A00%3A00Z&stream=Stderr",
        ),
        (
            "previous=true&insecureSkipTLSVerifyBackend=true",
            "&previous=true",
        ),
        // As the API machinery reads booleans: everything but false and 0 is true.
        (
            "follow=FALSE&previous=&timestamps=maybe",
            "&previous=true&timestamps=true",
        ),
        ("tail=7&tailLines=9", "&tailLines=7"),
        ("tail=all&tailLines=9", ""),
        ("tail=&tailLines=9", "&tailLines=9"),
        ("tailLines=1&tailLines=2", "&tailLines=1"),
    ] {
        assert_eq!(logs(query), Ok(format!("container=app{host}")), "{query}");
    }
}

#[test]
fn impossible_log_options_are_refused_in_a_kubelets_words() {
    let unreadable = Refusal::Query(r#"{"message": "Unable to decode query."}"#.to_owned());
    for query in [
        "tailLines=x",
        "tailLines=",
        "sinceSeconds=1.5",
        "limitBytes=9x",
        "sinceTime=yesterday",
    ] {
        assert_eq!(logs(query), Err(unreadable.clone()), "{query}");
    }
    let impossible = Refusal::Unprocessable(r#"{"message": "Invalid request."}"#.to_owned());
    for query in [
        "tailLines=-1",
        "sinceSeconds=0",
        "limitBytes=0",
        "stream=Both",
        "stream=Stdout&tailLines=1",
        "sinceSeconds=1&sinceTime=2026-11-21T10:00:00Z",
    ] {
        assert_eq!(logs(query), Err(impossible.clone()), "{query}");
    }
}

#[test]
fn port_forward_reads_ports_in_both_forms() {
    let route = get("/portForward/ns/web-0", "port=80,443&port=9").unwrap();
    assert_eq!(
        route,
        Route::PortForward {
            pod: pod(None),
            ports: vec![80, 443, 9]
        }
    );
    let route = parse(&Method::POST, "/portForward/ns/web-0/u-1", None).unwrap();
    assert_eq!(
        route,
        Route::PortForward {
            pod: pod(Some("u-1")),
            ports: vec![]
        }
    );
    for bad in ["port=0", "port=x", "port=70000", "port=80,,1"] {
        assert!(
            matches!(get("/portForward/ns/web-0", bad), Err(Refusal::Query(_))),
            "{bad}"
        );
    }
}

#[test]
fn missing_commands_and_streams_are_bad_requests() {
    assert!(matches!(
        get("/exec/ns/web-0/app", "output=1"),
        Err(Refusal::Query(_))
    ));
    assert!(matches!(
        get("/exec/ns/web-0/app", "command=sh"),
        Err(Refusal::Query(_))
    ));
    assert!(matches!(get("/attach/ns/web-0/app", ""), Err(Refusal::Query(_))));
}

#[test]
fn other_methods_are_told_what_is_allowed() {
    for (path, allowed) in [
        ("/pods", READ),
        ("/runningpods/", READ),
        ("/containerLogs/ns/web-0/app", READ),
        ("/stats/summary", STREAM),
        ("/exec/ns/web-0/app", STREAM),
        ("/attach/ns/web-0/app", STREAM),
        ("/portForward/ns/web-0", STREAM),
    ] {
        assert_eq!(
            parse(&Method::PUT, path, Some("command=a&output=1")),
            Err(Refusal::Method(allowed)),
            "{path}"
        );
    }
    assert_eq!(
        parse(&Method::HEAD, "/containerLogs/ns/web-0/app", None),
        Err(Refusal::Method(READ))
    );
}

#[test]
fn hostile_paths_lead_nowhere() {
    for path in [
        "",
        "pods",
        "//pods",
        "/pods/x",
        "/pods/..",
        "/exec",
        "/exec/",
        "/exec/ns/web-0",
        "/exec//web-0/app",
        "/exec/ns//app",
        "/exec/ns/web-0/",
        "/exec/ns/web-0/u/app/more",
        "/exec/../web-0/app",
        "/exec/ns/../app",
        "/exec/./web-0/app",
        "/exec/ns/web-0/..",
        "/exec/%2e%2e/web-0/app",
        "/exec/ns/web%2f0/app",
        "/exec/ns/a%00b/app",
        "/exec/ns/web-0;x/app",
        "/exec/ns/a..b/app",
        "/exec/NS/web-0/app",
        "/Exec/ns/web-0/app",
        "/exec/ns/web-0/app?x",
        "/containerLogs/ns/web-0/u/app",
        "/containerLogs/ns/web-0/app/",
        "/portForward/ns",
        "/portForward/ns/web-0/u/",
        "/healthz/../pods",
        "/healthz/other",
        "/api/v1/pods",
    ] {
        assert_eq!(get(path, "command=a&output=1"), Err(Refusal::NotFound), "{path}");
    }
}

#[test]
fn what_belongs_to_the_host_is_forbidden() {
    for path in [
        "/run/ns/web-0/app",
        "/logs/",
        "/logs/../../etc/shadow",
        "/checkpoint/ns/web-0/app",
        "/debug/pprof/",
        "/debug/flags/v",
        "/flagz",
        "/statusz",
    ] {
        assert_eq!(get(path, ""), Err(Refusal::Forbidden), "{path}");
    }
}

#[test]
fn what_every_kubelet_answers() {
    use MetricsPage::{Cadvisor, Own, Probes, Resource, Slis};
    for (path, route) in [
        ("/healthz", Route::Healthz),
        ("/healthz/syncloop", Route::Healthz),
        ("/pods", Route::Pods),
        ("/pods/", Route::Pods),
        ("/runningpods", Route::RunningPods),
        ("/runningpods/", Route::RunningPods),
        ("/stats/summary", Route::Summary),
        ("/metrics", Route::Metrics(Own)),
        ("/metrics/resource", Route::Metrics(Resource)),
        ("/metrics/cadvisor", Route::Metrics(Cadvisor)),
        ("/metrics/probes", Route::Metrics(Probes)),
        ("/metrics/slis", Route::Metrics(Slis)),
        ("/configz", Route::Configz),
    ] {
        assert_eq!(get(path, ""), Ok(route), "{path}");
    }
    for path in [
        "/metrics/",
        "/metrics/other",
        "/stats",
        "/stats/container",
        "/configz/x",
    ] {
        assert_eq!(get(path, ""), Err(Refusal::NotFound), "{path}");
    }
}
