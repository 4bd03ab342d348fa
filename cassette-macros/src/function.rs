//! Parses the parts of the user's function that a call needs. The tokens of the function stay unchanged.
//!
//! syn parses only attributes and visibility. Signature and body stay tokens. So mistakes in them are reported by rustc
//! only, and syn's feature `full` is not needed.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, LitStr, Meta, Visibility};

use crate::options::Errors;

/// The names of attributes that generate tests. Attributes named `test` generate tests, too, and are not in this list.
const TEST_GENERATORS: [&str; 4] = ["rstest", "test_case", "test_matrix", "quickcheck"];

/// A function, with the parts of its signature that a call needs.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    /// All tokens after the visibility: `async fn f(session: Session) -> R { … }`.
    pub(crate) rest: TokenStream,
    pub(crate) ident: Ident,
    pub(crate) is_async: bool,
    /// The types of the arguments, as the user's own tokens.
    pub(crate) arguments: Vec<TokenStream>,
    /// The return type: the user's own tokens after `->`.
    pub(crate) output: Option<TokenStream>,
}

/// Whether the function has the attribute `#[should_panic]`, and the text that the attribute expects in the message.
pub(crate) enum Panics {
    No,
    Yes,
    With(LitStr),
}

impl Function {
    /// Splits the item into its parts. If the item is a function that cannot be a test, adds the reasons to `errors`.
    /// Returns `Err` if the item is not a function.
    pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> syn::Result<Function> {
        let prefix = |input: ParseStream<'_>| {
            Ok((Attribute::parse_outer(input)?, input.parse::<Visibility>()?, input.parse::<TokenStream>()?))
        };
        let (attributes, visibility, rest) = prefix.parse2(item)?;

        let mut tokens = rest.clone().into_iter().peekable();
        let mut is_async = false;
        let keyword = loop {
            match tokens.next() {
                Some(TokenTree::Ident(i)) if i == "fn" => break i,
                Some(TokenTree::Ident(i)) if i == "async" => is_async = true,
                Some(TokenTree::Ident(i)) if i == "const" || i == "unsafe" || i == "extern" => {
                    errors.push(Error::new(i.span(), format!("a test cannot be `{i}`")));
                }
                // The string `"C"` of `extern "C"`.
                Some(TokenTree::Literal(_)) => {}
                other => {
                    let at = other.map_or_else(Span::call_site, |t| t.span());
                    return Err(Error::new(at, "expected `fn`: a test is a function"));
                }
            }
        };
        let Some(TokenTree::Ident(ident)) = tokens.next() else {
            return Err(Error::new(keyword.span(), "expected the name of the function after `fn`"));
        };
        if let Some(TokenTree::Punct(p)) = tokens.next_if(|t| is_punct(t, '<')) {
            errors.push(Error::new(p.span(), "a test cannot be generic: nobody would choose its parameters"));
        }
        // Skips generics up to the parentheses of the arguments. Brackets inside the generics are groups, so their
        // contents are not searched.
        let parameters = tokens.find_map(|t| group(t, Delimiter::Parenthesis));
        let Some(parameters) = parameters else {
            return Err(Error::new(ident.span(), "expected `(` after the name of the function"));
        };
        let arguments = arguments(parameters.stream(), errors);

        let mut tail: Vec<TokenTree> = tokens.collect();
        // A test is not generic, so it needs no `where` clause. rustc reports a wrong one.
        if !matches!(tail.pop(), Some(t) if is_body(&t)) {
            return Err(Error::new(ident.span(), "a test needs a body"));
        }
        let output = match &tail[..] {
            [dash, angle, ty @ ..] if is_punct(dash, '-') && is_punct(angle, '>') && !ty.is_empty() => {
                Some(ty.iter().cloned().collect())
            }
            _ => None,
        };
        Ok(Function { attributes, visibility, rest, ident, is_async, arguments, output })
    }

    /// Whether an attribute has already registered the function with the test harness: `#[test]` itself, or the one
    /// that `#[tokio::test]` and others generate when they stand above our attribute.
    pub(crate) fn is_registered(&self) -> bool {
        self.attributes.iter().any(is_builtin_test)
    }

    /// The attributes of other test macros. All of them are misplaced: they are below our attribute. If they were above
    /// it, they would have been expanded already.
    pub(crate) fn foreign_tests(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|a| is_foreign_test(a))
    }

    /// Whether the function returns `()`. Only the tokens are known, so a type alias for `()` is not recognised.
    pub(crate) fn returns_unit(&self) -> bool {
        self.output.as_ref().is_none_or(|output| {
            let mut tokens = output.clone().into_iter();
            let unit = tokens.next().and_then(|t| group(t, Delimiter::Parenthesis));
            unit.is_some_and(|g| g.stream().is_empty()) && tokens.next().is_none()
        })
    }

    /// Whether the test is expected to panic, and the expected text of the message.
    pub(crate) fn panics(&self) -> Panics {
        let Some(attribute) = self.should_panic() else { return Panics::No };
        let value = match &attribute.meta {
            Meta::NameValue(pair) => Some(pair.value.to_token_stream()),
            Meta::List(list) => {
                list.parse_args().ok().map(|pair: syn::MetaNameValue| pair.value.to_token_stream())
            }
            Meta::Path(_) => None,
        };
        // If the value is not a string, rustc reports the mistake.
        value.and_then(|text| syn::parse2(text).ok()).map_or(Panics::Yes, Panics::With)
    }

    /// The attribute `#[should_panic]`.
    pub(crate) fn should_panic(&self) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.path().is_ident("should_panic"))
    }

    /// The function without its attributes. Only attributes that generate tests stay, such as `#[rstest]`: without
    /// them, rustc would not know the attributes that belong to them, such as `#[case]`.
    pub(crate) fn plain(&self) -> TokenStream {
        let attributes = self.attributes.iter().filter(|a| last_segment(a) != "test" && !is_ours(a));
        let Function { visibility, rest, .. } = self;
        quote!(#[allow(dead_code)] #(#attributes)* #visibility #rest)
    }
}

/// Whether the attribute is `#[cassette_test]` or `#[cassette::test]`.
pub(crate) fn is_ours(attribute: &Attribute) -> bool {
    let path = attribute.path();
    last_segment(attribute) == "cassette_test"
        || path.segments.len() == 2
            && path.segments[0].ident == "cassette"
            && path.segments[1].ident == "test"
}

/// Whether the attribute is a test macro, but not the compiler's `#[test]`.
fn is_foreign_test(attribute: &Attribute) -> bool {
    let last = last_segment(attribute);
    let named_test = last == "test" && !is_builtin_test(attribute);
    named_test || is_ours(attribute) || TEST_GENERATORS.contains(&last.as_str())
}

/// Whether the attribute is the compiler's: `#[test]`, `#[core::prelude::v1::test]` or `#[std::prelude::v1::test]`.
fn is_builtin_test(attribute: &Attribute) -> bool {
    let Meta::Path(path) = &attribute.meta else { return false };
    let segments: Vec<_> = path.segments.iter().map(|s| &s.ident).collect();
    match segments[..] {
        [test] => test == "test" && path.leading_colon.is_none(),
        [root, prelude, _, test] => {
            (root == "core" || root == "std") && prelude == "prelude" && test == "test"
        }
        _ => false,
    }
}

fn last_segment(attribute: &Attribute) -> String {
    attribute.path().segments.last().map(|s| s.ident.to_string()).unwrap_or_default()
}

/// The types of the arguments. The type of an argument follows the `:`. The pattern before the `:` is ignored.
fn arguments(parameters: TokenStream, errors: &mut Errors) -> Vec<TokenStream> {
    let mut types = Vec::new();
    let mut ty: Option<TokenStream> = None;
    // Counts open angle brackets, because commas and colons inside them belong to a type. All other brackets are
    // groups, so their contents are not read here.
    let mut depth = 0_usize;
    // The punctuation character before the current token, if the two characters form one operator: the `>` of `->` is
    // no bracket, and the colons of `::` do not begin a type.
    let mut previous = None;
    for token in parameters {
        let (c, joint) = match &token {
            TokenTree::Punct(p) => (p.as_char(), p.spacing() == Spacing::Joint),
            _ => (' ', false),
        };
        let before = std::mem::replace(&mut previous, joint.then_some(c));
        match (c, before) {
            ('<', _) => depth += 1,
            ('>', before) if before != Some('-') => depth = depth.saturating_sub(1),
            (',', _) if depth == 0 => {
                types.extend(ty.take());
                continue;
            }
            (':', before) if depth == 0 && ty.is_none() && !joint && before != Some(':') => {
                ty = Some(TokenStream::new());
                continue;
            }
            _ => {}
        }
        match (&mut ty, token) {
            (Some(ty), token) => ty.extend([token]),
            (None, TokenTree::Ident(i)) if i == "self" => {
                errors.push(Error::new(i.span(), "a test is a free function, not a method"));
            }
            (None, _) => {}
        }
    }
    types.extend(ty);
    types
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == c)
}

/// Returns the group if the token is a group with these delimiters. The group may be inside the invisible delimiters
/// that `macro_rules` adds.
fn group(token: TokenTree, delimiter: Delimiter) -> Option<Group> {
    match token {
        TokenTree::Group(g) if g.delimiter() == delimiter => Some(g),
        TokenTree::Group(g) if g.delimiter() == Delimiter::None => {
            let mut inner = g.stream().into_iter();
            let first = inner.next()?;
            if inner.next().is_some() { None } else { group(first, delimiter) }
        }
        _ => None,
    }
}

fn is_body(token: &TokenTree) -> bool {
    group(token.clone(), Delimiter::Brace).is_some()
}
