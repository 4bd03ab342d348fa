//! Fuzzes the JSON token stream and redaction by name. Checks that the result does not depend on how a body is split
//! into chunks, that a second redaction changes nothing, and that redaction without rules changes nothing.

#![no_main]

use std::cell::RefCell;
use std::io::Write;

use cassette::__support::Lexer;
use cassette::__support::{Redactor, Rules, default_rules};
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// How many rounds are left, a redactor with the default rules, and a redactor without rules. Both redactors are
    /// replaced after 1000 rounds, because they remember the values that they have found.
    static REDACTORS: RefCell<(u32, Redactor, Redactor)> = RefCell::new(redactors());
}

fn redactors() -> (u32, Redactor, Redactor) {
    let all = default_rules().iter();
    let nothing = all.fold(Rules::default(), |rules, rule| rules.without_rule(rule.id).expect("it is one"));
    let redactor = |rules| Redactor::new(rules).expect("few secrets");
    (1000, redactor(Rules::default()), redactor(nothing))
}

fn redact(redactor: &Redactor, body: &[u8], size: usize) -> Vec<u8> {
    let mut out = redactor.body(Some("application/json"), Vec::new());
    body.chunks(size).for_each(|chunk| out.write_all(chunk).expect("to memory"));
    out.finish().expect("to memory")
}

/// The kind and the length of each token, and whether the lexer returned an error. The pieces of a token that is split
/// over several chunks count as one token.
fn tokens(body: &[u8], size: usize) -> (Vec<(String, usize)>, bool) {
    let (mut lexer, mut out, mut length) = (Lexer::lenient(), Vec::new(), 0);
    for chunk in body.chunks(size) {
        let mut at = 0;
        loop {
            match lexer.next(chunk, at) {
                Ok(Some(piece)) => {
                    length += piece.span.len();
                    at = piece.span.end;
                    let kind = format!("{:?}", piece.kind);
                    if piece.done && kind != "Whitespace" {
                        out.push((kind, length));
                    }
                    if piece.done {
                        length = 0;
                    }
                }
                Ok(None) => break,
                Err(_) => return (out, true),
            }
        }
    }
    (out, false)
}

fuzz_target!(|data: &[u8]| {
    let Some((size, body)) = data.split_first() else { return };
    if body.is_empty() {
        return;
    }
    let size = usize::from(*size).max(1);
    REDACTORS.with_borrow_mut(|redactors| {
        redactors.0 -= 1;
        if redactors.0 == 0 {
            *redactors = self::redactors();
        }
        let (_, redactor, nothing) = redactors;
        // The redactor replaces a found token only after the place where it found it, and the redaction of one token
        // can let it find another. So the same body is redacted again, until the result no longer changes.
        let mut whole = redact(redactor, body, body.len());
        for _ in 0..8 {
            let again = redact(redactor, body, body.len());
            if again == whole {
                break;
            }
            whole = again;
        }
        assert_eq!(redact(redactor, body, size), whole);
        assert_eq!(redact(redactor, &whole, whole.len().max(1)), whole, "again");
        assert_eq!(redact(nothing, body, size), body);
    });
    assert_eq!(tokens(body, size), tokens(body, body.len()));
});
