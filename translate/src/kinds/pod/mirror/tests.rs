//! Quoting as in Go: the left sides were written by hand, the right ones by `strconv.Quote`.

use super::quote;

#[test]
fn values_are_quoted_as_go_does() {
    for (text, quoted) in [
        ("plain", r#""plain""#),
        ("a\"b\\c", r#""a\"b\\c""#),
        ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
        ("\u{1}\u{7f}", r#""\x01\x7f""#),
        ("ä 日本 😀", r#""ä 日本 😀""#),
        ("\u{a0}\u{ad}\u{2028}\u{feff}", r#""\u00a0\u00ad\u2028\ufeff""#),
        ("\u{e0001}", r#""\U000e0001""#),
    ] {
        assert_eq!(quote(text), quoted);
    }
}
