//! Two laws for any secret, encoding and place: a second redaction changes nothing, and texts that differ in more than
//! secrets still differ after redaction.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::redact::patterns::tests::samples;
use crate::redact::tests::corpus::places::{PLACES, Place};
use crate::redact::tests::corpus::{Redactor, Rules, encodings, secrets};

/// The secrets from which a case chooses, one of each alphabet.
static SECRETS: LazyLock<Vec<String>> = LazyLock::new(|| secrets(8, 5));

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    let named = (0..).zip(&*SECRETS);
    let rules = named.fold(Rules::default().allow_header("x-note"), |rules, (n, secret)| {
        rules.secret(format!("K{n}"), secret.clone()).expect("it can be one")
    });
    Redactor::new(rules).expect("few enough")
});

fn redactor() -> Redactor {
    REDACTOR.anew()
}

/// A named secret in one of its encodings, or a token that matches a pattern.
fn hidden(secret: Index, coding: Index) -> String {
    let tokens = samples();
    let chosen = secret.index(SECRETS.len() + tokens.len());
    let Some(secret) = SECRETS.get(chosen) else { return tokens[chosen - SECRETS.len()].1.clone() };
    let mut all = encodings::all(secret);
    all.swap_remove(coding.index(all.len())).text
}

/// The stored text of a place with this text, or `None` if the place cannot hold the text.
fn store(redactor: &Redactor, place: &Place, text: &str) -> Option<String> {
    let fits = !text.contains(|c| place.without.contains(c));
    fits.then(|| place.part.store(redactor, &place.frame.replace('@', text), &[])).flatten()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_second_redaction_changes_nothing(
        secret in any::<Index>(), coding in any::<Index>(), place in any::<Index>(),
        other in any::<Index>(), other_coding in any::<Index>(), note in "[g-m]{0,8}",
    ) {
        let place = &PLACES[place.index(PLACES.len())];
        let text = format!("{}.{note}.{}", hidden(secret, coding), hidden(other, other_coding));
        let first = redactor();
        if let Some(once) = store(&first, place, &text) {
            // The second redaction is tried in the same session, and in a session that has found no values yet.
            for redactor in [first, redactor()] {
                let again = place.part.store(&redactor, &once, &[]);
                prop_assert_eq!(again.as_ref(), Some(&once), "{}", place.name);
            }
        }
    }

    #[test]
    fn different_texts_stay_different(
        secret in any::<Index>(), coding in any::<Index>(), place in any::<Index>(),
        one in "[g-m]{1,8}", other in "[g-m]{1,8}",
    ) {
        prop_assume!(one != other);
        let place = &PLACES[place.index(PLACES.len())];
        let (secret, redactor) = (hidden(secret, coding), redactor());
        let [one, other] = [one, other].map(|note| store(&redactor, place, &format!("{secret}.{note}")));
        if one.is_some() {
            prop_assert_ne!(one, other, "{}", place.name);
        }
    }
}
