//! Redacts links inside texts, and links inside those links, by the rules for URLs. A project's rules can also name
//! domains, whose links have parameters that change with every response, and hosts that are IPv4 addresses. Bodies use
//! this folder as a stream, single URLs in memory.
//!
//! Must not know: the format of the text around a link.

mod beginnings;
mod changes;
mod decode;
mod decoded_text;
pub(crate) mod link;
mod parts;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
