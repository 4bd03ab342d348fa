//! The request and response bodies of the API, with the fields that the tables need. A missing field is an error. An
//! unknown field is ignored.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(super) struct Products {
    pub(super) data: Vec<Product>,
    pub(super) paging: Paging,
}

#[derive(Deserialize)]
pub(super) struct Paging {
    pub(super) next_cursor: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Product {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) brand: String,
    pub(super) category: Option<String>,
    pub(super) price: Money,
    pub(super) tags: Vec<String>,
    pub(super) updated_on: NaiveDate,
}

#[derive(Deserialize)]
pub(super) struct Money {
    pub(super) amount: String,
    pub(super) currency: String,
}

#[derive(Serialize)]
pub(super) struct Search<'a> {
    pub(super) market: &'a str,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) page: u32,
    pub(super) page_size: u32,
}

#[derive(Deserialize)]
pub(super) struct Quotes {
    pub(super) quotes: Vec<Quote>,
    pub(super) pages: u32,
}

#[derive(Deserialize)]
pub(super) struct Quote {
    pub(super) product_id: u64,
    pub(super) date: NaiveDate,
    pub(super) price: Money,
    pub(super) in_stock: bool,
}

#[derive(Deserialize)]
pub(super) struct History {
    pub(super) currency: String,
    pub(super) days: Vec<Day>,
}

#[derive(Deserialize)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
    pub(super) volume: u64,
}
