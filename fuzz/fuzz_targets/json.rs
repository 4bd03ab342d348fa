//! The JSON token stream and the redaction by name on it: in whatever chunks a body comes, the outcome is the same,
//! and where nothing is on a list nothing changes.

#![no_main]

use std::cell::RefCell;
use std::io::Write;


use cassette::json::lex::Lexer;
use cassette::redact::{Redactor, Rules, default_rules};
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// One with the default rules, one with none; new ones now and then, since they remember what they found.
    static REDACTORS: RefCell<(u32, Redactor, Redactor)> = RefCell::new(made());
}

fn made() -> (u32, Redactor, Redactor) {
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

/// What the tokens are, put together again over the chunks.
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
            *redactors = made();
        }
        let (_, redactor, nothing) = redactors;
        // A token is looked for from where it was found, and one that is may uncover another: the same each time from when
        // all are known.
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
