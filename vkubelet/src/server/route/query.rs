//! Query strings: what the kubelet takes, in the host API's words. Everything else is dropped or refused.

use form_urlencoded::{Serializer, parse};
use jiff::Timestamp;

use super::Refusal;

/// Longest list of ports of one port-forward.
const PORTS_MAX: usize = 256;

/// Which log lines, checked as a kubelet does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Name and value, in the host API's words.
    options: Vec<(&'static str, String)>,
    /// Goes on as lines come.
    pub follow: bool,
}

impl Logs {
    /// Reads the kubelet's query: of repeated options the first one counts, unknown ones are nothing.
    ///
    /// # Errors
    /// [`Refusal::Query`] for what cannot be read, [`Refusal::Unprocessable`] for what cannot be; both in the
    /// kubelet's words, which do not say which option it is.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        let first = |key: &str| all(query, key).into_iter().next();
        let flag =
            |key: &str| first(key).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"));
        let tail = match first("tail").filter(|tail| !tail.is_empty()) {
            Some(every) if every == "all" => None,
            Some(tail) => Some(tail),
            None => first("tailLines"),
        };
        let tail = tail.as_deref().map(number).transpose()?;
        let since_seconds = first("sinceSeconds").as_deref().map(number).transpose()?;
        let since_time = first("sinceTime").filter(|time| !time.is_empty());
        if let Some(time) = &since_time {
            let _checked: Timestamp = time.parse().map_err(|_unreadable| unreadable())?;
        }
        let limit = first("limitBytes").as_deref().map(number).transpose()?;
        let stream = first("stream").filter(|stream| !stream.is_empty());
        let one_stream = stream.as_deref().filter(|stream| *stream != "All");
        let possible = tail.is_none_or(|lines| lines >= 0)
            && limit.is_none_or(|bytes| bytes >= 1)
            && since_seconds.is_none_or(|seconds| seconds >= 1)
            && !(since_seconds.is_some() && since_time.is_some())
            && one_stream.is_none_or(|stream| matches!(stream, "Stdout" | "Stderr") && tail.is_none());
        if !possible {
            return Err(Refusal::Unprocessable(
                r#"{"message": "Invalid request."}"#.to_owned(),
            ));
        }
        let follow = flag("follow");
        let yes = |yes: bool| yes.then(|| "true".to_owned());
        let text = |number: Option<i64>| number.map(|number| number.to_string());
        let options = [
            ("follow", yes(follow)),
            ("previous", yes(flag("previous"))),
            ("timestamps", yes(flag("timestamps"))),
            ("sinceSeconds", text(since_seconds)),
            ("sinceTime", since_time),
            ("tailLines", text(tail)),
            ("limitBytes", text(limit)),
            // Never `All`: it is the default, and a host that cannot split streams refuses the word.
            ("stream", one_stream.map(str::to_owned)),
        ];
        let options = options.into_iter();
        Ok(Self {
            options: options.filter_map(|(name, value)| Some((name, value?))).collect(),
            follow,
        })
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

fn number(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_unreadable| unreadable())
}

fn unreadable() -> Refusal {
    Refusal::Query(r#"{"message": "Unable to decode query."}"#.to_owned())
}
