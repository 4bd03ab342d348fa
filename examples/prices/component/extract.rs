//! Converts responses of the API to rows: one function for each table.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, SecondsFormat, SubsecRound, Utc};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::client::{Api, no_answer};
use super::config::{Config, TableName};
use super::error::{Error, Result};
use super::payloads::{History, Products, Quotes, Search};
use super::state::State;
use super::tables::{Manifest, Table, TableSummary, file_name};
use super::{Dirs, Summary};

/// A run in progress.
pub(super) struct Extraction<'a> {
    config: &'a Config,
    output: PathBuf,
    tables: PathBuf,
    first: NaiveDate,
    last: NaiveDate,
    now: DateTime<Utc>,
    before: State,
    after: State,
    new_products: u64,
    written: Vec<TableSummary>,
}

impl<'a> Extraction<'a> {
    pub(super) fn new(
        config: &'a Config,
        dirs: &Dirs,
        (first, last): (NaiveDate, NaiveDate),
        now: DateTime<Utc>,
        before: State,
    ) -> Result<Self> {
        let tables = dirs.output.join("tables");
        fs::create_dir_all(&tables).map_err(Error::file(&tables))?;
        let after = before.clone();
        let output = dirs.output.clone();
        Ok(Self {
            config,
            output,
            tables,
            first,
            last,
            now,
            before,
            after,
            new_products: 0,
            written: Vec::new(),
        })
    }

    pub(super) async fn table(&mut self, api: &mut Api<'_>, table: TableName) -> Result<()> {
        match table {
            TableName::Products => self.products(api).await,
            TableName::Quotes => self.quotes(api).await,
            TableName::History => self.history(api).await,
            TableName::Export => self.export(api).await,
        }
    }

    /// Writes the state for the next run. `run` calls this function only after all tables have been written. So if a
    /// table fails, the next run does the same work again.
    pub(super) fn finish(mut self, api: &Api<'_>) -> Result<Summary> {
        self.after.last_run = Some(self.now.trunc_subsecs(0));
        self.after.write(&self.output)?;
        Ok(Summary {
            tables: self.written,
            new_products: self.new_products,
            requests: api.requests,
            retries: api.retries,
        })
    }

    async fn products(&mut self, api: &mut Api<'_>) -> Result<()> {
        const COLUMNS: [&str; 9] =
            ["market", "id", "name", "brand", "category", "price", "currency", "updated_on", "extracted_at"];
        let mut products = self.create("products.csv", &COLUMNS, &["market", "id"])?;
        let mut tags = self.create(
            "product_tags.csv",
            &["market", "product_id", "position", "tag"],
            &["market", "product_id", "position"],
        )?;
        let limit = self.config.page_size.to_string();
        let extracted_at = self.now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (first, last) = (self.first.to_string(), self.last.to_string());
        let only_changed = self.config.incremental && self.before.last_run.is_some();

        for market in &self.config.markets {
            let seen = self.before.highest_product_id.get(market).copied();
            let mut highest = seen;
            let mut cursor: Option<String> = None;
            loop {
                let mut query = vec![("market", market.as_str()), ("limit", &limit), ("as_of", &last)];
                if only_changed {
                    query.push(("changed_since", &first));
                }
                if let Some(cursor) = &cursor {
                    query.push(("cursor", cursor));
                }
                let page: Products = api.get("/v1/products", &query).await?;
                for product in page.data {
                    self.new_products += u64::from(seen.is_none_or(|seen| product.id > seen));
                    highest = highest.max(Some(product.id));
                    let id = product.id.to_string();
                    for (position, tag) in product.tags.iter().enumerate() {
                        tags.write(&[market, &id, &position.to_string(), tag])?;
                    }
                    products.write(&[
                        market,
                        &id,
                        &product.name,
                        &product.brand,
                        product.category.as_deref().unwrap_or_default(),
                        &product.price.amount,
                        &product.price.currency,
                        &product.updated_on.to_string(),
                        &extracted_at,
                    ])?;
                }
                match page.paging.next_cursor {
                    // If the next page had the same cursor as this page, the loop would not end.
                    Some(next) if cursor.as_ref() == Some(&next) => {
                        return Err(Error::Unexpected {
                            request: "GET /v1/products".to_owned(),
                            reason: "the next page is the same page".to_owned(),
                        });
                    }
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            if let Some(highest) = highest {
                self.after.highest_product_id.insert(market.clone(), highest);
            }
        }
        self.written.push(products.finish()?);
        self.written.push(tags.finish()?);
        Ok(())
    }

    async fn quotes(&mut self, api: &mut Api<'_>) -> Result<()> {
        let mut table = self.create(
            "quotes.csv",
            &["market", "product_id", "date", "price", "currency", "in_stock"],
            &["market", "product_id", "date"],
        )?;
        for market in &self.config.markets {
            let mut page = 1;
            loop {
                let page_size = self.config.page_size;
                let search = Search { market, from: self.first, to: self.last, page, page_size };
                let found: Quotes = api.post("/v1/quotes/search", &search).await?;
                for quote in found.quotes {
                    table.write(&[
                        market,
                        &quote.product_id.to_string(),
                        &quote.date.to_string(),
                        &quote.price.amount,
                        &quote.price.currency,
                        &quote.in_stock.to_string(),
                    ])?;
                }
                if page >= found.pages {
                    break;
                }
                page += 1;
            }
        }
        self.written.push(table.finish()?);
        Ok(())
    }

    /// The API compresses this response with gzip, and the HTTP client decodes it.
    async fn history(&mut self, api: &mut Api<'_>) -> Result<()> {
        let mut table = self.create(
            "history.csv",
            &["market", "date", "currency", "open", "high", "low", "close", "volume"],
            &["market", "date"],
        )?;
        let (first, last) = (self.first.to_string(), self.last.to_string());
        for market in &self.config.markets {
            let path = format!("/v1/history/{market}");
            let history: History = api.get(&path, &[("from", &first), ("to", &last)]).await?;
            for day in history.days {
                let price = |value: f64| format!("{value:.2}");
                table.write(&[
                    market.clone(),
                    day.date.to_string(),
                    history.currency.clone(),
                    price(day.open),
                    price(day.high),
                    price(day.low),
                    price(day.close),
                    day.volume.to_string(),
                ])?;
            }
        }
        self.written.push(table.finish()?);
        Ok(())
    }

    /// Writes the response to the file chunk by chunk, because it may be larger than the memory.
    async fn export(&mut self, api: &mut Api<'_>) -> Result<()> {
        const REQUEST: &str = "GET /v1/exports/daily.csv";
        let yesterday = self.last.pred_opt().unwrap_or(self.last).to_string();
        let path = self.tables.join("export.csv");
        let mut answer = api.open("/v1/exports/daily.csv", &[("date", &yesterday)]).await?;
        let mut file = File::create(&path).await.map_err(Error::file(&path))?;
        let mut header = Vec::new();
        let (mut lines, mut whole_line) = (0, true);
        while let Some(chunk) = answer.chunk().await.map_err(no_answer(REQUEST))? {
            if lines == 0 {
                header.extend(chunk.iter().take_while(|&&byte| byte != b'\n'));
            }
            lines += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
            whole_line = chunk.ends_with(b"\n");
            if lines == 0 && header.len() > 64 * 1024 {
                break;
            }
            file.write_all(&chunk).await.map_err(Error::file(&path))?;
        }
        file.flush().await.map_err(Error::file(&path))?;
        if lines == 0 {
            let reason = "it does not begin with a line of column names".to_owned();
            return Err(Error::Unexpected { request: REQUEST.to_owned(), reason });
        }

        let mut manifest =
            Manifest::new(self.config.incremental, &["date", "shop_id", "market", "product_id"]);
        let columns = String::from_utf8_lossy(&header);
        manifest.columns = columns.trim_end().split(',').map(str::to_owned).collect();
        manifest.write_next_to(&path)?;
        let rows = lines - u64::from(whole_line);
        self.written.push(TableSummary { name: file_name(&path), rows });
        Ok(())
    }

    fn create(&self, name: &str, columns: &[&str], primary_key: &[&'static str]) -> Result<Table> {
        let manifest = Manifest::new(self.config.incremental, primary_key);
        Table::create(&self.tables, name, columns, manifest)
    }
}
