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

#[test]
fn logs_with_every_option() {
    let query = "follow=true&previous=0&timestamps=1&sinceSeconds=5&sinceTime=2026-11-21T10:00:00Z&tailLines=0&limitBytes=9&stream=Stdout&pretty=true&insecureSkipTLSVerifyBackend=true";
    let Route::Logs { query, .. } = get("/containerLogs/ns/web-0/app", query).unwrap() else {
        panic!()
    };
    assert!(query.follow);
    assert_eq!(
        query.host_query("app"),
        "container=app&follow=true&previous=false&timestamps=true&sinceSeconds=5&sinceTime=2026-11-21T10%3A00%3A00Z&tailLines=0&limitBytes=9&stream=Stdout"
    );
    let Route::Logs { query, .. } = get("/containerLogs/ns/web-0/app", "tail=7&tailLines=").unwrap() else {
        panic!()
    };
    assert_eq!(query.host_query("app"), "container=app&tailLines=7");
    for bad in [
        "follow=maybe",
        "tailLines=-1",
        "tailLines=x",
        "sinceSeconds=0",
        "sinceTime=yesterday",
        "stream=Both",
    ] {
        assert!(
            matches!(get("/containerLogs/ns/web-0/app", bad), Err(Refusal::Query(_))),
            "{bad}"
        );
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
        ("/containerLogs/ns/web-0/app", READ),
        ("/exec/ns/web-0/app", STREAM),
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
        "/pods/",
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
        "/configz",
        "/stats/summary",
        "/metrics",
        "/metrics/resource",
    ] {
        assert_eq!(get(path, ""), Err(Refusal::Forbidden), "{path}");
    }
}

#[test]
fn what_every_kubelet_answers() {
    assert_eq!(get("/healthz", ""), Ok(Route::Healthz));
    assert_eq!(get("/healthz/syncloop", ""), Ok(Route::Healthz));
    assert_eq!(get("/pods", ""), Ok(Route::Pods));
    assert_eq!(get("/runningpods/", ""), Ok(Route::RunningPods));
}
