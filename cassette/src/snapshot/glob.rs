//! Globs over relative paths: `*` and `?` within a folder's name, `**` across folders. Nothing else is special.

/// Does the path match? `**/` also stands for no folder at all: `**/*.log` matches `a.log`.
pub(super) fn matches(glob: &str, path: &str) -> bool {
    segments(&glob.split('/').collect::<Vec<_>>(), &path.split('/').collect::<Vec<_>>())
}

fn segments(glob: &[&str], path: &[&str]) -> bool {
    match (glob.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            (rest.is_empty() && !path.is_empty())
                || (0..=path.len()).any(|skipped| !rest.is_empty() && segments(rest, &path[skipped..]))
        }
        (Some((g, glob)), Some((p, path))) => segment(g.as_bytes(), p.as_bytes()) && segments(glob, path),
        _ => false,
    }
}

/// With a step back to the last `*` only, so that no glob takes exponential time.
fn segment(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(glob: &str, path: &str, expected: bool) {
        assert_eq!(matches(glob, path), expected, "{glob} {path}");
    }

    #[test]
    fn globs() {
        check("a.log", "a.log", true);
        check("a.log", "b/a.log", false);
        check("*.log", "a.log", true);
        check("*.log", "b/a.log", false);
        check("**/*.log", "a.log", true);
        check("**/*.log", "b/c/a.log", true);
        check("**/*.log", "b/c/a.logs", false);
        check("tmp/**", "tmp/a/b", true);
        check("tmp/**", "tmp", false);
        check("tmp/**", "tmp2/a", false);
        check("a/**/z", "a/z", true);
        check("a/**/z", "a/b/c/z", true);
        check("?.csv", "a.csv", true);
        check("?.csv", "ab.csv", false);
        check("*a*b*c", "xaybzc", true);
        check("*a*b*c", "xaybz", false);
        check("[a].csv", "a.csv", false);
    }
}
