//! Fuzzes redaction by value, in all encodings, and by token pattern. Checks that the result does not depend on how a
//! body is split into chunks, and that no secret remains.

#![no_main]

use std::cell::RefCell;
use std::io::Write;

use cassette::__support::{Redactor, Rules};
use libfuzzer_sys::fuzz_target;

const SECRETS: [&str; 5] = ["abcabd", "abcabcabd", "a/b\"c é", "ab ab+ab", "9a9b9c"];

thread_local! {
    /// How many rounds are left, and the redactor. The redactor is replaced after 1000 rounds, because it remembers the
    /// values that it has found.
    static REDACTOR: RefCell<(u32, Redactor)> = RefCell::new((1000, redactor()));
}

fn redactor() -> Redactor {
    let named = SECRETS.iter().enumerate();
    let rules = named.fold(Rules::default(), |rules, (n, secret)| {
        rules.secret(format!("K{n}"), *secret).expect("it can be one")
    });
    Redactor::new(rules).expect("few secrets")
}

fuzz_target!(|data: &[u8]| {
    let Some((size, body)) = data.split_first() else { return };
    // The text consists of these pieces: repeated letters, and parts of secrets, encodings and token patterns.
    let pieces: [&[u8]; 24] = [
        b"a", b"b", b"c", b"abc", b"abcabd", b"%2F", b"\\u00e9", b"&quot;", b"YWJjYWJk", b"ghp_", b"eyJ", b"://u:p@h/",
        b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"\n", b" ", b"sk-", b"1", b"%25", b"\\\\",
        b"616263616264", b"eyJhbGciOiJub25lIn0.", b"{{secret.K0}}", b"[jwt:1]",
    ];
    let text: Vec<u8> = match size % 2 {
        0 => body.iter().flat_map(|b| pieces[usize::from(*b) % pieces.len()]).copied().collect(),
        _ => body.to_vec(),
    };
    let whole = REDACTOR.with_borrow_mut(|(left, redactor)| {
        *left -= 1;
        if *left == 0 {
            (*left, *redactor) = (1000, self::redactor());
        }
        let redact = |size: usize| {
            let mut out = redactor.body(Some("text/csv"), Vec::new());
            text.chunks(size).for_each(|chunk| out.write_all(chunk).expect("to memory"));
            out.finish().expect("to memory")
        };
        // The redactor replaces a found token only after the place where it found it, and the redaction of one token
        // can let it find another. So the same text is redacted again, until the result no longer changes.
        let mut whole = redact(text.len().max(1));
        for _ in 0..8 {
            let again = redact(text.len().max(1));
            if again == whole {
                break;
            }
            whole = again;
        }
        assert_eq!(redact(usize::from(*size).max(1)), whole);
        whole
    });
    for secret in SECRETS {
        assert!(!whole.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} survives");
    }
});
