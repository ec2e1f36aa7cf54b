//! The table of what passes, hostile forms included.

use super::super::target::parse;
use super::*;

fn records() -> Records {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let pod = |address: &str, host_network: bool, gone: bool| PodRecord {
        addresses: vec![ip(address)],
        host_network,
        gone,
    };
    let service = |name: &str, addresses: &[&str]| ServiceRecord {
        tenant: ("shop".to_owned(), name.to_owned()),
        addresses: addresses.iter().map(|address| ip(address)).collect(),
        ports: vec![443],
    };
    Records {
        nodes: Some(vec![NodeRecord {
            name: "n1".to_owned(),
            addresses: vec![ip("10.88.0.11"), ip("fd00::11")],
        }]),
        pods: Some(vec![
            pod("10.244.1.5", false, false),
            pod("10.244.1.6", false, true),
            pod("10.88.0.99", true, false),
            pod("10.88.0.11", false, false),
            pod("169.254.169.254", false, false),
            pod("10.244.1.7", false, true),
            pod("10.244.1.7", false, false),
        ]),
        services: Some(vec![
            service("web", &["10.96.0.20"]),
            service("headless", &[]),
            service("evil", &["127.0.0.1"]),
        ]),
        dns: Some(ip("10.96.0.53")),
        cluster_domain: "cluster.local".to_owned(),
    }
}

fn dial(text: &str) -> Decision {
    Decision::Dial(text.parse().unwrap())
}

#[test]
fn own_pods_services_and_kubelets_pass() {
    let kubelet = Decision::Kubelet {
        node: "n1".to_owned(),
    };
    let cases = [
        ("10.88.0.11:10250", kubelet.clone()),
        ("[fd00::11]:10250", kubelet),
        ("metrics.warren.internal:443", Decision::Metrics),
        ("METRICS.warren.internal:443", Decision::Metrics),
        ("10.244.1.5:8080", dial("10.244.1.5:8080")),
        ("10.244.1.7:8080", dial("10.244.1.7:8080")),
        ("10.96.0.20:443", dial("10.96.0.20:443")),
        ("web.shop.svc:443", dial("10.96.0.20:443")),
        ("WEB.shop.svc.cluster.local:443", dial("10.96.0.20:443")),
        ("web.shop.svc.cluster.local.:443", dial("10.96.0.20:443")),
    ];
    for (text, decision) in cases {
        assert_eq!(decide(&parse(text).unwrap(), &records()), decision, "{text}");
    }
}

#[test]
fn everything_else_is_denied_with_a_reason() {
    let cases = [
        ("10.88.0.11:22", Denial::NodePort),
        ("10.88.0.11:6443", Denial::NodePort),
        ("10.88.0.99:80", Denial::Foreign),
        ("10.88.0.12:10250", Denial::Foreign),
        ("10.244.1.6:80", Denial::PodGone),
        ("10.96.0.20:80", Denial::ServicePort),
        ("10.96.0.1:443", Denial::Foreign),
        ("10.96.0.53:53", Denial::Dns),
        ("1.1.1.1:443", Denial::Foreign),
        ("127.0.0.1:8080", Denial::SpecialAddress),
        ("0.0.0.0:8080", Denial::SpecialAddress),
        ("0.1.2.3:80", Denial::SpecialAddress),
        ("169.254.169.254:80", Denial::SpecialAddress),
        ("255.255.255.255:80", Denial::SpecialAddress),
        ("224.0.0.1:80", Denial::SpecialAddress),
        ("[::1]:80", Denial::SpecialAddress),
        ("[::]:80", Denial::SpecialAddress),
        ("[::ffff:10.244.1.5]:8080", Denial::SpecialAddress),
        ("[::10.244.1.5]:8080", Denial::SpecialAddress),
        ("[64:ff9b::a9fe:a9fe]:80", Denial::SpecialAddress),
        ("[2002:a9fe:a9fe::]:80", Denial::SpecialAddress),
        ("[fe80::1]:80", Denial::SpecialAddress),
        ("metrics.warren.internal:80", Denial::ServicePort),
        ("metrics.warren.internal.:443", Denial::UnknownName),
        ("x.metrics.warren.internal:443", Denial::UnknownName),
        ("localhost:8080", Denial::UnknownName),
        ("127.1:80", Denial::UnknownName),
        ("2130706433:80", Denial::UnknownName),
        ("0x7f000001:80", Denial::UnknownName),
        ("0177.0.0.1:80", Denial::UnknownName),
        ("example.com:443", Denial::UnknownName),
        ("kubernetes.default.svc:443", Denial::UnknownName),
        ("web.other.svc:443", Denial::UnknownName),
        ("web.shop.svc.evil.com:443", Denial::UnknownName),
        ("a.web.shop.svc:443", Denial::UnknownName),
        ("headless.shop.svc:443", Denial::UnknownName),
        ("evil.shop.svc:443", Denial::UnknownName),
        (".shop.svc:443", Denial::UnknownName),
        ("svc:443", Denial::UnknownName),
        ("web.shop.svc:80", Denial::ServicePort),
    ];
    for (text, denial) in cases {
        assert_eq!(
            decide(&parse(text).unwrap(), &records()),
            Decision::Denied(denial),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_known_yet_is_neither_allowed_nor_denied() {
    let mut records = records();
    records.pods = None;
    assert_eq!(
        decide(&parse("10.244.1.5:80").unwrap(), &records),
        Decision::NotReady
    );
    assert_eq!(
        decide(&parse("10.88.0.11:10250").unwrap(), &records),
        Decision::Kubelet {
            node: "n1".to_owned()
        }
    );
    records.nodes = None;
    assert_eq!(
        decide(&parse("10.88.0.11:10250").unwrap(), &records),
        Decision::NotReady
    );
    records.services = None;
    assert_eq!(
        decide(&parse("web.shop.svc:443").unwrap(), &records),
        Decision::NotReady
    );
    assert_eq!(
        decide(&parse("127.0.0.1:80").unwrap(), &records),
        Decision::Denied(Denial::SpecialAddress)
    );
}
