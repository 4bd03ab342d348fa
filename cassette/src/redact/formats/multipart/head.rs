//! Reads the headers of a part: the value of one header, and the possible names of the part.
//!
//! Must not know: the content of a part.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::syntax::parameters::Value as Parameters;

/// The value of a header, with folded lines joined.
pub(super) fn header(head: &str, name: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in head.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = &mut found {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if found.is_some() {
            break;
        } else if let Some((_, value)) =
            line.split_once(':').filter(|(n, _)| n.trim().eq_ignore_ascii_case(name))
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// The possible names of a part: the raw name, the name with the escapes of browsers (`%22`) decoded, and the name in
/// the encoding of RFC 5987.
pub(super) fn names(disposition: &str) -> Vec<String> {
    let parameters = Parameters::parse(disposition);
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned).ok();
    let mut names: Vec<String> = parameters.get("name").map(str::to_owned).into_iter().collect();
    names.extend(parameters.get("name").and_then(decoded));
    names.extend(parameters.get("name*").and_then(|name| decoded(name.splitn(3, '\'').nth(2)?)));
    names
}
