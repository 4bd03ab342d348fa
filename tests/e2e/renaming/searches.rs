//! Tests two clients that send equal searches and read the results page by page. One client reads fewer pages than the
//! other.

use std::sync::atomic::{AtomicUsize, Ordering};

use cassette::Session;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{order, replays};
use crate::api::{Api, Speaks, answer, get};
use crate::project::Project;

const PAGES: [usize; 2] = [2, 5];

/// Reads this number of pages, and returns their items.
async fn walk(http: reqwest::Client, base: String, pages: usize) -> Vec<Value> {
    let mut url = format!("{base}/search?q=rain");
    let mut seen = Vec::new();
    for _ in 0..pages {
        let page: Value = serde_json::from_slice(&get(&http, &url).await.body).unwrap();
        seen.push(page["items"].clone());
        let Some(cursor) = page["next"].as_str() else { break };
        url = format!("{base}/search?q=rain&cursor={cursor}");
    }
    seen
}

async fn run(session: Session, base: &str, replay: usize) -> Vec<(usize, Vec<Value>)> {
    let http = session.client().unwrap();
    let mut tasks = JoinSet::new();
    for client in order(replay, PAGES.len()) {
        let (http, base) = (http.clone(), base.to_owned());
        tasks.spawn(async move { (client, walk(http, base, PAGES[client]).await) });
    }
    let mut results = tasks.join_all().await;
    results.sort_by_key(|(client, _)| *client);
    results
}

#[test]
fn cursors_of_equal_searches() {
    let searches = AtomicUsize::new(0);
    let api = Api::start(Speaks::Https1, move |request| {
        let query = request.uri().query().unwrap_or_default();
        let cursor = query.split_once("cursor=c");
        let (search, page): (usize, usize) = match cursor.and_then(|(_, c)| c.split_once('-')) {
            Some((search, page)) => (search.parse().unwrap(), page.parse().unwrap()),
            None => (searches.fetch_add(1, Ordering::SeqCst) + 730_021, 1),
        };
        let next = (page < 5).then(|| format!("c{search}-{}", page + 1));
        let body = json!({"items": [page * 10, page * 10 + 1], "next": next});
        answer(200, &[("content-type", "application/json")], body.to_string())
    });
    let (config, base, project) = (api.config(), api.url(""), Project::new());
    let recorded = project.record(config.clone(), &async |session| run(session, &base, 0).await);
    drop(api);
    for replay in 0..replays() {
        let replayed = project.replay(config.clone(), &async |session| run(session, &base, replay).await);
        assert_eq!(replayed, recorded, "replay {replay}");
    }
}
