//! A named secret.
//!
//! Must not know: where its value is searched for.

use std::fmt;

use crate::placeholder;

/// A named value that cassette must not store.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=[..]", self.name)
    }
}

impl Secret {
    pub(crate) fn placeholder(&self) -> String {
        placeholder::of_secret(&self.name)
    }

    /// Whether the secret has this name. The name may lack the `#`, as in a placeholder.
    pub(crate) fn is(&self, name: &str) -> bool {
        placeholder::is_same_secret(&self.name, name)
    }
}
