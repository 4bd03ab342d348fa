//! Adds the session's variables to the environment of a process that a thread of the session starts.
//!
//! If the environment of the new process has another value for a variable than the test process, the test has set the
//! value on purpose. So this value stays.
//!
//! This code must not allocate, because a forked process may run it.

use crate::network::ChildVariable;
use std::ffi::CStr;

/// Decides which variables a new process gets. The caller first calls [`keeps`](Self::keeps) for each entry of the
/// environment that the code gives to the process, and then [`added`](Self::added).
pub(crate) struct ChildEnvironment {
    variables: &'static [ChildVariable],
    /// One bit for each variable of the session. The bit is set if the value that the code gives to the process stays.
    own: u64,
}

impl ChildEnvironment {
    pub(super) fn new(variables: &'static [ChildVariable]) -> ChildEnvironment {
        // `own` has 64 bits, so only 64 variables are possible.
        ChildEnvironment { variables: variables.get(..64).unwrap_or(variables), own: 0 }
    }

    /// The largest number of variables that [`added`](Self::added) can return.
    pub(crate) fn len(&self) -> usize {
        self.variables.len()
    }

    /// Whether this entry `NAME=value` of the environment stays. If not, a variable of the session replaces it.
    pub(crate) fn keeps(&mut self, entry: &CStr) -> bool {
        let entry = entry.to_bytes();
        let Some((at, variable)) =
            self.variables.iter().enumerate().find(|(_, t)| name(entry) == name(t.entry.to_bytes()))
        else {
            return true;
        };
        let value = entry.get(name(entry).len() + 1..).unwrap_or_default();
        let on_purpose = variable.inherited.as_ref().is_none_or(|i| i.to_bytes() != value);
        if on_purpose {
            self.own |= 1 << at;
        }
        on_purpose
    }

    /// Returns the session's entries to add to the entries that stay.
    pub(crate) fn added(&self) -> impl Iterator<Item = &'static CStr> {
        let own = self.own;
        let added = self.variables.iter().enumerate().filter(move |(at, _)| own & 1 << at == 0);
        added.map(|(_, variable)| variable.entry.as_c_str())
    }
}

fn name(entry: &[u8]) -> &[u8] {
    entry.split(|b| *b == b'=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[track_caller]
    fn check(given: &[&str], expected: &[&str]) {
        let c = |text: &str| CString::new(text).unwrap();
        let variables = vec![
            ChildVariable { entry: c("HTTP_PROXY=ours"), inherited: None },
            ChildVariable { entry: c("NO_PROXY=ours"), inherited: Some(c("*")) },
        ];
        let mut environment = ChildEnvironment::new(Box::leak(variables.into_boxed_slice()));
        let mut all: Vec<_> =
            given.iter().filter(|e| environment.keeps(&c(e))).map(|e| (*e).to_owned()).collect();
        all.extend(environment.added().map(|e| e.to_str().unwrap().to_owned()));
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_inherited_is_replaced_and_what_is_set_on_purpose_stays() {
        check(&[], &["HTTP_PROXY=ours", "NO_PROXY=ours"]);
        check(
            &["PATH=/bin", "HTTP", "NO_PROXY=*"],
            &["PATH=/bin", "HTTP", "HTTP_PROXY=ours", "NO_PROXY=ours"],
        );
        check(&["NO_PROXY=a.test", "HTTP_PROXY="], &["NO_PROXY=a.test", "HTTP_PROXY="]);
        check(&["HTTP_PROXY=http://127.0.0.1:9"], &["HTTP_PROXY=http://127.0.0.1:9", "NO_PROXY=ours"]);
    }
}
