//! Tests the component with the API server, over real TLS and without cassette.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use prices::api::{ApiServer, HOST, Options};
use prices::component::{Config, Dirs, Error, State, Summary, run};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A client that trusts only the server's certificate authority, and resolves the server's name to its address.
fn client(server: &ApiServer) -> reqwest::Client {
    builder(server).build().unwrap()
}

fn builder(server: &ApiServer) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(server.ca_pem().as_bytes()).unwrap()])
        .resolve(HOST, server.addr())
        .no_proxy()
}

fn parameters(server: &ApiServer, more: Value) -> Value {
    let known = server.credentials();
    let mut parameters = json!({
        "base_url": format!("https://{HOST}:{}", server.addr().port()),
        "#api_key": known.api_key, "client_id": known.client_id, "#client_secret": known.client_secret,
        "markets": ["cz", "de"], "tables": ["products", "quotes", "history", "export"],
    });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parameters
}

async fn run_with(server: &ApiServer, parameters: &Value, data: &Path) -> Result<Summary, Error> {
    let config = Config::parse(&json!({"parameters": parameters}).to_string()).unwrap();
    run(&client(server), &config, &Dirs::under(data)).await
}

/// Runs `work`. Runs it again if midnight (UTC) was during the run, because the component's requests depend on the day.
async fn on_one_day<T>(mut work: impl AsyncFnMut() -> T) -> T {
    let today = || chrono::Utc::now().date_naive();
    loop {
        let day = today();
        let done = work().await;
        if day == today() {
            return done;
        }
    }
}

fn small() -> ApiServer {
    ApiServer::start_with(Options { seed: 7, export_rows: 1_000, ..Options::default() }).unwrap()
}

fn rows(data: &Path, table: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(data.join("out/tables").join(table)).unwrap();
    let manifest = fs::read_to_string(data.join(format!("out/tables/{table}.manifest"))).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let columns: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(manifest["columns"], json!(columns), "{table}");
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files
}

#[tokio::test]
async fn a_full_load_writes_every_table() {
    let (server, data) = (small(), TempDir::new().unwrap());
    let summary = run_with(&server, &parameters(&server, json!({})), data.path()).await.unwrap();

    let written: Vec<_> = summary.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
    let tags = rows(data.path(), "product_tags.csv").len() as u64;
    assert_eq!(
        written,
        [
            ("products.csv", 240 + 260),
            ("product_tags.csv", tags),
            ("quotes.csv", 2 * (240 + 260)),
            ("history.csv", 2 * 2),
            ("export.csv", 1_000),
        ]
    );
    for (name, count) in written {
        assert_eq!(rows(data.path(), name).len() as u64, count, "{name}");
    }
    assert_eq!(summary.new_products, 500);
    let products = rows(data.path(), "products.csv");
    let keys: BTreeSet<_> = products.iter().map(|row| (&row[0], &row[1])).collect();
    assert_eq!(keys.len(), 500, "no product comes twice");
    assert!(
        products.iter().all(|row| !row[5].is_empty() && row[6] == if row[0] == "cz" { "CZK" } else { "EUR" })
    );
    assert!(products.iter().any(|row| row[2].contains('"')) && products.iter().any(|row| row[4].is_empty()));
}

#[tokio::test]
async fn the_page_size_does_not_change_the_tables() {
    let server = small();
    let [whole, pages] = on_one_day(async || {
        let mut tables = Vec::new();
        for page_size in [500, 7] {
            let more = json!({"tables": ["products", "quotes"], "markets": ["cz"], "page_size": page_size});
            let (data, before) = (TempDir::new().unwrap(), server.requests());
            run_with(&server, &parameters(&server, more), data.path()).await.unwrap();
            let pages = |rows: u64| rows.div_ceil(page_size);
            // Apart from the pages, there are two requests: the request for the token, and the search that the server
            // rejects.
            assert_eq!(server.requests() - before, 2 + pages(240) + pages(480));
            // Compares all columns except `extracted_at`, which contains the time of the run.
            let products = rows(data.path(), "products.csv").into_iter().map(|row| row[..8].to_vec());
            tables.push((products.collect::<Vec<_>>(), rows(data.path(), "quotes.csv")));
        }
        tables.try_into().unwrap()
    })
    .await;
    assert!(whole == pages);
}

#[tokio::test]
async fn an_incremental_run_continues_after_the_last_run() {
    let (server, data) = (small(), TempDir::new().unwrap());
    let more = json!({"tables": ["products", "quotes"], "markets": ["cz"], "since": "9 days ago", "incremental": true});
    let parameters = parameters(&server, more);
    let first = run_with(&server, &parameters, data.path()).await.unwrap();
    assert_eq!((first.tables[0].rows, first.new_products), (240, 240));
    assert_eq!(first.tables[2].rows, 240 * 10);

    let state = State::read(&data.path().join("out")).unwrap();
    assert_eq!(state.highest_product_id["cz"], 10_240);
    fs::rename(data.path().join("out"), data.path().join("in")).unwrap();
    let second = run_with(&server, &parameters, data.path()).await.unwrap();
    assert!(second.tables[0].rows < 120, "only what changed: {second:?}");
    assert_eq!(second.new_products, 0);
    // The period is one day, or two days if midnight was between the runs.
    assert!([240, 480].contains(&second.tables[2].rows), "{second:?}");
    let next = State::read(&data.path().join("out")).unwrap();
    assert!(next.last_run >= state.last_run && next.highest_product_id == state.highest_product_id);
}

#[tokio::test]
async fn the_client_waits_as_long_as_a_429_says() {
    let options = Options { seed: 7, retry_after_seconds: 1, ..Options::default() };
    let (server, data) = (ApiServer::start_with(options).unwrap(), TempDir::new().unwrap());
    let more = json!({"tables": ["quotes"], "markets": ["pl"]});
    let summary = run_with(&server, &parameters(&server, more), data.path()).await.unwrap();
    // There is only one retry: if the client had sent the request again too early, the server would have rejected it
    // again.
    assert_eq!((summary.retries, server.rejections()), (1, 1));
    assert_eq!(u64::from(summary.requests), server.requests());
}

#[tokio::test]
async fn the_history_is_compressed_on_the_wire() {
    let server = small();
    // The first client does not decode bodies, the second one does.
    let (raw, decoding) = (builder(&server).no_gzip().build().unwrap(), client(&server));
    let known = server.credentials();
    let base = format!("https://{HOST}:{}", server.addr().port());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &known.client_id),
        ("client_secret", &known.client_secret),
    ];
    let token = raw.post(format!("{base}/oauth/token")).form(&form).send().await.unwrap();
    let token: Value = token.json().await.unwrap();
    let token = token["access_token"].as_str().unwrap();
    let get = |http: &reqwest::Client| {
        let url = format!("{base}/v1/history/cz?from=2026-01-01&to=2026-02-01");
        http.get(url).bearer_auth(token).header("x-api-key", &known.api_key)
    };
    let compressed = get(&raw).header("accept-encoding", "br, gzip").send().await.unwrap();
    assert_eq!(compressed.version(), reqwest::Version::HTTP_2);
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let compressed = compressed.bytes().await.unwrap();
    let decoded = get(&decoding).send().await.unwrap().bytes().await.unwrap();
    assert!(compressed.starts_with(&[0x1f, 0x8b]) && compressed.len() < decoded.len() / 2);
    let plain = get(&raw).send().await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    assert_eq!(plain.bytes().await.unwrap(), decoded);
}

#[tokio::test]
async fn the_export_is_several_megabytes() {
    let (server, data) = (ApiServer::start(7).unwrap(), TempDir::new().unwrap());
    let more = json!({"tables": ["export"]});
    let summary = run_with(&server, &parameters(&server, more), data.path()).await.unwrap();
    let size = fs::metadata(data.path().join("out/tables/export.csv")).unwrap().len();
    assert_eq!(summary.tables[0].rows, 40_000);
    assert!((3_000_000..6_000_000).contains(&size), "{size}");
}

#[tokio::test]
async fn an_empty_market_gives_tables_with_a_header_only() {
    let (server, data) = (small(), TempDir::new().unwrap());
    let more = json!({"markets": ["lu"], "tables": ["products", "quotes", "history"]});
    let summary = run_with(&server, &parameters(&server, more), data.path()).await.unwrap();
    for table in &summary.tables {
        assert_eq!((table.rows, rows(data.path(), &table.name).len()), (0, 0), "{}", table.name);
    }
    assert!(State::read(&data.path().join("out")).unwrap().highest_product_id.is_empty());
}

#[tokio::test]
async fn no_secret_is_in_any_file() {
    let (server, data) = (small(), TempDir::new().unwrap());
    run_with(&server, &parameters(&server, json!({})), data.path()).await.unwrap();
    let secrets = server.secrets();
    assert_eq!(secrets.len(), 4, "two credentials, a token, a session");
    let files = files(data.path());
    assert_eq!(files.len(), 2 * 5 + 1);
    for (name, content) in files {
        for secret in &secrets {
            assert!(
                !content.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{name} contains {secret}"
            );
        }
    }
}

#[track_caller]
fn check_refused(result: Result<Summary, Error>, secrets: &[String], expected: &str) {
    let error = result.unwrap_err();
    let text = format!("{error} {error:?}");
    assert_eq!(error.to_string(), expected);
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
}

#[tokio::test]
async fn errors_about_wrong_credentials_do_not_contain_the_credentials() {
    let (server, data) = (small(), TempDir::new().unwrap());
    let run = async |more| run_with(&server, &parameters(&server, more), data.path()).await;
    check_refused(
        run(json!({"#api_key": "key-4711"})).await,
        &[server.secrets(), vec!["4711".into()]].concat(),
        "GET /v1/products was refused with 401: the API key *** is not known",
    );
    check_refused(
        run(json!({"#client_secret": "pass-4711"})).await,
        &[server.secrets(), vec!["4711".into()]].concat(),
        "POST /oauth/token was refused with 401: the client is not known or its secret is wrong",
    );
    check_refused(
        run(json!({"markets": ["xx"]})).await,
        &server.secrets(),
        "GET /v1/products was refused with 404: there is no market \"xx\"",
    );
    assert!(!data.path().join("out/state.json").exists(), "a failed run leaves no state");
}

#[tokio::test]
async fn a_changed_api_is_an_error() {
    let rename_field = Some(("updated_on".to_owned(), "updated_at".to_owned()));
    let server = ApiServer::start_with(Options { rename_field, ..Options::default() }).unwrap();
    let data = TempDir::new().unwrap();
    let error =
        run_with(&server, &parameters(&server, json!({})), data.path()).await.unwrap_err().to_string();
    assert!(error.contains("GET /v1/products") && error.contains("missing field `updated_on`"), "{error}");
}

#[tokio::test]
async fn a_stopped_server_is_an_error() {
    let (server, data) = (small(), TempDir::new().unwrap());
    let parameters = parameters(&server, json!({}));
    let http = client(&server);
    server.stop();
    let config = Config::parse(&json!({"parameters": parameters}).to_string()).unwrap();
    let error = run(&http, &config, &Dirs::under(data.path())).await.unwrap_err();
    assert_eq!(error.to_string(), "POST /oauth/token got no response");
}

/// Runs the program as a process. Its environment makes it trust the server's certificate authority.
#[cfg(target_os = "linux")]
#[test]
fn the_program_runs_from_a_data_directory() {
    let (server, data) = (small(), TempDir::new().unwrap());
    let ca = data.path().join("ca.pem");
    fs::write(&ca, server.ca_pem()).unwrap();
    let run = |more: Value| {
        let parameters = parameters(&server, more);
        fs::write(data.path().join("config.json"), json!({"parameters": parameters}).to_string()).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_prices"));
        let output =
            command.arg(data.path()).env("SSL_CERT_FILE", &ca).env_remove("SSL_CERT_DIR").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let base_url = format!("https://localhost:{}", server.addr().port());
    let (code, stdout, stderr) = run(json!({"base_url": base_url, "tables": ["export"]}));
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "export.csv: 1000 rows\n2 requests, 0 of them repeated\n"),
        "{stderr}"
    );
    let (code, _, stderr) = run(json!({"base_url": base_url, "#api_key": "key-4711"}));
    let expected = "error: GET /v1/products was refused with 401: the API key *** is not known\n";
    assert_eq!((code, stderr.as_str()), (Some(1), expected));
}

/// Two servers with the same seed differ only in their credentials.
#[tokio::test]
async fn responses_depend_on_the_seed() {
    struct Observed {
        rows: Vec<Vec<String>>,
        issued: Vec<String>,
        credentials: Vec<String>,
    }
    let [first, same, other] = on_one_day(async || {
        let mut seen = Vec::new();
        for seed in [7, 7, 8] {
            let options = Options { seed, export_rows: 50, ..Options::default() };
            let (server, data) = (ApiServer::start_with(options).unwrap(), TempDir::new().unwrap());
            let more = json!({"tables": ["export"]});
            run_with(&server, &parameters(&server, more), data.path()).await.unwrap();
            let mut credentials = server.secrets();
            let issued = credentials.split_off(2);
            seen.push(Observed { rows: rows(data.path(), "export.csv"), issued, credentials });
        }
        seen.try_into().unwrap_or_else(|_| unreachable!())
    })
    .await;
    assert!(first.rows == same.rows && first.rows != other.rows);
    assert!(first.issued == same.issued && first.issued != other.issued);
    assert!(first.credentials != same.credentials);
}

#[test]
fn every_definition_is_a_valid_configuration_with_placeholders_for_secrets() {
    let definitions: Vec<Value> = serde_json::from_str(include_str!("../prices/definitions.json")).unwrap();
    assert!(definitions.len() >= 6);
    for definition in definitions {
        let mut config = definition.get("config").unwrap_or(&definition).clone();
        let secrets = definition.pointer("/secrets/parameters").and_then(Value::as_object);
        config["parameters"].as_object_mut().unwrap().extend(secrets.cloned().unwrap_or_default());
        Config::parse(&config.to_string()).unwrap();
        for (name, placeholder) in [("#api_key", "API_KEY"), ("#client_secret", "CLIENT_SECRET")] {
            assert_eq!(config["parameters"][name], format!("{{{{secret.{placeholder}}}}}"), "{config}");
        }
    }
}
