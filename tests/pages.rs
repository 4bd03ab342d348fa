//! Runs the examples in the pages for users as documentation tests. The library cannot include the pages, because a
//! published package cannot contain files from outside its folder.

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
    #[doc = include_str!("../docs/settings.md")]
    mod settings {}
}
