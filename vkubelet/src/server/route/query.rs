//! Query strings: what the kubelet takes, in the host API's words. Everything else is dropped or refused.

use std::fmt::Display;
use std::str::FromStr;

use form_urlencoded::{Serializer, parse};
use jiff::Timestamp;

/// Longest list of ports of one port-forward.
const PORTS_MAX: usize = 256;

/// Which log lines, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Name and value, in the host API's words.
    options: Vec<(&'static str, String)>,
    /// Goes on as lines come.
    pub follow: bool,
}

impl Logs {
    /// Reads the kubelet's query.
    ///
    /// # Errors
    /// A sentence about the first option that makes no sense.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut logs = Self::default();
        for (key, value) in parse(query.as_bytes()) {
            if value.is_empty() {
                continue;
            }
            let (name, value) = match key.as_ref() {
                "follow" => {
                    logs.follow = flag("follow", &value)?;
                    ("follow", logs.follow.to_string())
                }
                "previous" => ("previous", flag("previous", &value)?.to_string()),
                "timestamps" => ("timestamps", flag("timestamps", &value)?.to_string()),
                "tailLines" | "tail" if value == "all" => continue,
                "tailLines" | "tail" => ("tailLines", number("tailLines", &value, 0)?.to_string()),
                "sinceSeconds" => ("sinceSeconds", number("sinceSeconds", &value, 1)?.to_string()),
                "limitBytes" => ("limitBytes", number("limitBytes", &value, 1)?.to_string()),
                "sinceTime" => {
                    let _checked: Timestamp = read("sinceTime", &value)?;
                    ("sinceTime", value.into_owned())
                }
                "stream" if matches!(value.as_ref(), "All" | "Stdout" | "Stderr") => {
                    ("stream", value.into_owned())
                }
                "stream" => return Err("invalid stream: must be All, Stdout or Stderr".to_owned()),
                _ => continue,
            };
            logs.options.retain(|(other, _)| *other != name);
            logs.options.push((name, value));
        }
        Ok(logs)
    }

    /// The host API's query.
    pub fn host_query(&self, container: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("container", container);
        for (name, value) in &self.options {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

/// Which streams of exec and attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four independent options of the API"
)]
pub struct Streams {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// A terminal.
    pub tty: bool,
}

impl Streams {
    /// Reads the kubelet's query; like a kubelet, no standard error with a terminal.
    ///
    /// # Errors
    /// A sentence, when no stream is asked for.
    pub fn parse(query: &str) -> Result<Self, String> {
        let asked = |key: &str| {
            all(query, key)
                .iter()
                .any(|value| matches!(value.as_str(), "1" | "true"))
        };
        let tty = asked("tty");
        let streams = Self {
            stdin: asked("input"),
            stdout: asked("output"),
            stderr: asked("error") && !tty,
            tty,
        };
        if streams.stdin || streams.stdout || streams.stderr {
            Ok(streams)
        } else {
            Err("you must specify at least 1 of stdin, stdout, stderr".to_owned())
        }
    }

    /// The host API's query.
    pub fn host_query(self, container: &str, command: &[String]) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("container", container);
        let flags = [
            ("stdin", self.stdin),
            ("stdout", self.stdout),
            ("stderr", self.stderr),
            ("tty", self.tty),
        ];
        for (name, value) in flags {
            query.append_pair(name, if value { "true" } else { "false" });
        }
        for part in command {
            query.append_pair("command", part);
        }
        query.finish()
    }
}

/// All values of one key, in order.
pub(super) fn all(query: &str, key: &str) -> Vec<String> {
    parse(query.as_bytes())
        .filter(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// The ports of a port-forward over WebSocket, in order.
pub(super) fn ports(query: &str) -> Result<Vec<u16>, String> {
    let mut ports = Vec::new();
    for text in all(query, "port").iter().flat_map(|list| list.split(',')) {
        let port: u16 = text
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| format!("invalid port {text:?}"))?;
        ports.push(port);
    }
    if ports.len() > PORTS_MAX {
        return Err(format!("at most {PORTS_MAX} ports"));
    }
    Ok(ports)
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("unable to parse {name}: must be true or false")),
    }
}

fn number(name: &str, value: &str, minimum: i64) -> Result<i64, String> {
    let number: i64 = read(name, value)?;
    if number < minimum {
        Err(format!("invalid {name}: must be at least {minimum}"))
    } else {
        Ok(number)
    }
}

fn read<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|error| format!("unable to parse {name}: {error}"))
}
