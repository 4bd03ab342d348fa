//! A project with one cassette in a temporary directory. Tests record and replay it through the public API.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use cassette::tape::{Cassette, Interaction, Outcome, Response};
use cassette::{Config, Failure, Mode, Session, SessionBuilder, Summary};
use tempfile::TempDir;

use crate::api::Api;

pub(crate) const NAME: &str = "weather/berlin";

pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new() -> Project {
        Project(tempfile::tempdir().expect("a directory"))
    }

    /// Records `body` from the server `api`, stops the server, and replays. Checks that the result of `body` is the
    /// same both times, and that the replay changes no file.
    #[track_caller]
    pub(crate) fn both<T>(api: Api, body: impl AsyncFn(Session) -> T + Sync) -> (Project, T)
    where
        T: Debug + PartialEq + Send,
    {
        Project::both_with(api.config(), api, body)
    }

    /// Like [`both`](Self::both), with other settings.
    #[track_caller]
    pub(crate) fn both_with<T>(
        config: Config,
        api: Api,
        body: impl AsyncFn(Session) -> T + Sync,
    ) -> (Project, T)
    where
        T: Debug + PartialEq + Send,
    {
        let project = Project::new();
        let recorded = project.record(config.clone(), &body);
        drop(api);
        let before = project.files();
        let replayed = project.replay(config, &body);
        assert_eq!(replayed, recorded, "the client sees something else on replay (left)");
        assert!(project.files() == before, "a replay changed {:?}", project.files().keys());
        (project, recorded)
    }

    pub(crate) fn builder(&self, mode: Mode, config: Config) -> SessionBuilder {
        assert!(
            std::env::var_os("CI").is_none_or(|v| v.is_empty()),
            "with `CI` set nothing records: run these tests as `CI= cargo test`"
        );
        Session::builder(NAME).package_dir(self.0.path()).config(config).mode(mode)
    }

    /// Runs `body` in a session. `body` can fail only with a panic.
    pub(crate) fn run<T: Send>(
        &self,
        mode: Mode,
        config: Config,
        body: &(impl AsyncFn(Session) -> T + Sync),
    ) -> Result<(T, Summary), Failure> {
        let body = async |session| Ok::<T, cassette::Error>(body(session).await);
        self.builder(mode, config).run_async(body)
    }

    #[track_caller]
    pub(crate) fn record<T: Send>(&self, config: Config, body: &(impl AsyncFn(Session) -> T + Sync)) -> T {
        self.run(Mode::Record, config, body).unwrap_or_else(|e| panic!("recording: {e}")).0
    }

    #[track_caller]
    pub(crate) fn replay<T: Send>(&self, config: Config, body: &(impl AsyncFn(Session) -> T + Sync)) -> T {
        self.run(Mode::Replay, config, body).unwrap_or_else(|e| panic!("replay: {e}")).0
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// The text of the cassette's document.
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path("tests/cassettes").join(format!("{NAME}.json")))
            .expect("a cassette")
    }

    /// Replaces the cassette's document.
    pub(crate) fn write(&self, text: &str) {
        let file = self.path("tests/cassettes").join(format!("{NAME}.json"));
        std::fs::write(file, text).expect("written");
    }

    pub(crate) fn cassette(&self) -> Cassette {
        Cassette::open(self.path("tests/cassettes").join(format!("{NAME}.json"))).expect("a cassette")
    }

    pub(crate) fn interactions(&self) -> Vec<Interaction> {
        let cassette = self.cassette();
        (0..cassette.len()).map(|i| cassette.interaction(i).expect("an interaction")).collect()
    }

    /// `GET https://host/path` of every interaction, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.interactions().iter().map(|i| format!("{} {}", i.request.method, i.request.uri)).collect()
    }

    /// The contents of every file, by its relative path.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        walk(self.0.path(), self.0.path(), &mut found);
        found
    }

    /// Checks that no file contains `value`, neither raw nor in base64.
    #[track_caller]
    pub(crate) fn assert_never(&self, value: &str) {
        let files = self.files();
        assert!(!files.is_empty(), "nothing was written at all");
        let standard = base64::engine::general_purpose::STANDARD_NO_PAD;
        let mut forms = vec![value.as_bytes().to_vec()];
        for shift in 0..3 {
            // The part of the base64 text whose characters contain only bits of the value.
            let encoded = standard.encode([vec![b'x'; shift], value.as_bytes().to_vec()].concat());
            let (first, whole) = ((shift * 8).div_ceil(6), (shift + value.len()) * 8 / 6);
            forms.push(encoded.as_bytes()[first..whole].to_vec());
        }
        for (name, bytes) in files {
            for form in &forms {
                let found = bytes.windows(form.len()).any(|w| w == form);
                assert!(!found, "{name} holds {}", String::from_utf8_lossy(form));
            }
        }
    }
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, found);
        } else if let Ok(relative) = path.strip_prefix(root) {
            let name = relative.to_string_lossy().replace('\\', "/");
            found.insert(name, std::fs::read(&path).expect("readable"));
        }
    }
}

/// The recorded response of an interaction.
#[track_caller]
pub(crate) fn response(interaction: &Interaction) -> &Response {
    match &interaction.outcome {
        Outcome::Response(r) => r,
        Outcome::Error(e) => panic!("an error was recorded: {e}"),
    }
}
