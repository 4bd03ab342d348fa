//! The options in the parentheses of the attribute: `("name", mode = "record", …)`.
//!
//! Each part between commas is parsed separately, so that all mistakes are reported, and not only the first. `expand`
//! checks the options together with the function.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, Ident, LitBool, LitInt, LitStr, Path, Token};

use crate::check;

/// The names of the options, in the order in which the message about an unknown option lists them.
const KNOWN: [&str; 8] =
    ["mode", "freeze", "config", "prove", "crate", "flavor", "worker_threads", "start_paused"];

/// The options as the user wrote them. Each value is valid by itself.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) mode: Option<LitStr>,
    pub(crate) freeze: Option<LitStr>,
    pub(crate) config: Option<ConfigSource>,
    pub(crate) prove: Option<LitBool>,
    pub(crate) krate: Option<Path>,
    pub(crate) runtime: Runtime,
}

/// What `config = …` may be.
pub(crate) enum ConfigSource {
    /// The path of a function.
    Function(Path),
    /// A closure without parameters.
    Closure(TokenStream),
    /// A closure with one parameter, the project's `Config`.
    Change(TokenStream),
}

/// The options of the tokio runtime. Only an `async` test has a runtime.
#[derive(Default)]
pub(crate) struct Runtime {
    pub(crate) flavor: Option<(Flavor, Span)>,
    pub(crate) worker_threads: Option<LitInt>,
    pub(crate) start_paused: Option<LitBool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
}

impl Options {
    /// Parses all options and adds their mistakes to `errors`.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
        let mut options = Options::default();
        let mut seen: Vec<String> = Vec::new();
        for (index, part) in split_at_commas(tokens).into_iter().enumerate() {
            let parser = |input: ParseStream<'_>| options.part(input, index == 0, &mut seen);
            errors.take(parser.parse2(part));
        }
        errors.take(options.runtime.check());
        options
    }

    fn part(&mut self, input: ParseStream<'_>, first: bool, seen: &mut Vec<String>) -> syn::Result<()> {
        if input.peek(LitStr) {
            let name: LitStr = input.parse()?;
            if !first {
                return Err(Error::new(name.span(), "the name of the cassette comes first and only once"));
            }
            checked(&name, check::name)?;
            self.name = Some(name);
            return end(input);
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error("expected a name in quotes, or `option = value`"));
        }
        let option = input.call(Ident::parse_any)?;
        let key = option.to_string();
        if !KNOWN.contains(&key.as_str()) {
            let list = KNOWN.map(|o| format!("`{o}`")).join(", ");
            return Err(Error::new(option.span(), format!("unknown option `{key}`: the options are {list}")));
        }
        if seen.contains(&key) {
            return Err(Error::new(option.span(), format!("`{key}` is given twice")));
        }
        seen.push(key.clone());
        if !input.peek(Token![=]) {
            return Err(Error::new(option.span(), format!("expected `{key} = …`")));
        }
        input.parse::<Token![=]>()?;
        match key.as_str() {
            "mode" => self.mode = Some(string(input, &key, check::mode)?),
            "freeze" => self.freeze = Some(string(input, &key, check::instant)?),
            "config" => self.config = Some(config(input, &key)?),
            "prove" => self.prove = Some(boolean(input, &key)?),
            "crate" => self.krate = Some(path(input, &key)?),
            "flavor" => {
                let text = string(input, &key, |f| flavor(f).map(drop))?;
                self.runtime.flavor = flavor(&text.value()).ok().map(|f| (f, text.span()));
            }
            "worker_threads" => self.runtime.worker_threads = Some(threads(input)?),
            _ => self.runtime.start_paused = Some(boolean(input, &key)?),
        }
        end(input)
    }
}

impl Runtime {
    /// The name and the place of one runtime option that is set. The error for a test that is not `async` points at
    /// this option.
    pub(crate) fn first(&self) -> Option<(&'static str, Span)> {
        let flavor = self.flavor.as_ref().map(|(_, span)| ("flavor", *span));
        let threads = self.worker_threads.as_ref().map(|t| ("worker_threads", t.span()));
        let paused = self.start_paused.as_ref().map(|p| ("start_paused", p.span()));
        flavor.or(threads).or(paused)
    }

    /// Checks which runtime options tokio allows together. Otherwise tokio's builder would panic when the test runs.
    fn check(&self) -> syn::Result<()> {
        let multi = matches!(self.flavor, Some((Flavor::MultiThread, _)));
        if let (Some(threads), false) = (&self.worker_threads, multi) {
            return Err(Error::new(threads.span(), "`worker_threads` needs `flavor = \"multi_thread\"`"));
        }
        match &self.start_paused {
            Some(paused) if paused.value && multi => {
                Err(Error::new(paused.span(), "`start_paused` needs the `current_thread` flavor"))
            }
            _ => Ok(()),
        }
    }
}

/// The errors so far. All of them are shown at once.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Returns the value. Keeps an error, and returns `None` for it.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|e| self.push(e)).ok()
    }

    /// The errors as `compile_error!`s, if there are any.
    pub(crate) fn into_tokens(self) -> Option<TokenStream> {
        self.0.map(|e| e.to_compile_error())
    }
}

/// Splits at the commas that are not inside brackets. A trailing comma adds no empty part.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = Vec::new();
    let mut part: Option<TokenStream> = None;
    for token in tokens {
        match &token {
            TokenTree::Punct(p) if p.as_char() == ',' => parts.push(part.take().unwrap_or_default()),
            _ => part.get_or_insert_default().extend([token]),
        }
    }
    parts.extend(part);
    parts
}

fn string(
    input: ParseStream<'_>,
    key: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> syn::Result<LitStr> {
    let value: LitStr = literal(input, || format!("`{key}` takes a string: `{key} = \"…\"`"))?;
    checked(&value, check)?;
    Ok(value)
}

fn boolean(input: ParseStream<'_>, key: &str) -> syn::Result<LitBool> {
    literal(input, || format!("`{key}` takes `true` or `false`"))
}

fn threads(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let message = "`worker_threads` takes a number from 1";
    let value: LitInt = literal(input, || message.to_owned())?;
    match value.base10_parse::<usize>() {
        Ok(1..) => Ok(value),
        _ => Err(Error::new(value.span(), message)),
    }
}

fn path(input: ParseStream<'_>, key: &str) -> syn::Result<Path> {
    let at = input.span();
    let message = || format!("`{key}` takes a path: `{key} = crate::…`");
    input.call(Path::parse_mod_style).map_err(|_| Error::new(at, message()))
}

/// The path of a function, or a closure. Only the parameters of a closure are parsed. Rustc reports mistakes in the
/// rest.
fn config(input: ParseStream<'_>, key: &str) -> syn::Result<ConfigSource> {
    if !input.peek(Token![|]) && !input.peek(Token![||]) && !input.peek(Token![move]) {
        let at = input.span();
        let message = format!(
            "`{key}` takes the path of a function, or a closure: `{key} = |config| config.prove(false)`"
        );
        return input
            .call(Path::parse_mod_style)
            .map(ConfigSource::Function)
            .map_err(|_| Error::new(at, message));
    }
    let at = input.span();
    let closure: TokenStream = input.parse()?;
    let parts = closure.clone().into_iter().skip_while(|token| matches!(token, TokenTree::Ident(_)));
    let bars: Vec<bool> =
        parts.map(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == '|')).collect();
    match bars[..] {
        [true, true, _, ..] => Ok(ConfigSource::Closure(closure)),
        [true, false, ..] if bars[..bars.len() - 1].iter().skip(1).any(|bar| *bar) => {
            Ok(ConfigSource::Change(closure))
        }
        _ => {
            let message = format!(
                "`{key}` takes a closure with one parameter or none: `{key} = |config| config.prove(false)`"
            );
            Err(Error::new(at, message))
        }
    }
}

fn literal<T: syn::parse::Parse>(input: ParseStream<'_>, message: impl Fn() -> String) -> syn::Result<T> {
    let at = input.span();
    input.parse().map_err(|_| Error::new(at, message()))
}

fn checked(literal: &LitStr, check: impl Fn(&str) -> Result<(), String>) -> syn::Result<()> {
    check(&literal.value()).map_err(|message| Error::new(literal.span(), message))
}

fn flavor(text: &str) -> Result<Flavor, String> {
    match text {
        "current_thread" => Ok(Flavor::CurrentThread),
        "multi_thread" => Ok(Flavor::MultiThread),
        _ => Err(format!("unknown flavor `{text}`: the flavors are `current_thread`, `multi_thread`")),
    }
}

fn end(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    let rest: TokenStream = input.parse()?;
    Err(Error::new(rest.span(), "expected `,`"))
}
