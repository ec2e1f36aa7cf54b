//! The command line from outside: help texts, usage errors, what works without any cluster.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and clippy.toml exempts only functions marked #[test]"
)]

use std::path::Path;

use assert_cmd::Command;

/// `warren` with nothing of the environment that could lead to a real cluster.
fn warren(home: &Path) -> Command {
    let mut command = Command::cargo_bin("warren").unwrap();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WARREN_") {
            command.env_remove(name);
        }
    }
    for name in [
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "XDG_RUNTIME_DIR",
    ] {
        command.env_remove(name);
    }
    command
        .env("HOME", home)
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1");
    command
}

/// Exit code, stdout and stderr of `warren ARGS…`.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = warren(home.path()).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap()
            .replace(&home.path().display().to_string(), "HOME")
    };
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn help_is_a_result_not_an_error() {
    let (code, out, err) = run(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn each_command_explains_itself() {
    for command in [
        "create",
        "list",
        "get",
        "explain",
        "kubeconfig",
        "connect",
        "delete",
        "version",
        "completion",
    ] {
        let (code, out, err) = run(&[command, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""), "{command}");
        insta::assert_snapshot!(format!("help_{command}"), out);
    }
}

#[test]
fn mistakes_on_the_command_line_exit_with_two() {
    let cases: [(&str, &[&str]); 9] = [
        ("no_command", &[]),
        ("unknown_command", &["crate", "x"]),
        ("missing_name", &["create"]),
        ("bad_version", &["create", "x", "--version", "1.37.2"]),
        ("bad_expose", &["create", "x", "--expose", "Ingress"]),
        ("bad_quota", &["create", "x", "--quota", "pods"]),
        ("bad_timeout", &["create", "x", "--wait", "--timeout", "soon"]),
        ("dry_run_and_wait", &["create", "x", "--dry-run", "--wait"]),
        ("output_of_connect", &["connect", "x", "-o", "json"]),
    ];
    for (name, arguments) in cases {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{name}");
        if name != "no_command" {
            insta::assert_snapshot!(format!("usage_{name}"), err);
        }
    }
}

#[test]
fn no_kubeconfig_says_where_one_is_looked_for() {
    let (code, out, err) = run(&["list"]);
    assert_eq!((code, out.as_str()), (1, ""));
    insta::assert_snapshot!(err);
}

#[test]
fn a_kubeconfig_that_is_missing_is_named() {
    let (code, _, err) = run(&["list", "--kubeconfig", "/no/such/file"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(err);
}

#[test]
fn a_host_that_is_down_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = "{apiVersion: v1, kind: Config, current-context: down, \
        clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: a, user: {token: t}}], \
        contexts: [{name: down, context: {cluster: a, user: a}}]}";
    std::fs::write(&path, text).unwrap();
    let output = warren(folder.path())
        .env("KUBECONFIG", &path)
        .args(["get", "x"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.starts_with("error: cannot reach the host's API: context 'down' (https://127.0.0.1:1)"),
        "{err}"
    );
    assert!(err.contains("\nhint: "), "{err}");
}

#[test]
fn a_manifest_can_be_printed_without_any_cluster() {
    let (code, out, err) = run(&[
        "create",
        "ci-42",
        "-n",
        "demo",
        "--ephemeral",
        "--dry-run=client",
        "-o",
        "yaml",
    ]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn flags_come_before_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["create", "ci-42", "--dry-run=client", "-o", "yaml"];
    let output = warren(home.path())
        .env("WARREN_NAMESPACE", "from-env")
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("namespace: from-env\n")
    );
    let output = warren(home.path())
        .env("WARREN_NAMESPACE", "from-env")
        .args(arguments)
        .args(["-n", "from-flag"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("namespace: from-flag\n")
    );
}

#[test]
fn kubectl_calls_it_by_its_own_name() {
    let home = tempfile::tempdir().unwrap();
    let plugin = home.path().join("kubectl-warren");
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("warren"), &plugin).unwrap();
    let output = std::process::Command::new(&plugin)
        .arg("get")
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("Usage: kubectl warren get"), "{err}");
}

#[test]
fn version_works_without_a_host() {
    let (code, out, err) = run(&["version", "-o", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let versions: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(versions["client"], env!("CARGO_PKG_VERSION"));
    assert!(versions["host"].is_null());
}

#[test]
fn completion_scripts_are_printed() {
    let (code, out, _) = run(&["completion", "bash"]);
    assert_eq!(code, 0);
    assert!(out.contains("_warren()"));
}
