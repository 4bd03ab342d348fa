//! Links in texts: each is redacted as a URL of its own, and so are those in it. Further, the parameters of links to
//! given domains, which are new in every answer, and hosts that are IPv4 addresses. For URLs of their own, and for
//! bodies, where links are looked for while they stream.
//!
//! Must not know: in what format the text around a link is.

mod beginnings;
mod changes;
mod decode;
pub(crate) mod link;
mod parts;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod written;
