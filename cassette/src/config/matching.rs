//! Which recording answers a request, and what becomes of those that nobody asked for.

use super::{Config, Unused};

impl Config {
    /// A query key that doesn't count in matching.
    #[must_use]
    pub fn ignore_query(mut self, key: &str) -> Config {
        self.matching = self.matching.ignore_query(key);
        self
    }

    /// A place in JSON request bodies that doesn't count in matching: an RFC 6901 pointer, in which `*`
    /// stands for any one key or index.
    ///
    /// # Panics
    ///
    /// If it is not a pointer.
    #[must_use]
    #[track_caller]
    pub fn ignore_json(mut self, pointer: &str) -> Config {
        self.matching = self.matching.ignore_json(pointer);
        self
    }

    /// Request bodies don't count in matching.
    #[must_use]
    pub fn ignore_body(mut self) -> Config {
        self.matching = self.matching.ignore_body();
        self
    }

    /// A header that counts in matching; by default none does.
    ///
    /// # Panics
    ///
    /// If it cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn require_header(mut self, name: &str) -> Config {
        self.matching = self.matching.require_header(name);
        self
    }

    /// What becomes of interactions that the test didn't ask for. Default [`Unused::Fail`].
    #[must_use]
    pub fn unused(mut self, policy: Unused) -> Config {
        self.unused = policy;
        self
    }
}
