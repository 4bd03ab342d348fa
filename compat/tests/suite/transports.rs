//! The transports by which the suite connects the clients of `cassette_compat` to a session.

use cassette_compat::{CLIENTS, Client};

use crate::cell::{Cell, Context};
use crate::explicit::{self, Configured};
use crate::upstream::{ARN, SPELLED, WORDS};

/// How the requests of a client reach the session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Transport {
    /// By interception. The client runs in the body of the test, and again in a thread that the body starts.
    Unmodified,
    /// By the proxy variables of `session.command()`, in a separate process.
    Process,
    /// By a base URL on loopback.
    BaseUrl,
    /// By the client's own configuration.
    Configured,
}

pub(crate) const TRANSPORTS: [Transport; 4] =
    [Transport::Unmodified, Transport::Process, Transport::BaseUrl, Transport::Configured];

impl Transport {
    pub(crate) fn head(self) -> &'static str {
        match self {
            Transport::Unmodified => "unmodified",
            Transport::Process => "`session.command()`",
            Transport::BaseUrl => "`session.base_url()`",
            Transport::Configured => "configured",
        }
    }
}

/// A row of the table: a client, and how to configure it for a session.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    client: Client,
    pub(crate) name: &'static str,
    pub(crate) how: &'static str,
    configured: Option<Configured>,
}

pub(crate) fn clients() -> impl Iterator<Item = Row> {
    CLIENTS.into_iter().map(|client| {
        let explicit = explicit::of(client.name);
        let (how, configured) = explicit.map_or(("–", None), |(how, configured)| (how, Some(configured)));
        Row { client, name: client.name, how, configured }
    })
}

pub(crate) fn cell(row: Row, transport: Transport) -> Cell {
    let (path, expected) = match row.name {
        name if name.starts_with("aws") => ("", ARN),
        name if name.starts_with("tonic") => ("", SPELLED),
        _ => ("/words", WORDS),
    };
    let url = format!("https://api.example.test{path}");
    let get = row.client.get;
    if transport == Transport::Configured && row.configured.is_none() {
        return Cell::NONE;
    }
    Cell::of(&format!("{}, {transport:?}", row.name), expected, move |context: Context<'_>| match transport {
        Transport::Unmodified => {
            let in_body = get(&url)?;
            let url = url.clone();
            let in_thread = std::thread::spawn(move || get(&url)).join().expect("errors are returned")?;
            if in_body == in_thread {
                Ok(in_body)
            } else {
                Err(format!("{in_body:?} and {in_thread:?}").into())
            }
        }
        Transport::BaseUrl => get(&context.session.base_url(&url)?),
        Transport::Process => {
            let mut command = context.session.command(env!("CARGO_BIN_EXE_client"))?;
            let output = command.args([row.name, &url]).output()?;
            if output.status.success() {
                Ok(String::from_utf8(output.stdout)?)
            } else {
                Err(String::from_utf8_lossy(&output.stderr).into())
            }
        }
        Transport::Configured => match row.configured {
            Some(configured) => configured(context, &url),
            None => unreachable!("returned above"),
        },
    })
}
