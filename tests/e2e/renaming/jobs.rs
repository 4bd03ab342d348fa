//! Tests an API of jobs, whose ids are small numbers. All clients create their jobs with equal requests, and send the
//! input of the job later.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cassette::Session;
use http::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{order, replays};
use crate::api::{Answer, Api, Speaks, answer, get, see};
use crate::project::Project;

const INPUTS: [&str; 4] = ["a", "four", "fifteen letters", "two"];

/// The first id. Some ids have one digit and some have two, so that responses have different lengths.
const FIRST: usize = 8;

/// The jobs. For each job, its input, and how often a client has requested its state since then.
#[derive(Default)]
struct Jobs(Vec<(String, usize)>);

impl Jobs {
    fn answer(&mut self, request: &Request<Bytes>) -> Answer {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        if path[..] == ["jobs"] {
            self.0.push((String::new(), 0));
            let id = self.0.len() - 1 + FIRST;
            return json(201, &json!({"id": id, "count": id, "self": format!("/jobs/{id}")}));
        }
        let id: usize = path[1].parse().unwrap();
        let (input, polls) = &mut self.0[id - FIRST];
        match path[2..] {
            ["input"] => {
                *input = String::from_utf8(request.body().to_vec()).unwrap();
                json(200, &json!({"job_id": id, "bytes": input.len()}))
            }
            ["lines"] => {
                let page: usize =
                    request.uri().query().unwrap().strip_prefix("page=").unwrap().parse().unwrap();
                json(200, &json!({"job": id, "page": page, "text": input.get(page - FIRST..=page - FIRST)}))
            }
            ["result"] => json(200, &json!({"job": {"id": id}, "text": input.to_uppercase()})),
            _ if input.is_empty() => json(200, &json!({"id": id, "state": "waiting"})),
            _ => {
                *polls += 1;
                let state = if *polls > input.len() / 3 { "done" } else { "running" };
                json(200, &json!({"id": id, "state": state, "polls": *polls}))
            }
        }
    }
}

fn json(status: u16, value: &Value) -> Answer {
    answer(status, &[("content-type", "application/json")], value.to_string())
}

fn read(seen: &crate::api::Seen) -> Value {
    assert!(seen.status < 300, "{seen:?}");
    serde_json::from_slice(&seen.body).unwrap()
}

/// Runs one client. Returns the texts that it gets, without the id of its job.
async fn work(http: reqwest::Client, base: String, input: &'static str) -> Vec<String> {
    let created = read(&see(http.post(format!("{base}/jobs")).send().await.unwrap()).await);
    let id = created["id"].clone();
    assert_eq!(created["self"], format!("/jobs/{id}"));
    let job = format!("{base}/jobs/{id}");
    let poll = async || {
        let state = read(&get(&http, &job).await);
        assert_eq!(state["id"], id);
        state
    };
    assert_eq!(poll().await["state"], "waiting");
    let started = read(&see(http.put(format!("{job}/input")).body(input).send().await.unwrap()).await);
    assert_eq!(started["job_id"], id);
    let mut seen = vec![started["bytes"].to_string()];
    loop {
        let state = poll().await;
        seen.push(format!("{} {}", state["polls"], state["state"]));
        if state["state"] == "done" {
            break;
        }
    }
    // The pages have the same numbers as the jobs, so cassette must not confuse the two.
    for page in (FIRST..).take(input.len().min(3)) {
        let lines = read(&get(&http, &format!("{job}/lines?page={page}")).await);
        assert_eq!(lines["job"], id);
        seen.push(format!("{} {}", lines["page"], lines["text"]));
    }
    let result = read(&get(&http, &format!("{job}/result")).await);
    assert_eq!(result["job"]["id"], id);
    seen.push(result["text"].to_string());
    seen
}

async fn run(session: Session, base: &str, replay: usize) -> Vec<(usize, Vec<String>)> {
    let http = session.client().unwrap();
    let mut tasks = JoinSet::new();
    for input in order(replay, INPUTS.len()) {
        let (http, base) = (http.clone(), base.to_owned());
        tasks.spawn(async move { (input, work(http, base, INPUTS[input]).await) });
    }
    let mut results = tasks.join_all().await;
    results.sort();
    results
}

#[test]
fn jobs_with_different_inputs() {
    let jobs = Arc::new(Mutex::new(Jobs::default()));
    let api = Api::start(Speaks::Http1, move |request| jobs.lock().unwrap().answer(&request));
    let (config, base, project) = (api.config(), api.url(""), Project::new());
    let recorded = project.record(config.clone(), &async |session| run(session, &base, 0).await);
    drop(api);
    for replay in 0..replays() {
        let replayed = project.replay(config.clone(), &async |session| run(session, &base, replay).await);
        assert_eq!(replayed, recorded, "replay {replay}");
    }
}
