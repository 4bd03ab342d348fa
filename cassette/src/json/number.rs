//! Compares JSON numbers by their exact decimal value, whatever their text. Floats are not used, so nothing is rounded.

/// Whether two JSON numbers are equal: `1.0`, `1`, `1e0` and `10e-1` are equal.
pub(crate) fn number_eq(a: &str, b: &str) -> bool {
    a == b || canonical_number(a) == canonical_number(b)
}

/// The canonical text of a JSON number: digits without zeros at either end, and `e` with the power of ten unless the
/// power is 0. `-0` is `0`. The memory depends on the digits only, whatever the exponent.
///
/// An exponent of more than 30 digits is kept as it is, so equal numbers with such exponents may have different
/// canonical texts.
pub(crate) fn canonical_number(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let (int, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{int}{fraction}");
    let significant = digits.trim_end_matches('0');
    let power = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let (negative, exponent) = match exponent.as_bytes().first() {
        Some(b'-') => (true, &exponent[1..]),
        Some(b'+') => (false, &exponent[1..]),
        _ => (false, exponent),
    };
    let exponent = exponent.trim_start_matches('0');
    if exponent.len() > 30 {
        return format!("{sign}{digits}e{}{exponent}~{}", if negative { "-" } else { "" }, fraction.len());
    }
    let mut value: i128 = exponent.parse().unwrap_or(0);
    if negative {
        value = -value;
    }
    value += power as i128 - fraction.len() as i128;
    if value == 0 { format!("{sign}{significant}") } else { format!("{sign}{significant}e{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(number: &str, canonical: &str) {
        assert_eq!(canonical_number(number), canonical, "{number}");
        assert_eq!(canonical_number(canonical), canonical, "{number}");
    }

    #[test]
    fn canonical() {
        check("1", "1");
        check("1.0", "1");
        check("1e0", "1");
        check("10e-1", "1");
        check("0.1E+1", "1");
        check("100", "1e2");
        check("-0", "0");
        check("0.000e99", "0");
        check("-0.00120", "-12e-4");
        check("123456789012345678901234567890", "12345678901234567890123456789e1");
        check("1e999999999", "1e999999999");
        check("0.1e-999999999", "1e-1000000000");
        check("1e0000000000000000000000000000000000000001", "1e1");
    }

    #[test]
    fn different_numbers_differ() {
        for (a, b) in [("1", "-1"), ("1", "10"), ("1.5", "15"), ("0.1", "0.10000000000000000000001")] {
            assert!(!number_eq(a, b), "{a} {b}");
        }
        let huge = "9".repeat(40);
        assert!(number_eq(&format!("1e{huge}"), &format!("1e{huge}")));
        assert!(!number_eq(&format!("1e{huge}"), &format!("1e-{huge}")));
        assert!(!number_eq(&format!("1.0e{huge}"), &format!("10e{huge}")));
    }

    proptest! {
        #[test]
        fn agrees_with_integer_arithmetic(a in -100_000i64..100_000, zeros in 0usize..5, shift in 0u32..5) {
            let rewritten = format!("{}.{}e-{shift}", a * 10i64.pow(shift), "0".repeat(zeros + 1));
            prop_assert!(number_eq(&a.to_string(), &rewritten), "{a} {rewritten}");
            prop_assert!(!number_eq(&(a + 1).to_string(), &rewritten));
        }
    }

    #[test]
    fn equal_numbers_written_differently() {
        assert!(number_eq("1.0", "10e-1"));
        assert!(!number_eq("12345678901234567890", "12345678901234567891"));
    }

    #[test]
    fn the_canonical_text_of_a_number() {
        assert_eq!(canonical_number("1.50"), "15e-1");
        assert_eq!(canonical_number("-1e999999999"), "-1e999999999");
    }
}
