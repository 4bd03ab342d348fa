//! Logins that concern a connection, as those of NTLM and Negotiate. No client is recorded with the login of another.

use std::sync::Mutex;

use bytes::Bytes;
use cassette::{Body, Session};
use http::Request;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http_body_util::Empty;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::api::{Api, HOST, answer, see_any};
use crate::project::Project;

/// The messages of a login in three steps (MS-NTHT §3.1): from the client, from the server, from the client.
const NEGOTIATE: &str = "NTLM TlRMTVNTUAABAAAAB4IIogAAAAA=";
const CHALLENGE: &str = "NTLM TlRMTVNTUAACAAAADAAMADgAAAAFgomi";
const AUTHENTICATE: &str = "NTLM TlRMTVNTUAADAAAAGAAYAGoAAAAYABgAggAAAA==";

/// A server that remembers for each connection who has logged in.
fn server() -> Api {
    #[derive(Clone, Copy, PartialEq)]
    enum Is {
        Unknown,
        Challenged,
        LoggedIn,
    }
    Api::per_connection(|| {
        let is = Mutex::new(Is::Unknown);
        move |request: &Request<_>| {
            let mut is = is.lock().unwrap();
            let sent = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap());
            let challenge = match (sent, *is) {
                (Some(NEGOTIATE), _) => {
                    *is = Is::Challenged;
                    CHALLENGE
                }
                (Some(AUTHENTICATE), Is::Challenged) => {
                    *is = Is::LoggedIn;
                    return answer(200, &[], "welcome");
                }
                (None, Is::LoggedIn) => return answer(200, &[], "your mail"),
                _ => "NTLM",
            };
            answer(401, &[(WWW_AUTHENTICATE.as_str(), challenge)], "who are you?")
        }
    })
}

/// What a client sees: the status, the text, and the challenge.
type Seen = (u16, Bytes, Option<String>);

fn request<B: Default>(login: Option<&str>) -> Request<B> {
    let mut request = Request::get(format!("http://{HOST}/mail"));
    if let Some(login) = login {
        request = request.header(AUTHORIZATION, login);
    }
    request.body(B::default()).unwrap()
}

async fn seen<B: http_body::Body<Data = Bytes> + Unpin>(response: http::Response<B>) -> Seen {
    let seen = see_any(response).await;
    let challenge = seen.headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    (seen.status, seen.body, challenge)
}

/// The steps of two clients: which client, and the login that it sends.
const STEPS: [(usize, Option<&str>); 7] =
    [(0, None), (0, Some(NEGOTIATE)), (0, Some(AUTHENTICATE)), (0, None), (1, None), (0, None), (1, None)];

fn check(seen: &[Seen]) {
    let statuses: Vec<_> = seen.iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses, [401, 401, 200, 200, 401, 200, 401]);
    assert_eq!(seen[3].1, "your mail");
}

#[test]
fn each_connection_logs_in_for_itself() {
    let connect = async |session: &Session| -> SendRequest<Empty<Bytes>> {
        let url = session.proxy_url().unwrap().to_string();
        let proxy = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(proxy).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    };
    let (project, all) = Project::both(server(), async |session| {
        let mut clients = [connect(&session).await, connect(&session).await];
        let mut all = Vec::new();
        for (client, login) in STEPS {
            let client = &mut clients[client];
            client.ready().await.unwrap();
            all.push(seen(client.send_request(request(login)).await.unwrap()).await);
        }
        all
    });
    check(&all);
    assert_eq!(project.interactions().len(), STEPS.len());
    project.assert_never(AUTHENTICATE.trim_start_matches("NTLM "));
}

/// In the process, a service is a client, and its clones are the same client.
#[test]
fn each_service_logs_in_for_itself() {
    let (_, all) = Project::both(server(), async |session| {
        let clients = [session.service(), session.service()];
        let mut all = Vec::new();
        for (client, login) in STEPS {
            let response = clients[client].clone().call(request::<Body>(login)).await.unwrap();
            all.push(seen(response).await);
        }
        all
    });
    check(&all);
}
