//! Redacts links inside texts, and links inside those links, by the rules for URLs. A project can also list parameters
//! of links to a domain, if their values change with every response, and can replace hosts that are IPv4 addresses.
//! Bodies are searched as a stream, single URLs in memory.
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
