//! Properties of bodies: no secret survives in any encoding, and the split into chunks does not change the result.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use crate::redact::tests::{FORM, JSON, bare, redact, redactor, without_defaults};
use crate::redact::{Redactor, Rules};
use crate::tests::sized;

/// The encodings that the property tries. The test encodes values itself, without the code under test.
const ENCODINGS: [&str; 10] =
    ["raw", "json", "json-ascii", "json-slash", "percent", "form", "base64", "base64url", "hex", "HEX"];

const FORM_SET: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

fn encode(encoding: &str, value: &str) -> String {
    let quoted = || {
        let text = serde_json::to_string(value).unwrap();
        text[1..text.len() - 1].to_owned()
    };
    match encoding {
        "raw" => value.to_owned(),
        "json" => quoted(),
        "json-slash" => quoted().replace('/', "\\/"),
        "json-ascii" => {
            let mut out = String::new();
            for unit in quoted().encode_utf16() {
                match u8::try_from(unit) {
                    Ok(b) if b.is_ascii() => out.push(char::from(b)),
                    _ => out.push_str(&format!("\\u{unit:04x}")),
                }
            }
            out
        }
        "percent" => {
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
        }
        "form" => percent_encoding::utf8_percent_encode(value, FORM_SET).to_string().replace(' ', "+"),
        "base64" => STANDARD.encode(value),
        "base64url" => URL_SAFE_NO_PAD.encode(value),
        "hex" => value.bytes().map(|b| format!("{b:02x}")).collect(),
        "HEX" => value.bytes().map(|b| format!("{b:02X}")).collect(),
        _ => unreachable!("no encoding is called {encoding}"),
    }
}

/// Checks that no encoding of a secret survives in a text of this type, cut at these offsets, and that the text around
/// the secret stays.
fn check_survivors(
    secret: &str,
    encoding: &str,
    [before, after]: [&str; 2],
    cuts: &[prop::sample::Index],
    content_type: &str,
) -> Result<(), TestCaseError> {
    let secret = secret.trim().to_owned();
    let Ok(rules) = Rules::default().secret("K", secret.clone()) else { return Ok(()) };
    // Another test checks field names.
    let redactor = Redactor::new(without_defaults(rules)).unwrap();
    let coded = encode(encoding, &secret);
    let separated = encoding.starts_with("base64") || encoding.eq_ignore_ascii_case("hex");
    let space = if separated { " " } else { "" };
    let text = format!("{before}{space}{coded}{space}{after}");
    prop_assume!(!before.contains(&secret) && !after.contains(&secret));
    let mut at: Vec<usize> = cuts.iter().map(|i| i.index(text.len() + 1)).collect();
    at.extend([0, text.len()]);
    at.sort_unstable();
    let chunks: Vec<&[u8]> = at.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
    let out = redact(&redactor, content_type, &chunks);
    let out = String::from_utf8(out).unwrap();
    prop_assert_eq!(redactor.leak_check().unwrap().scan(out.as_bytes()).unwrap(), None);
    prop_assert!(!out.contains(&secret) && !out.contains(&coded), "{}", out);
    // If a value repeats itself, its first match may begin in the text before the value. The result then differs.
    if text.find(&coded) == Some(before.len() + space.len()) && !after.contains(&coded) {
        let padding = if encoding == "base64" { coded.len() - coded.trim_end_matches('=').len() } else { 0 };
        let expected = format!("{before}{space}{{{{secret.K}}}}{}{space}{after}", "=".repeat(padding));
        prop_assert_eq!(out, expected);
    }
    Ok(())
}

/// Cases that the property test below has found.
#[test]
fn secrets_that_once_survived() {
    for (secret, encoding) in [("😀€😀aA=", "raw"), ("a€%0€a", "percent")] {
        check_survivors(secret, encoding, ["", ""], &[], JSON).unwrap();
    }
}

proptest! {
    // Each case builds a search, which takes a while.
    #![proptest_config(ProptestConfig::with_cases(sized(24, 256)))]

    #[test]
    fn no_secret_survives(
        secret in "[ -~é€😀]{6,40}",
        encoding in prop::sample::select(&ENCODINGS[..]),
        before in "[a-z {}\\[\\]:,\"0-9]{0,40}",
        after in "[a-z {}\\[\\]:,\"0-9]{0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        content_type in prop::sample::select(&[JSON, "text/plain"][..]),
    ) {
        check_survivors(&secret, encoding, [&before, &after], &cuts, content_type)?;
    }
}

/// Checks that neither chunks nor a second redaction change the stored body, and that a redactor without rules changes
/// nothing.
fn check_chunks(body: &[u8], content_type: &str, cut: usize) -> Result<(), TestCaseError> {
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    let (a, b) = body.split_at(cut);
    let shown = |redactor: Redactor, chunks: &[&[u8]]| {
        redact(&redactor, content_type, chunks).escape_ascii().to_string()
    };
    let expected = shown(redactor(), &[body]);
    prop_assert_eq!(shown(redactor(), &bytes), &*expected);
    prop_assert_eq!(shown(redactor(), &[a, b]), &*expected);
    prop_assert_eq!(shown(bare(), &[a, b]), body.escape_ascii().to_string());
    let once = redact(&redactor(), content_type, &[body]);
    prop_assert_eq!(shown(redactor(), &[&once]), &*expected);
    Ok(())
}

/// A case that `chunks_change_nothing_in_frames` has found.
#[test]
fn a_form_after_the_beginning_of_json() {
    check_chunks(b"{\"token\":token=data", FORM, 0).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(64, 256)))]

    /// The expected result comes from a redaction byte by byte, which never skips a string as a whole.
    #[test]
    fn chunks_change_nothing(
        tokens in prop::collection::vec(prop::sample::select(&[
            "{", "}", "[", "]", ",", ":", "{\"token\":", "\"token\":", "\"tok\\u0065n\":", "\"passwor\\u0064\" :",
            "\"Pass-word_\":", "\"to\u{212a}en\":", "\"code\":", "\"jwt\":[", "\"x\":{", "\"a\"", "\"\"", "\"\\\"b\\\\\"",
            "\"s3cr3t/\\\"k\u{e9} y+\"", "\"c\",", "1,", "0.5", "null", "true", " ", "\n", "\u{feff}", "\"", "\\", "x",
            "\"{\\\"pwd\\\":\\\"p\\\"}\"", "\"[", "\"{\\\"x\\", "{\"token\":\"t\",\"list\":[{\"pwd\":[\"p\",{\"q\":[\"r\"]}]},\"s\"]}",
        ][..]), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let redactor = redactor();
        let body = tokens.concat().into_bytes();
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        let expected = redact(&redactor, JSON, &bytes);
        let (a, b) = body.split_at(cut.index(body.len() + 1));
        prop_assert_eq!(redact(&redactor, JSON, &[&body]).escape_ascii().to_string(), expected.escape_ascii().to_string());
        prop_assert_eq!(redact(&redactor, JSON, &[a, b]).escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    /// Chunks do not change the result for texts that hold JSON among other things either. Without rules, such texts
    /// stay as they are.
    #[test]
    fn chunks_change_nothing_in_frames(
        tokens in prop::collection::vec(prop::sample::select(&[
            "data", ":", " ", "\n", "\r", "\r\n", "data: ", "id: 1\n", "\u{feff}", "{\"token\":", "\"x\"", "\"pwd\":\"a", "\"", "}",
            "\"{\\\"token\\\":\\\"", "\\u00", "(", ",", "=", "[", "]", "f({", "tru", "1", "--b", "\r\n--b", "\n--b-", "--b--",
            "\r\n\r\n", "Content-Disposition: form-data; name=token\r\n", "Content-Type: application/json\r\n", "<token>", "-",
            ")]}'", "for(;;);", "/**/", "cb(", "client", "&", "a=1&", "token=", "password=a\n", "\u{1e}", "\n{", "<a>", " ", "s3cr3t/",
            "Content-Type: text/event-stream\n\n", "Content-Type: multipart/mixed; boundary=bc\n\n--bc\n",
        ][..]), 0..30),
        content_type in prop::sample::select(&[
            "text/event-stream", "text/javascript", "multipart/form-data; boundary=b", "text/plain", JSON, FORM, "text/xml",
            "text/csv",
        ][..]),
        cut in any::<prop::sample::Index>(),
    ) {
        let body = tokens.concat().into_bytes();
        check_chunks(&body, content_type, cut.index(body.len() + 1))?;
    }

    #[test]
    fn chunks_of_any_bytes_change_nothing(
        body in prop::collection::vec(any::<u8>(), 0..300),
        size in 1usize..300,
    ) {
        let redactor = redactor();
        let body = [b"[\"", &body[..], b"\",{\"token\":\"x\"}]"].concat();
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        prop_assert_eq!(redact(&redactor, JSON, &pieces), redact(&redactor, JSON, &bytes));
    }

    #[test]
    fn innocent_text_is_unchanged(body in "\\PC{0,200}", cut in any::<prop::sample::Index>()) {
        static PREPARED: LazyLock<Redactor> =
            LazyLock::new(|| Redactor::new(Rules::default().secret("K", "n3ver-g3nerated").unwrap()).unwrap());
        let redactor = PREPARED.anew();
        let cut = cut.index(body.len() + 1);
        let (a, b) = body.as_bytes().split_at(cut);
        prop_assert_eq!(redact(&redactor, "text/plain", &[a, b]), body.as_bytes());
    }
}
