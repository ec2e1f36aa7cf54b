//! The embedded host by itself: nothing leaves the machine.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use warren_tests::Stage;

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"blackhole","namespace":"default"},
  "spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"c","args":["pause"],
  "image":"registry.k8s.io/e2e-test-images/agnhost:2.59"}]}}"#;

/// 192.0.2.1 is TEST-NET-1 (RFC 5737): nobody's, and no packet to it leaves the namespaces.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_connect_from_a_pod_to_an_outside_address_fails_at_once() -> Result<()> {
    let stage = Stage::attach()?;
    stage.apply(POD).await?;
    stage
        .kubectl(&["wait", "pod/blackhole", "--for=condition=Ready", "--timeout=60s"])
        .await?;
    let begun = Instant::now();
    let tried = stage
        .kubectl(&[
            "exec",
            "blackhole",
            "--",
            "/agnhost",
            "connect",
            "192.0.2.1:80",
            "--timeout=20s",
        ])
        .await;
    let took = begun.elapsed();
    stage
        .kubectl(&["delete", "pod", "blackhole", "--wait=false"])
        .await?;
    ensure!(tried.is_err(), "the connect succeeded");
    // A dropped packet would end in agnhost's time-out; a blackhole route answers.
    ensure!(took < Duration::from_secs(10), "it took {took:?}: {tried:?}");
    Ok(())
}
