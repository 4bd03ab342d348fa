//! Sessions in this package: the package's own client and the session's clients get the recorded responses.

#[cfg(feature = "tls")]
const HOST: &str = "https://api.example.test";
/// Without TLS, this package cannot ask for anything else.
#[cfg(not(feature = "tls"))]
const HOST: &str = "http://api.example.test";

#[cfg_attr(feature = "tls", cassette::cassette_test("https"))]
#[cfg_attr(not(feature = "tls"), cassette::cassette_test("http"))]
async fn every_client_replays(session: cassette::Session) -> cassette::TestResult {
    let given = session.client()?;
    let response = given.get(format!("{HOST}/given")).send().await?;
    // The clients of a session have HTTP/2 if the package's reqwest has it.
    #[cfg(feature = "rustls")]
    assert_eq!(response.version() == reqwest::Version::HTTP_2, cfg!(feature = "aws-lc"));
    assert_eq!(response.text().await?, "given");

    let blocking = session.clone();
    let answer = std::thread::spawn(move || {
        let client = blocking.blocking_client().unwrap();
        client.get(format!("{HOST}/blocking")).send().unwrap().text().unwrap()
    });
    assert_eq!(answer.join().unwrap(), "blocking");

    // A session installs no provider, so a client of `rustls-no-provider` still needs one.
    #[cfg(feature = "no-provider")]
    assert!(rustls::crypto::ring::default_provider().install_default().is_ok());
    let own = reqwest::Client::new();
    assert_eq!(own.get(format!("{HOST}/own")).send().await?.text().await?, "own");
    Ok(())
}
