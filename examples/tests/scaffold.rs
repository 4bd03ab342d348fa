//! Tests the scaffolder in a temporary package: which files it writes, that a second run changes nothing, that it
//! detects files that do not match the definitions, and that no file contains a secret.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cassette::scaffold::{ChangeKind, Plan};
use prices::api::{ApiServer, Options};
use prices::harness;
use tempfile::TempDir;

const DEFINITIONS: &str = "prices/definitions.json";

/// A package that contains only the definitions of the example.
struct Package(TempDir);

impl Package {
    fn new() -> Package {
        let package = Package(TempDir::new().unwrap());
        fs::create_dir_all(package.path(DEFINITIONS).parent().unwrap()).unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(DEFINITIONS), package.path(DEFINITIONS)).unwrap();
        package
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    fn plan(&self) -> Plan {
        harness::scaffold().package_dir(self.0.path()).plan().unwrap()
    }

    /// Records all cases. Returns the name of each case, and whether its cassette has changed.
    fn record(&self, api: &ApiServer) -> Vec<(String, bool)> {
        let mut cases = Vec::new();
        harness::record(&self.plan(), self.0.path(), api, |case, summary| {
            cases.push((case.name().to_owned(), summary.changed));
        })
        .unwrap();
        cases
    }

    fn drift(&self) -> String {
        format!("{:?}", self.plan().check().unwrap_err())
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.0.path(), &mut files);
        files
    }
}

fn collect(dir: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
}

fn api() -> ApiServer {
    ApiServer::start_with(Options { seed: 7, export_rows: 1_000, ..Options::default() }).unwrap()
}

#[test]
fn scaffolding_twice_changes_nothing() {
    let package = Package::new();
    let created = package.plan().write().unwrap();
    assert!(created.iter().all(|f| f.change == ChangeKind::Created), "{created:?}");
    assert!(package.record(&api()).iter().all(|(_, changed)| *changed));
    package.plan().check().unwrap();
    let before = package.files();

    let again = package.plan().write().unwrap();
    assert!(again.iter().all(|f| f.change == ChangeKind::Unchanged), "{again:?}");
    // A new server has other credentials, tokens and cookies, but the same data. So no cassette changes.
    let recorded = package.record(&api());
    assert_eq!(recorded.len(), 6);
    assert!(recorded.iter().all(|(_, changed)| !changed), "{recorded:?}");
    assert_eq!(before.keys().collect::<Vec<_>>(), package.files().keys().collect::<Vec<_>>());
    assert!(before == package.files(), "a file has changed");
}

#[test]
fn no_file_contains_a_secret_raw_or_in_base64() {
    let (package, api) = (Package::new(), api());
    package.plan().write().unwrap();
    package.record(&api);
    let secrets = api.secrets();
    assert!(secrets.len() > 10, "credentials, and a token and a session for each of six cases");
    let files = package.files();
    assert!(files.len() > 20);
    for secret in &secrets {
        for encoding in encodings(secret) {
            for (path, content) in &files {
                let found = content.windows(encoding.len()).any(|part| part == encoding.as_bytes());
                assert!(!found, "{} contains {encoding}", path.display());
            }
        }
    }
}

/// Returns the secret itself, and three fragments of base64. Every base64 text that contains the secret contains one of
/// these fragments; which one depends on the offset of the secret in the text.
fn encodings(secret: &str) -> Vec<String> {
    let mut encodings = vec![secret.to_owned()];
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([&vec![b'x'; before], secret.as_bytes()].concat());
        // A base64 digit encodes six bits. The fragment has no digits that also encode bits of the bytes before or
        // after the secret.
        let first = (before * 8).div_ceil(6);
        let last = (before + secret.len()) * 8 / 6;
        encodings.push(text[first..last].to_owned());
    }
    encodings
}

#[test]
fn a_base64_text_contains_one_of_the_fragments() {
    let text = STANDARD_NO_PAD.encode("user:a-secret-value@host");
    assert_eq!(encodings("a-secret-value").iter().filter(|f| text.contains(*f)).count(), 1);
}

#[test]
fn drift_is_reported_with_the_command_that_fixes_it() {
    let package = Package::new();
    let plan = package.plan();
    let case = plan.cases()[0].clone();
    let config = case.dir().join("source/data/config.json");

    let nothing_yet = package.drift();
    assert!(nothing_yet.contains("tests/prices.rs: missing"), "{nothing_yet}");
    plan.write().unwrap();
    let missing = format!("tests/prices/{}: not recorded yet", case.cassette_name() + ".json");
    assert!(package.drift().contains(&missing), "{}", package.drift());
    package.record(&api());
    plan.check().unwrap();

    for (file, expected) in [
        (package.path("tests/prices.rs"), "tests/prices.rs: differs"),
        (config, "source/data/config.json: differs"),
    ] {
        let text = fs::read(&file).unwrap();
        fs::write(&file, [&text[..], b"\n"].concat()).unwrap();
        assert!(package.drift().contains(expected), "{}", package.drift());
        fs::write(&file, text).unwrap();
        plan.check().unwrap();
    }

    let definitions = fs::read_to_string(package.path(DEFINITIONS)).unwrap();
    fs::write(package.path(DEFINITIONS), definitions.replace(case.name(), "renamed")).unwrap();
    let drift = package.drift();
    assert!(drift.contains(&format!("tests/prices/{}: no longer defined", case.name())), "{drift}");
    assert!(drift.contains("tests/prices.rs: differs"), "{drift}");
    assert!(drift.ends_with(&format!("run `{}`", harness::COMMAND)), "{drift}");
}

#[test]
fn a_handwritten_test_file_is_not_replaced() {
    let package = Package::new();
    fs::create_dir_all(package.path("tests")).unwrap();
    fs::write(package.path("tests/prices.rs"), "#[test]\nfn mine() {}\n").unwrap();
    let refused = package.plan().write().unwrap_err().to_string();
    assert!(refused.contains("tests/prices.rs") && refused.contains("was not generated"), "{refused}");
    assert_eq!(fs::read_to_string(package.path("tests/prices.rs")).unwrap(), "#[test]\nfn mine() {}\n");
}
