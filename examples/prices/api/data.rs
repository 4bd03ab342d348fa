//! The data of the API: markets, products and prices. All values depend only on the seed and the dates in the request.
//! This module must not read the clock, so that the response to a request is always the same.

use chrono::{Datelike, Days, NaiveDate};
use serde::Serialize;

use super::rng::Rng;

pub(super) struct World {
    pub(super) seed: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Market {
    pub(super) code: &'static str,
    pub(super) currency: &'static str,
    first_id: u64,
    products: u64,
    /// The price of one euro, in cents of the market's currency.
    rate: u64,
}

pub(super) const MARKETS: [Market; 4] = [
    Market { code: "cz", currency: "CZK", first_id: 10_001, products: 240, rate: 2_450 },
    Market { code: "de", currency: "EUR", first_id: 20_001, products: 260, rate: 100 },
    Market { code: "pl", currency: "PLN", first_id: 30_001, products: 225, rate: 430 },
    // This market has no products, so its lists are empty.
    Market { code: "lu", currency: "EUR", first_id: 40_001, products: 0, rate: 100 },
];

#[derive(Serialize)]
pub(super) struct Product {
    id: u64,
    name: String,
    brand: &'static str,
    category: Option<&'static str>,
    price: Money,
    tags: Vec<&'static str>,
    updated_on: NaiveDate,
}

#[derive(Serialize)]
pub(super) struct Money {
    amount: String,
    currency: &'static str,
}

#[derive(Serialize)]
pub(super) struct Quote {
    product_id: u64,
    date: NaiveDate,
    price: Money,
    in_stock: bool,
}

#[derive(Serialize)]
pub(super) struct Day {
    date: NaiveDate,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: u64,
}

const BRANDS: [&str; 8] =
    ["Lípa", "Nordwind", "Żuraw", "Acme", "Meyer & Sohn", "Brüder Grün", "Kolo", "O'Hara"];
const THINGS: [(&str, &str); 10] = [
    ("kettle", "kitchen"),
    ("coffee grinder", "kitchen"),
    ("pan, cast iron", "kitchen"),
    ("desk lamp", "home"),
    ("wool blanket", "home"),
    ("bicycle pump", "sport"),
    ("tent for 2", "sport"),
    ("drill", "tools"),
    ("spirit level", "tools"),
    ("gift card", ""),
];
const TAGS: [&str; 6] = ["new", "sale", "eco", "last pieces", "bestseller", "b-ware"];

impl World {
    pub(super) fn market(code: &str) -> Option<&'static Market> {
        MARKETS.iter().find(|market| market.code == code)
    }

    /// The products of `market`, in the order of their ids. If `since` is given, only the products that changed between
    /// `since` and `as_of`.
    pub(super) fn products(
        &self,
        market: &'static Market,
        since: Option<NaiveDate>,
        as_of: NaiveDate,
    ) -> Vec<Product> {
        market
            .ids()
            .map(|id| self.product(market, id, as_of))
            .filter(|product| since.is_none_or(|since| product.updated_on >= since))
            .collect()
    }

    /// The list of quotes has one for each product and each day from `from` to `to`. Returns the quote at `index` in
    /// this list, or `None` after the last one.
    pub(super) fn quote(
        &self,
        market: &'static Market,
        from: NaiveDate,
        to: NaiveDate,
        index: u64,
    ) -> Option<Quote> {
        let days = days_between(from, to);
        let product_id = market.ids().nth((index / days) as usize)?;
        let date = from + Days::new(index % days);
        let in_stock = self.rng("stock", product_id, date).below(10) > 0;
        Some(Quote { product_id, date, price: self.price(market, product_id, date), in_stock })
    }

    pub(super) fn quotes(market: &Market, from: NaiveDate, to: NaiveDate) -> u64 {
        market.products * days_between(from, to)
    }

    pub(super) fn history(&self, market: &'static Market, from: NaiveDate, to: NaiveDate) -> Vec<Day> {
        let index = |date| self.rng("index", market.first_id, date).below(4_000) + 98_000;
        let days = from.iter_days().take_while(|&date| date <= to && market.products > 0);
        days.map(|date| {
            let mut rng = self.rng("day", market.first_id, date);
            // The index opens at the value at which it closed on the day before.
            let (open, close) = (index(date.pred_opt().unwrap_or(date)), index(date));
            let (high, low) = (open.max(close) + rng.below(500), open.min(close) - rng.below(500));
            let points = |hundredths: u64| hundredths as f64 / 100.0;
            Day {
                date,
                open: points(open),
                high: points(high),
                low: points(low),
                close: points(close),
                volume: 10_000 + rng.below(90_000),
            }
        })
        .collect()
    }

    /// One line of the export: the offer of a shop.
    pub(super) fn offer(&self, date: NaiveDate, row: u32) -> String {
        let mut rng = self.rng("offer", u64::from(row), date);
        let market = &MARKETS[rng.below(3) as usize];
        let id = market.first_id + rng.below(market.products);
        let (name, _, _) = self.name(id);
        let Money { amount, currency } = self.price(market, id, date);
        let (shop, stock) = (1_000 + row / 40, rng.below(200));
        let name = name.replace('"', "\"\"");
        format!(
            "{date},{shop},{},{id},\"{name}\",{amount},{currency},{stock},https://shop-{shop}.example/p/{id}\n",
            market.code
        )
    }

    fn product(&self, market: &'static Market, id: u64, as_of: NaiveDate) -> Product {
        let (name, brand, category) = self.name(id);
        let mut rng = Rng::of(&[self.seed, id]);
        let count = rng.below(4);
        let mut tags: Vec<_> = (0..count).map(|_| rng.pick(&TAGS)).collect();
        tags.sort_unstable();
        tags.dedup();
        let category = (!category.is_empty()).then_some(category);
        let price = self.price(market, id, as_of);
        Product { id, name, brand, category, price, tags, updated_on: self.last_change(id, as_of) }
    }

    fn name(&self, id: u64) -> (String, &'static str, &'static str) {
        let mut rng = Rng::of(&[self.seed, id, 1]);
        let (brand, (thing, category)) = (rng.pick(&BRANDS), rng.pick(&THINGS));
        (format!("{brand} {thing} \"{}\"", 100 + rng.below(900)), brand, category)
    }

    fn price(&self, market: &'static Market, id: u64, date: NaiveDate) -> Money {
        let euro_cents = 500 + Rng::of(&[self.seed, id, 2]).below(60_000);
        let percent = 90 + self.rng("price", id, self.last_change(id, date)).below(21);
        let cents = euro_cents * percent * market.rate / 10_000;
        Money { amount: format!("{}.{:02}", cents / 100, cents % 100), currency: market.currency }
    }

    /// The last day, not later than `date`, on which the price of a product changed. A price changes about every
    /// twelfth day, and at least every 60 days.
    fn last_change(&self, id: u64, date: NaiveDate) -> NaiveDate {
        let changed = |&day: &NaiveDate| self.rng("change", id, day).below(12) == 0;
        let earliest = date - Days::new(60);
        (0..60).map(|ago| date - Days::new(ago)).find(changed).unwrap_or(earliest)
    }

    fn rng(&self, what: &str, id: u64, date: NaiveDate) -> Rng {
        let what = what.bytes().fold(0, |number, byte| number << 8 | u64::from(byte));
        Rng::of(&[self.seed, what, id, u64::from(date.num_days_from_ce().unsigned_abs())])
    }
}

impl Market {
    fn ids(&self) -> std::ops::Range<u64> {
        self.first_id..self.first_id + self.products
    }
}

fn days_between(from: NaiveDate, to: NaiveDate) -> u64 {
    (to - from).num_days().unsigned_abs() + 1
}
