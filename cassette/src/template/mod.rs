//! Responses that echo their request: a correlation id, a nonce, the name of a JSONP callback. If a cassette says
//! `"template": true`, expressions in its responses such as `{{request.query.nonce}}` are filled in from the request
//! that is answered.
//!
//! Must not know: cassettes, matching, how a failure is worded.

mod expression;
mod fill;
mod live;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};

use self::expression::Expression;

pub(crate) use self::fill::Filler;
pub(crate) use self::live::{Listener, Live};
use crate::poison::unpoisoned;

/// The values of expressions, for one response.
pub(crate) struct Values {
    live: Arc<Live>,
    now: SystemTime,
    /// The values that have been computed. If a response has a body, cassette fills in the response twice, and it
    /// should read a long request only once for each expression.
    known: Mutex<HashMap<String, Value>>,
}

/// The value of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// A text.
    Text(String),
    /// A JSON value other than a string, with its text in the request.
    Json(String),
}

impl Value {
    fn text(&self) -> &str {
        match self {
            Value::Text(text) | Value::Json(text) => text,
        }
    }
}

impl Values {
    /// The values come from the request as the client sent it, and from the time of the session.
    pub(crate) fn new(live: Arc<Live>, now: SystemTime) -> Values {
        Values { live, now, known: Mutex::default() }
    }

    /// Fills in the values of headers.
    ///
    /// # Errors
    ///
    /// An expression cannot be filled in, or its value is not allowed in a header.
    pub(crate) fn fill_headers(self: &Arc<Self>, headers: &mut HeaderMap) -> Result<(), String> {
        for (name, value) in headers.iter_mut() {
            if memchr::memmem::find(value.as_bytes(), fill::OPEN).is_none() {
                continue;
            }
            let in_header = |e: &dyn std::fmt::Display| format!("header `{name}`: {e}");
            let filled = Filler::text(self.clone(), value.as_bytes()).map_err(|e| in_header(&e))?;
            *value = HeaderValue::from_bytes(&filled)
                .map_err(|_| in_header(&"the value has a character that is not allowed in a header"))?;
        }
        Ok(())
    }

    fn value(&self, expression: &str) -> Result<Value, String> {
        let mut known = unpoisoned(self.known.lock());
        if let Some(value) = known.get(expression) {
            return Ok(value.clone());
        }
        let value = Expression::parse(expression)
            .and_then(|e| self.live.value(&e, self.now))
            .map_err(|reason| format!("`{{{{{expression}}}}}`: {reason}"))?;
        known.insert(expression.to_owned(), value.clone());
        Ok(value)
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
