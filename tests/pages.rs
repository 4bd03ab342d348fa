//! The pages for users: their examples are documentation tests. They are here, not in the library, because a published
//! package has no files from outside of its folder.

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../docs/matching.md")]
    mod matching {}
    #[doc = include_str!("../docs/modes.md")]
    mod modes {}
    #[doc = include_str!("../docs/redaction.md")]
    mod redaction {}
    #[doc = include_str!("../docs/secrets.md")]
    mod secrets {}
}
