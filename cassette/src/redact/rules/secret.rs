//! A named secret.

use std::fmt;

use crate::placeholder;

/// A named value that must not be stored.
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

    /// Is it meant by this name, or by the one in its placeholder?
    pub(crate) fn is(&self, name: &str) -> bool {
        placeholder::is_same_secret(&self.name, name)
    }
}
