//! The list of field names whose values are redacted. Redaction looks up every member of every JSON body here, and
//! nearly always finds nothing. Such a lookup usually allocates no memory.
//!
//! Must not know: formats, what becomes of a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::redact::rules::names::normalised;
use crate::redact::rules::rule::Rule;

/// A set of names with their rules. A lookup ignores case and separators: see [`normalised`].
#[derive(Clone, Debug)]
pub(crate) struct FieldNames {
    /// The rule for each name. The names are normalised.
    rules: BTreeMap<String, Arc<Rule>>,
    /// A Bloom filter: one bit for each name, by its hash. A name whose bit is not set is not on the list.
    sieve: [u64; WORDS],
    /// Three tables: for the last byte of a name, for the byte before it, and for the third byte from the end. The
    /// entry for a byte is the set of the names on the list that may have this byte in this position. A name has one
    /// bit in such a set; if there are more than 63 names, some share a bit.
    ends: Box<[[u64; 256]; 3]>,
}

/// The size of the filter: 64 words of 64 bits. If 50 names are on the list, one in 80 other names passes the filter
/// and is looked up in vain.
const WORDS: usize = 64;

impl FieldNames {
    /// An empty set.
    pub(crate) fn new() -> FieldNames {
        let mut fields =
            FieldNames { rules: BTreeMap::new(), sieve: [0; WORDS], ends: Box::new([[0; 256]; 3]) };
        // Any name may have a separator, an escape or a byte outside ASCII in any position.
        for (b, folded) in FOLDED.iter().enumerate().filter(|(_, folded)| **folded <= UNKNOWN) {
            debug_assert!(*folded == SKIPPED || *folded == UNKNOWN);
            fields.ends.iter_mut().for_each(|end| end[b] = ANY);
        }
        fields
    }

    #[cfg(test)]
    pub(crate) fn address(&self) -> *const u8 {
        self.ends.as_ptr().cast()
    }

    /// Adds a name. A name that is already on the list keeps its rule.
    pub(crate) fn insert(&mut self, name: &str, rule: Rule) {
        let normal = normalised(name);
        let (word, bit) = place(normal.bytes().fold(0, mix));
        self.sieve[word] |= bit;
        self.insert_end(normal.as_bytes());
        self.rules.entry(normal).or_insert_with(|| Arc::new(rule));
    }

    fn insert_end(&mut self, normal: &[u8]) {
        let name = 1 << (self.rules.len() % 63);
        for (n, end) in self.ends.iter_mut().enumerate() {
            match normal.iter().rev().nth(n) {
                Some(b) => {
                    end[usize::from(*b)] |= name;
                    end[usize::from(b.to_ascii_uppercase())] |= name;
                }
                // The name is shorter. In the document, a `#` or any other byte may stand before it.
                None => end.iter_mut().for_each(|names| *names |= name),
            }
        }
    }

    /// A quick test of the last three bytes of a name. False means that the name is not on the list, if it has no
    /// escapes.
    #[inline(always)]
    pub(crate) fn may_end(&self, name: &[u8]) -> bool {
        let [last, second, third] = &*self.ends;
        let &[.., c, b, a] = name else { return true };
        let (a, b, c) = (last[usize::from(a)], second[usize::from(b)], third[usize::from(c)]);
        a & b & c != 0 || (a | b | c) >> 63 == 1
    }

    /// Removes a name. Its bit in the filter stays, because another name may share it.
    pub(crate) fn remove(&mut self, name: &str) {
        self.rules.remove(&normalised(name));
    }

    /// Removes all names of a rule.
    pub(crate) fn remove_rule(&mut self, rule: &Rule) {
        self.rules.retain(|_, other| **other != *rule);
    }

    /// The rule for fields with this name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Rule>> {
        if self.may_hold(name.as_bytes()) { self.rules.get(&normalised(name)).cloned() } else { None }
    }

    /// Tests the filter. False means that the name is not on the list, whether or not the JSON escapes in it have been
    /// decoded.
    pub(crate) fn may_hold(&self, name: &[u8]) -> bool {
        let name = name.strip_prefix(b"#").unwrap_or(name);
        let mut hash = 0;
        for b in name {
            match FOLDED[usize::from(*b)] {
                SKIPPED => {}
                UNKNOWN => return true,
                letter => hash = mix(hash, letter),
            }
        }
        let (word, bit) = place(hash);
        self.sieve[word] & bit != 0
    }
}

/// For each byte: the byte that [`normalised`] makes of it, or `SKIPPED`, or `UNKNOWN`.
static FOLDED: [u8; 256] = {
    // The bytes outside ASCII are unknown: they may be a letter whose lower case is an ASCII letter. For example, the
    // Kelvin sign becomes `k`.
    let mut table = [UNKNOWN; 256];
    let mut b = 2u8;
    while b < 0x80 {
        table[b as usize] = b.to_ascii_lowercase();
        b += 1;
    }
    table[b'-' as usize] = SKIPPED;
    table[b'_' as usize] = SKIPPED;
    // An escape may stand for any character.
    table[b'\\' as usize] = UNKNOWN;
    table
};

/// The set of all names. Only this set has the highest bit, because that bit belongs to no name.
const ANY: u64 = u64::MAX;

const SKIPPED: u8 = 0;
const UNKNOWN: u8 = 1;

fn mix(hash: u64, b: u8) -> u64 {
    hash.rotate_left(5) ^ u64::from(b)
}

/// The word and the bit of a name with this hash.
fn place(hash: u64) -> (usize, u64) {
    // The upper bits of the product depend on all bits of the hash (Fibonacci hashing).
    let at = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{RuleKind, default_rules};

    fn defaults() -> FieldNames {
        let mut fields = FieldNames::new();
        for rule in default_rules().iter().filter(|rule| rule.kind == RuleKind::Field) {
            fields.insert(rule.what, rule.into());
        }
        fields
    }

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let own = |fields: &mut FieldNames, name: &str| fields.insert(name, Rule::own("field", name));
        let mut fields = defaults();
        own(&mut fields, "customer_pin");
        own(&mut fields, "Größe");
        own(&mut fields, "##mark");
        own(&mut fields, "a\\b");
        fields.remove("ID-token");
        assert_eq!(fields.get(name).map(|rule| rule.label.to_string()).as_deref(), expected);
        assert!(expected.is_none() || fields.may_end(name.as_bytes()), "{name}");
        // The filter does not change the result.
        let label = fields.rules.get(&normalised(name)).map(|rule| rule.label.to_string());
        assert_eq!(label.as_deref(), expected);
    }

    #[test]
    fn encodings() {
        check("access_token", Some("CAS0031 field access_token"));
        check("accessToken", Some("CAS0031 field access_token"));
        check("#ACCESS-TOKEN", Some("CAS0031 field access_token"));
        check("to\u{212a}en", Some("CAS0134 field token"));
        check("CustomerPin", Some("field customer_pin"));
        check("GRÖSSE", None);
        check("grÖßE", Some("field Größe"));
        check("##mark", Some("field ##mark"));
        check("#mark", None);
        check("a\\b", Some("field a\\b"));
        check("id_token", None);
        check("", None);
        check("#", None);
        check("access token", None);
    }

    #[test]
    fn every_name_on_the_list_passes_the_sieve() {
        let fields = defaults();
        for rule in default_rules().iter().filter(|rule| rule.kind == RuleKind::Field) {
            assert!(fields.may_hold(rule.what.to_ascii_uppercase().as_bytes()), "{rule}");
        }
        assert!(fields.may_hold(b"\\u0070assword"), "escapes may stand for anything");
    }

    #[test]
    fn usual_names_do_not() {
        let fields = defaults();
        for name in ["id", "name", "value", "created_at", "updatedAt", "type", "url", "data", "items", "next"]
        {
            assert!(!fields.may_hold(name.as_bytes()), "{name}");
            // The last three bytes say nothing if one of them is a separator, or if the name has fewer than three
            // bytes.
            let is_decided = name.len() >= 3 && !name.ends_with("_at");
            assert!(!is_decided || !fields.may_end(name.as_bytes()), "{name}");
        }
    }
}
