//! Whole texts, as a user reads them.
