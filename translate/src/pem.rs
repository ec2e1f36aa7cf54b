//! PEM in and out: blocks without what stands around them.

use data_encoding::BASE64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Characters of a line.
const LINE: usize = 64;

/// The chain with everything dropped but certificates: no text between blocks, no headers in them.
pub fn certificates(chain: &str) -> String {
    blocks(chain).iter().map(|der| certificate(der)).collect()
}

/// The content of every block, whatever its type. What is no block, or is not base64, is skipped.
pub fn blocks(text: &str) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut body: Option<(String, String)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(label) = label(line, BEGIN) {
            body = Some((label.to_owned(), String::new()));
        } else if let Some(label) = label(line, END) {
            let ended = body.take().filter(|(begun, _)| begun == label);
            blocks.extend(ended.and_then(|(_, body)| BASE64.decode(body.as_bytes()).ok()));
        } else if let Some((_, body)) = &mut body
            // A header is `key: value`; no base64 has a colon.
            && !line.contains(':')
        {
            body.extend(line.chars().filter(|character| !character.is_whitespace()));
        }
    }
    blocks
}

/// `CERTIFICATE` of `-----BEGIN CERTIFICATE-----`.
fn label<'a>(line: &'a str, edge: &str) -> Option<&'a str> {
    line.strip_prefix(edge)?.strip_suffix(DASHES)
}

/// One certificate block, with a line end.
pub fn certificate(der: &[u8]) -> String {
    block("CERTIFICATE", der)
}

/// One block, with a line end.
pub fn block(label: &str, der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut text = [BEGIN, label, DASHES, "\n"].concat();
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index.is_multiple_of(LINE) {
            text.push('\n');
        }
        text.push(character);
    }
    if !body.is_empty() {
        text.push('\n');
    }
    text + &[END, label, DASHES, "\n"].concat()
}
