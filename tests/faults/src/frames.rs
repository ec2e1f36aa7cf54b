//! Pure: what a client sees of a watch.

use bytes::Bytes;
use serde_json::Value;

use crate::call::{Call, Side};

/// What happened, as a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Added,
    Modified,
    Deleted,
    /// Only a resourceVersion; or an error.
    Other,
}

/// One line of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// As it came, with the end of the line.
    pub line: Bytes,
    kind: Kind,
    object: (String, String),
}

/// What is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// On which side.
    pub side: Side,
    /// Which resource.
    pub resource: &'static str,
    /// Only objects of this name, if one is given.
    pub name: Option<String>,
}

/// What becomes of frames that were held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// They come, late.
    #[default]
    All,
    /// The last of each object comes, as after a gap; of one that came and went, none.
    Latest,
    /// None comes.
    Nothing,
}

/// How watches are disturbed.
#[derive(Clone, Debug, Default)]
pub struct Modes {
    /// What is held back.
    pub holds: Vec<Hold>,
    /// How it comes once nothing holds it.
    pub release: Release,
    /// Every frame comes twice.
    pub twice: bool,
    /// Frames of two objects change places.
    pub swapped: bool,
    /// Every watch is answered with 410.
    pub gone: bool,
    /// Which streams were cut so far: all of a side, or of one of its resources.
    pub cuts: Vec<(Side, Option<&'static str>)>,
}

/// The state of one stream.
#[derive(Debug)]
pub struct Filter {
    side: Side,
    resource: String,
    cuts_before: usize,
    held: Vec<Frame>,
    /// Comes after the next one of another object.
    waiting: Option<Frame>,
}

impl Frame {
    /// Reads a line. `None` for what is no frame.
    pub fn parse(line: Bytes) -> Option<Self> {
        let value: Value = serde_json::from_slice(&line).ok()?;
        let kind = match value.get("type")?.as_str()? {
            "ADDED" => Kind::Added,
            "MODIFIED" => Kind::Modified,
            "DELETED" => Kind::Deleted,
            _ => Kind::Other,
        };
        let text = |pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let object = (text("/object/metadata/namespace"), text("/object/metadata/name"));
        Some(Self { line, kind, object })
    }
}

impl Modes {
    /// Whether the streams of this resource were cut after the first `before` cuts.
    fn is_cut(&self, side: Side, resource: &str, before: usize) -> bool {
        self.cuts
            .iter()
            .skip(before)
            .any(|(of, only)| *of == side && only.is_none_or(|only| only == resource))
    }
}

impl Filter {
    /// Of a stream that begins now.
    pub fn new(call: &Call, modes: &Modes) -> Self {
        Self {
            side: call.side,
            resource: call.resource.clone(),
            cuts_before: modes.cuts.len(),
            held: Vec::new(),
            waiting: None,
        }
    }

    /// Whether the stream has to end now.
    pub fn is_cut(&self, modes: &Modes) -> bool {
        modes.is_cut(self.side, &self.resource, self.cuts_before)
    }

    /// How many frames are held back.
    pub const fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether a frame waits for another to come before it.
    pub const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// What the client sees when this frame comes.
    pub fn frame(&mut self, frame: Frame, modes: &Modes) -> Vec<Frame> {
        let holds = self.holds(&frame, modes);
        // A bookmark would tell the client that it knows what it does not.
        if holds || (frame.kind == Kind::Other && !(self.held.is_empty() && self.waiting.is_none())) {
            self.held.push(frame);
            return Vec::new();
        }
        let frames = self.swap(frame, modes);
        if modes.twice {
            return frames
                .into_iter()
                .flat_map(|frame| [frame.clone(), frame])
                .collect();
        }
        frames
    }

    /// What the client sees when the modes have changed.
    pub fn changed(&mut self, modes: &Modes) -> Vec<Frame> {
        if self.held.iter().any(|frame| self.holds(frame, modes)) {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.held);
        match modes.release {
            Release::All => held,
            Release::Latest => latest(held),
            Release::Nothing => Vec::new(),
        }
    }

    /// The frame that waits for another, when none comes.
    pub fn flush(&mut self) -> Vec<Frame> {
        self.waiting.take().into_iter().collect()
    }

    fn holds(&self, frame: &Frame, modes: &Modes) -> bool {
        let of = |hold: &Hold| hold.side == self.side && hold.resource == self.resource;
        let named = |hold: &Hold| hold.name.as_ref().is_none_or(|name| *name == frame.object.1);
        frame.kind != Kind::Other && modes.holds.iter().any(|hold| of(hold) && named(hold))
    }

    fn swap(&mut self, frame: Frame, modes: &Modes) -> Vec<Frame> {
        match self.waiting.take() {
            // The order of the frames of one object is part of what an apiserver promises.
            Some(waiting) if waiting.object == frame.object => vec![waiting, frame],
            Some(waiting) => vec![frame, waiting],
            None if modes.swapped && frame.kind != Kind::Other => {
                self.waiting = Some(frame);
                Vec::new()
            }
            None => vec![frame],
        }
    }
}

/// What a client that was away sees of these.
fn latest(frames: Vec<Frame>) -> Vec<Frame> {
    let mut known_before: Vec<((String, String), bool)> = Vec::new();
    let mut last: Vec<Frame> = Vec::new();
    for frame in frames.into_iter().filter(|frame| frame.kind != Kind::Other) {
        if !known_before.iter().any(|(object, _)| *object == frame.object) {
            known_before.push((frame.object.clone(), frame.kind != Kind::Added));
        }
        last.retain(|other| other.object != frame.object);
        last.push(frame);
    }
    last.retain(|frame| {
        let was_known = known_before
            .iter()
            .any(|(object, known)| *object == frame.object && *known);
        was_known || frame.kind != Kind::Deleted
    });
    last
}

/// Bytes as they come to whole lines.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// The lines that end in `bytes`.
    pub fn split(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        self.0.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            lines.push(self.0.drain(..=end).collect::<Vec<u8>>().into());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::Verb;

    fn filter(modes: &Modes) -> Filter {
        let call = Call {
            side: Side::Tenant,
            verb: Verb::Watch,
            resource: "secrets".to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        Filter::new(&call, modes)
    }

    fn frame(kind: &str, name: &str, version: u32) -> Frame {
        let object = json!({ "metadata": { "name": name, "resourceVersion": version.to_string() } });
        let line = json!({ "type": kind, "object": object }).to_string();
        Frame::parse(line.into()).unwrap()
    }

    fn hold(name: Option<&str>) -> Modes {
        Modes {
            holds: vec![Hold {
                side: Side::Tenant,
                resource: "secrets",
                name: name.map(str::to_owned),
            }],
            ..Modes::default()
        }
    }

    fn release(release: Release) -> Modes {
        Modes {
            release,
            ..Modes::default()
        }
    }

    #[test]
    fn what_is_held_comes_in_order_when_nothing_holds_it_and_others_pass() {
        let modes = hold(Some("a"));
        let mut filter = filter(&modes);
        let held = [frame("ADDED", "a", 1), frame("MODIFIED", "a", 3)];
        assert!(filter.frame(held[0].clone(), &modes).is_empty());
        let other = frame("ADDED", "b", 2);
        assert_eq!(filter.frame(other.clone(), &modes), [other]);
        assert!(filter.frame(held[1].clone(), &modes).is_empty());
        assert_eq!(filter.changed(&release(Release::All)), held);
    }

    #[test]
    fn a_bookmark_does_not_overtake_what_is_held() {
        let modes = hold(None);
        let mut filter = filter(&modes);
        filter.frame(frame("ADDED", "a", 1), &modes);
        assert!(filter.frame(frame("BOOKMARK", "", 9), &modes).is_empty());
    }

    #[test]
    fn after_a_gap_only_the_last_state_comes_and_nothing_of_what_came_and_went() {
        let modes = hold(None);
        let mut filter = filter(&modes);
        for (kind, name, version) in [
            ("ADDED", "new", 1),
            ("DELETED", "old", 2),
            ("ADDED", "old", 3),
            ("DELETED", "new", 4),
            ("MODIFIED", "gone", 5),
            ("DELETED", "gone", 6),
        ] {
            filter.frame(frame(kind, name, version), &modes);
        }
        let seen = filter.changed(&release(Release::Latest));
        assert_eq!(seen, [frame("ADDED", "old", 3), frame("DELETED", "gone", 6)]);
    }

    #[test]
    fn dropped_is_dropped() {
        let modes = hold(None);
        let mut filter = filter(&modes);
        filter.frame(frame("DELETED", "a", 1), &modes);
        assert!(filter.changed(&release(Release::Nothing)).is_empty());
        assert!(filter.changed(&release(Release::All)).is_empty());
    }

    #[test]
    fn frames_of_two_objects_change_places_and_those_of_one_do_not() {
        let modes = Modes {
            swapped: true,
            ..Modes::default()
        };
        let mut filter = filter(&modes);
        let [a, b, more] = [
            frame("ADDED", "a", 1),
            frame("ADDED", "b", 2),
            frame("MODIFIED", "b", 3),
        ];
        assert!(filter.frame(a.clone(), &modes).is_empty());
        assert_eq!(filter.frame(b.clone(), &modes), [b.clone(), a]);
        assert!(filter.frame(b.clone(), &modes).is_empty());
        assert_eq!(filter.frame(more.clone(), &modes), [b.clone(), more]);
        assert!(filter.frame(b.clone(), &modes).is_empty());
        assert_eq!(filter.flush(), [b]);
    }

    #[test]
    fn every_frame_comes_twice() {
        let modes = Modes {
            twice: true,
            ..Modes::default()
        };
        let a = frame("ADDED", "a", 1);
        assert_eq!(filter(&modes).frame(a.clone(), &modes), [a.clone(), a]);
    }

    #[test]
    fn a_cut_ends_the_streams_that_were_there() {
        let mut modes = Modes::default();
        let before = filter(&modes);
        modes.cuts.push((Side::Tenant, Some("secrets")));
        let after = filter(&modes);
        assert!(before.is_cut(&modes) && !after.is_cut(&modes));
        modes.cuts.push((Side::Host, None));
        assert!(!after.is_cut(&modes));
    }

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        assert!(lines.split(b"ab").is_empty());
        assert_eq!(lines.split(b"c\nd\ne"), ["abc\n", "d\n"]);
    }
}
