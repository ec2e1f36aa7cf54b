//! `warren connect` and `warren kubeconfig` against a stand-in for a host and a real TLS server for the tenant.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and clippy.toml exempts only functions marked #[test]"
)]

#[path = "connect/stand_in.rs"]
mod stand_in;

use std::path::Path;
use std::process::Command;

use stand_in::{Setup, StandIn};

/// A closed port: nothing can be reached there.
const CLOSED: &str = "https://127.0.0.1:1";
/// Asks the cluster of `$KUBECONFIG` for its version, as any client would; empty when it does not answer.
const ASK: &str = r#""$WARREN" version -o json | sed -n 's/.*"host": "\(.*\)".*/\1/p'"#;

struct Outcome {
    code: i32,
    out: String,
    err: String,
}

/// Runs `warren ARGS…` with the stand-in as the host and `home` as the home folder.
async fn warren(host: &StandIn, home: &Path, arguments: &[&str]) -> Outcome {
    let program = assert_cmd::cargo::cargo_bin("warren");
    let mut command = Command::new(&program);
    for name in [
        "WARREN_CONTEXT",
        "WARREN_KUBECONFIG",
        "WARREN_QUIET",
        "XDG_RUNTIME_DIR",
    ] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("WARREN", &program)
        .env("WARREN_NAMESPACE", "demo")
        .env("NO_COLOR", "1");
    command
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("KUBECONFIG", host.write_kubeconfig(home));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

async fn closed() -> StandIn {
    StandIn::start(Setup {
        server: CLOSED.to_owned(),
        ..Setup::default()
    })
    .await
}

/// What is left in the folder for temporary files.
fn leftovers(home: &Path) -> Vec<String> {
    let names = std::fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("warren-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_leads_to_the_tenant_where_its_address_does_not() {
    let (host, home) = (closed().await, tempfile::tempdir().unwrap());
    let script =
        format!("{ASK}; echo \"$WARREN_CONNECTED\"; grep -o 'https://127[0-9.]*' \"$KUBECONFIG\"; exit 7");
    let outcome = warren(
        &host,
        home.path(),
        &["connect", "ci-42", "--", "sh", "-c", &script],
    )
    .await;
    assert_eq!(
        outcome.out, "v1.37.0-tenant\ndemo/ci-42\nhttps://127.0.0.1\n",
        "{}",
        outcome.err
    );
    assert_eq!(outcome.code, 7, "the exit code is the command's");
    assert!(
        outcome.err.contains("using a tunnel through the host's API"),
        "{}",
        outcome.err
    );
    assert!(leftovers(home.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_share_a_tunnel() {
    let (host, home) = (closed().await, tempfile::tempdir().unwrap());
    let script = format!("for i in 1 2 3 4 5 6 7 8; do {ASK} & done; wait");
    let outcome = warren(
        &host,
        home.path(),
        &["connect", "ci-42", "-q", "--", "sh", "-c", &script],
    )
    .await;
    assert_eq!(outcome.out, "v1.37.0-tenant\n".repeat(8), "{}", outcome.err);
    assert_eq!(outcome.err, "", "--quiet says nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_can_be_reached_needs_no_tunnel() {
    let (host, home) = (
        StandIn::start(Setup::default()).await,
        tempfile::tempdir().unwrap(),
    );
    let outcome = warren(&host, home.path(), &["connect", "ci-42", "--", "sh", "-c", ASK]).await;
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str()),
        ("v1.37.0-tenant\n", "")
    );
    assert_eq!(host.forwards(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_survives_the_end_of_its_pod() {
    // Two: one to see that it is allowed, one to see that the tenant answers. The command's come after.
    let setup = Setup {
        server: CLOSED.to_owned(),
        first_pod_takes: Some(2),
        ..Setup::default()
    };
    let (host, home) = (StandIn::start(setup).await, tempfile::tempdir().unwrap());
    let outcome = warren(
        &host,
        home.path(),
        &["connect", "ci-42", "-q", "--", "sh", "-c", ASK],
    )
    .await;
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str()),
        ("v1.37.0-tenant\n", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_right_to_tunnel_names_the_permission() {
    let setup = Setup {
        server: CLOSED.to_owned(),
        forbidden: true,
        ..Setup::default()
    };
    let (host, home) = (StandIn::start(setup).await, tempfile::tempdir().unwrap());
    let outcome = warren(&host, home.path(), &["connect", "ci-42", "--", "true"]).await;
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnels_address_is_never_written_to_a_kubeconfig() {
    let (host, home) = (closed().await, tempfile::tempdir().unwrap());
    let before = std::fs::read(host.write_kubeconfig(home.path())).unwrap();
    let outcome = warren(&host, home.path(), &["connect", "ci-42", "--switch-context"]).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    insta::assert_snapshot!(outcome.err);
    assert_eq!(std::fs::read(host.write_kubeconfig(home.path())).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lasting_address_is_written_when_asked() {
    let (host, home) = (
        StandIn::start(Setup::default()).await,
        tempfile::tempdir().unwrap(),
    );
    let outcome = warren(&host, home.path(), &["connect", "ci-42", "--switch-context"]).await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let written = kube::config::Kubeconfig::read_from(host.write_kubeconfig(home.path())).unwrap();
    assert_eq!(written.current_context.as_deref(), Some("warren/demo/ci-42"));
    let names: Vec<_> = written
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect();
    assert_eq!(names, ["host", "warren/demo/ci-42"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_does_not_work_from_here_comes_with_a_warning() {
    let (host, home) = (closed().await, tempfile::tempdir().unwrap());
    let outcome = warren(&host, home.path(), &["kubeconfig", "ci-42"]).await;
    assert_eq!(outcome.code, 0);
    kube::config::Kubeconfig::from_yaml(&outcome.out).unwrap();
    insta::assert_snapshot!(outcome.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_works_comes_without_a_word() {
    let (host, home) = (
        StandIn::start(Setup::default()).await,
        tempfile::tempdir().unwrap(),
    );
    let outcome = warren(&host, home.path(), &["kubeconfig", "ci-42"]).await;
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    assert!(
        outcome
            .out
            .contains(&format!("server: https://{}\n", host.tenant))
    );
}
