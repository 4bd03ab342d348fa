//! Wildcards: the algorithm for every `*` and `**` in a setting.

/// Whether the pattern `p` matches the items `t`, which are the folders of a path or the characters of a name. `star`
/// selects the parts of the pattern that stand for any number of items, and `one` compares any other part with one
/// item. After a mismatch, the function goes back only to the last star, so even a hostile pattern costs at most |p| ×
/// |t| comparisons.
pub(crate) fn wild<P, T>(p: &[P], t: &[T], star: impl Fn(&P) -> bool, one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut i, mut j) = (0, 0);
    let mut retry = None;
    while j < t.len() {
        if i < p.len() && star(&p[i]) {
            retry = Some((i + 1, j));
            i += 1;
        } else if i < p.len() && one(&p[i], &t[j]) {
            i += 1;
            j += 1;
        } else if let Some((after, from)) = retry {
            retry = Some((after, from + 1));
            i = after;
            j = from + 1;
        } else {
            return false;
        }
    }
    p[i..].iter().all(star)
}

/// Whether a name matches a pattern in which `*` stands for any characters.
pub(crate) fn name(pattern: &[u8], name: &[u8]) -> bool {
    wild(pattern, name, |p| *p == b'*', |p, c| p == c)
}
