//! Makes text that others wrote safe for a terminal: no escape sequences, no reordering, nothing invisible.

use std::fmt::Write as _;

/// `text` as one line: white space becomes a space, control and invisible formatting characters become `\u{…}`.
///
/// Names and messages come from objects that tenants write; CVE-2021-25743 is what happens without this.
pub(crate) fn line(text: &str) -> String {
    escape(&text.replace(['\n', '\t', '\r'], " "), |_| false)
}

/// As [`line()`], but keeps line breaks.
pub(crate) fn lines(text: &str) -> String {
    escape(text, |c| c == '\n')
}

/// `json` with the same characters written as `\uXXXX`, which means the same to every JSON parser.
///
/// `serde_json` escapes what JSON demands (below U+0020); a terminal also acts on U+0080 to U+009F.
pub(crate) fn json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && !keep(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters (C0, DEL, C1), and those that reorder or hide text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_an_escape_sequence_renders_safe() {
        assert_eq!(line("ci\u{1b}[2J\r\n42"), "ci\\u{1b}[2J  42");
        assert_eq!(line("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(line("abc\u{202e}fed"), "abc\\u{202e}fed");
    }

    #[test]
    fn ordinary_text_in_any_script_is_left_alone() {
        for text in ["ci-42", "größer", "名前", "🐇", ""] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn line_breaks_stay_only_where_asked() {
        assert_eq!(lines("a\nb\u{7}"), "a\nb\\u{7}");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({"name": "a\u{9b}31m\u{202e}\u{e0001}\u{1b}"});
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
