//! The ways by which the clients of `cassette_compat` reach a session.

use cassette_compat::{CLIENTS, Client};

use crate::cell::{Cell, Context};
use crate::explicit::{self, Told};
use crate::upstream::{ARN, SPELLED, WORDS};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// As it is: in the body of the test, then in a thread that the body starts.
    AsItIs,
    /// The client in a process of its own, with the variables of `session.env()`.
    Process,
    /// A URL on loopback.
    BaseUrl,
    /// Told of the session in its own way.
    Explicit,
}

pub(crate) const WAYS: [Way; 4] = [Way::AsItIs, Way::Process, Way::BaseUrl, Way::Explicit];

impl Way {
    pub(crate) fn head(self) -> &'static str {
        match self {
            Way::AsItIs => "unmodified",
            Way::Process => "`session.command()`",
            Way::BaseUrl => "`session.base_url()`",
            Way::Explicit => "configured",
        }
    }
}

/// A client, and how it is told of a session.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    client: Client,
    pub(crate) name: &'static str,
    pub(crate) how: &'static str,
    tell: Option<Told>,
}

pub(crate) fn clients() -> impl Iterator<Item = Row> {
    CLIENTS.into_iter().map(|client| {
        let told = explicit::of(client.name);
        let (how, tell) = told.map_or(("–", None), |(how, tell)| (how, Some(tell)));
        Row { client, name: client.name, how, tell }
    })
}

pub(crate) fn cell(row: Row, way: Way) -> Cell {
    let (path, expected) = match row.name {
        name if name.starts_with("aws") => ("", ARN),
        name if name.starts_with("tonic") => ("", SPELLED),
        _ => ("/words", WORDS),
    };
    let url = format!("https://api.example.test{path}");
    let get = row.client.get;
    if way == Way::Explicit && row.tell.is_none() {
        return Cell::NONE;
    }
    Cell::of(&format!("{}, {way:?}", row.name), expected, move |context: Context<'_>| match way {
        Way::AsItIs => {
            let in_body = get(&url)?;
            let url = url.clone();
            let in_thread = std::thread::spawn(move || get(&url)).join().expect("errors are returned")?;
            if in_body == in_thread {
                Ok(in_body)
            } else {
                Err(format!("{in_body:?} and {in_thread:?}").into())
            }
        }
        Way::BaseUrl => get(&context.session.base_url(&url)?),
        Way::Process => {
            let mut command = context.session.command(env!("CARGO_BIN_EXE_client"))?;
            let output = command.args([row.name, &url]).output()?;
            if output.status.success() {
                Ok(String::from_utf8(output.stdout)?)
            } else {
                Err(String::from_utf8_lossy(&output.stderr).into())
            }
        }
        Way::Explicit => match row.tell {
            Some(tell) => tell(context, &url),
            None => unreachable!("it has no cell"),
        },
    })
}
