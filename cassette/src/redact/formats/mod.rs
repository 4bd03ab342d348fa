//! The formats of bodies: what each of them is read as, and which of its values have names.

pub(crate) mod body_fields;
pub(crate) mod events;
pub(crate) mod form;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod loose_form;
pub(crate) mod multipart;
pub(crate) mod pass;
pub(crate) mod script;
pub(crate) mod sniff;
pub(crate) mod splice;
pub(crate) mod unescape;
pub(crate) mod xml;
