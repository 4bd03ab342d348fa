//! Tests three uploads of different blobs to a container registry (OCI distribution specification, "Pushing a blob in
//! chunks").

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cassette::{Mode, Session};
use http::Request;
use tokio::task::JoinSet;

use super::{order, replays};
use crate::api::{Answer, Api, Speaks, answer, see};
use crate::project::{Project, response};

/// The chunks of each blob. The first two blobs begin with the same chunk, so that only their later chunks distinguish
/// them.
const BLOBS: [&[&str]; 3] = [&["layer ", "one"], &["layer ", "two", "!"], &["config"]];

/// A digest of a blob. It has the length of a real digest.
fn digest(blob: &[u8]) -> String {
    let part = |seed: u64| {
        let mut hasher = DefaultHasher::new();
        (seed, blob).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    format!("sha256:{}", (0..4).map(part).collect::<String>())
}

#[derive(Default)]
struct Registry {
    uploads: HashMap<String, Vec<u8>>,
    blobs: HashMap<String, Vec<u8>>,
}

impl Registry {
    fn answer(&mut self, request: &Request<Bytes>) -> Answer {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let last = path.rsplit('/').next().unwrap_or_default();
        match request.method().as_str() {
            "POST" => {
                let n = (self.uploads.len() + self.blobs.len()) as u64 + 0x5eed;
                let mut hasher = DefaultHasher::new();
                n.hash(&mut hasher);
                let hash = format!("{:016x}", hasher.finish());
                let uuid = format!("{}-{}-4{}-8c{n:02x}", &hash[..8], &hash[8..12], &hash[12..15]);
                self.uploads.insert(uuid.clone(), Vec::new());
                self.accepted(&uuid)
            }
            "GET" => match self.blobs.get(last) {
                Some(blob) => answer(200, &[], blob.clone()),
                None => answer(404, &[], ""),
            },
            method => {
                if !self.uploads.contains_key(last) || !query.contains(&self.state(last)) {
                    return answer(404, &[], "no such upload, or an old state");
                }
                let upload = self.uploads.get_mut(last).expect("it exists");
                upload.extend_from_slice(request.body());
                match method {
                    "PATCH" => self.accepted(last),
                    _ => {
                        let blob = self.uploads.remove(last).expect("it exists");
                        let digest = digest(&blob);
                        if !query.contains(&digest.replace(':', "%3A")) {
                            return answer(400, &[], "another digest");
                        }
                        self.blobs.insert(digest.clone(), blob);
                        let location = format!("/v2/app/blobs/{digest}");
                        answer(201, &[("location", &location), ("docker-content-digest", &digest)], "")
                    }
                }
            }
        }
    }

    /// A token that depends on the length of the upload so far, so every response has a new token.
    fn state(&self, uuid: &str) -> String {
        digest(format!("{uuid} {}", self.uploads[uuid].len()).as_bytes())[10..50].to_owned()
    }

    fn accepted(&self, uuid: &str) -> Answer {
        let location =
            format!("https://api.example.test/v2/app/blobs/uploads/{uuid}?_state={}", self.state(uuid));
        let length = self.uploads[uuid].len();
        let range = format!("0-{}", length.saturating_sub(1));
        answer(202, &[("location", &location), ("docker-upload-uuid", uuid), ("range", &range)], "")
    }
}

/// The id of an upload, from the header `location` of a response.
fn uuid(headers: &http::HeaderMap) -> String {
    let (_, rest) = headers["location"].to_str().unwrap().split_once("/uploads/").unwrap();
    rest.split_once('?').unwrap().0.to_owned()
}

/// A client that uploads one blob.
struct Upload {
    http: reqwest::Client,
    location: String,
    uuid: String,
}

impl Upload {
    async fn begin(http: reqwest::Client, base: &str) -> Upload {
        let seen = see(http.post(format!("{base}/v2/app/blobs/uploads/")).send().await.unwrap()).await;
        assert_eq!(seen.status, 202);
        let location = seen.headers["location"].to_str().unwrap().to_owned();
        Upload { http, location, uuid: uuid(&seen.headers) }
    }

    /// Sends the chunks, and returns the location and the content of the stored blob.
    async fn finish(mut self, base: &str, chunks: &[&'static str]) -> (String, String) {
        for chunk in chunks {
            let seen = see(self.http.patch(&self.location).body(*chunk).send().await.unwrap()).await;
            assert_eq!(seen.status, 202, "{seen:?}");
            self.follow(&seen.headers);
        }
        let blob = chunks.concat();
        let url = format!("{}&digest={}", self.location, digest(blob.as_bytes()).replace(':', "%3A"));
        let seen = see(self.http.put(url).send().await.unwrap()).await;
        assert_eq!(seen.status, 201, "{seen:?}");
        let location = seen.headers["location"].to_str().unwrap();
        let stored = see(self.http.get(format!("{base}{location}")).send().await.unwrap()).await;
        assert_eq!(stored.status, 200, "{stored:?}");
        (location.to_owned(), String::from_utf8(stored.body.to_vec()).unwrap())
    }

    /// Takes the next location from a response. Checks that the response is about the same upload, and has a new token.
    fn follow(&mut self, headers: &http::HeaderMap) {
        let location = headers["location"].to_str().unwrap();
        assert!(location.contains(&format!("/uploads/{}?", self.uuid)), "{location} for {}", self.uuid);
        assert_ne!(location, self.location);
        if let Some(uuid) = headers.get("docker-upload-uuid") {
            assert_eq!(*uuid, self.uuid);
        }
        self.location = location.to_owned();
    }
}

/// Uploads all blobs. The uploads begin one after the other in the order of the replay, or all at once.
async fn upload(session: Session, base: &str, replay: usize) -> Vec<(String, String)> {
    let http = session.client().unwrap();
    let mut tasks = JoinSet::new();
    for blob in order(replay, BLOBS.len()) {
        let (http, base) = (http.clone(), base.to_owned());
        let begun = if replay % 4 == 3 { None } else { Some(Upload::begin(http.clone(), &base).await) };
        tasks.spawn(async move {
            let upload = match begun {
                Some(upload) => upload,
                None => Upload::begin(http, &base).await,
            };
            (blob, upload.finish(&base, BLOBS[blob]).await)
        });
    }
    let mut results = tasks.join_all().await;
    results.sort();
    results.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn uploads_of_different_blobs() {
    for (speaks, first, replays) in [(Speaks::Https1, 0, replays()), (Speaks::Https2, 3, replays() / 5)] {
        let registry = Arc::new(Mutex::new(Registry::default()));
        let api = Api::start(speaks, move |request| registry.lock().unwrap().answer(&request));
        let (config, base, project) = (api.config(), api.url(""), Project::new());
        let recorded = project.record(config.clone(), &async |session| upload(session, &base, first).await);
        drop(api);
        let expected = BLOBS.map(|chunks| {
            let blob = chunks.concat();
            (format!("/v2/app/blobs/{}", digest(blob.as_bytes())), blob)
        });
        assert_eq!(recorded, expected);
        for replay in 0..replays {
            let replayed =
                project.replay(config.clone(), &async |session| upload(session, &base, replay).await);
            assert_eq!(replayed, expected, "replay {replay}");
        }
    }
}

/// If a request of an upload has no recording, the report compares it with the requests of the recorded upload that
/// this upload stands for.
#[test]
fn another_content_is_explained() {
    let registry = Arc::new(Mutex::new(Registry::default()));
    let api = Api::start(Speaks::Https1, move |request| registry.lock().unwrap().answer(&request));
    let (config, base, project) = (api.config(), api.url(""), Project::new());
    project.record(config.clone(), &async |session| upload(session, &base, 0).await);
    drop(api);
    let failure = project.run(Mode::Replay, config, &async |session| {
        // This upload has the content of the last recorded upload, but is the first upload in this run.
        let mut upload = Upload::begin(session.client().unwrap(), &base).await;
        let seen = see(upload.http.patch(&upload.location).body("config").send().await.unwrap()).await;
        upload.follow(&seen.headers);
        let seen = see(upload.http.patch(&upload.location).body("more").send().await.unwrap()).await;
        assert_eq!(seen.status, 470);
        upload.uuid
    });
    let text = failure.unwrap_err().to_string();
    let recorded = project.interactions();
    let uuids: Vec<String> = {
        let posts = recorded.iter().filter(|i| i.request.method == "POST");
        posts.map(|i| uuid(&response(i).headers)).collect()
    };
    let note = format!("`{}` stands for `{}` of the recording:", uuids[0], uuids[2]);
    assert!(text.contains(&note), "{note}: {text}");
    assert!(text.contains("closest    PATCH"), "{text}");
}
