//! Expands the attribute and the function to a test: a function that contains the user's function, and one call into
//! the library that runs it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, LitBool};

use crate::function::{self, Function, Panics};
use crate::options::{ConfigSource, Errors, Flavor, Options, Runtime};

/// Expands the attribute. If there are mistakes, it returns all errors, and the item without the attribute, so that an
/// editor can still analyse the code of the item.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    let function = match Function::parse(item.clone(), &mut errors) {
        Ok(function) => function,
        Err(error) => {
            errors.push(error);
            let errors = errors.into_tokens();
            return quote!(#errors #item);
        }
    };
    judge(&function, &options, &mut errors);
    match errors.into_tokens() {
        Some(errors) => {
            let function = function.plain();
            quote!(#errors #function)
        }
        None => test(&options, &function),
    }
}

/// Checks the function, and whether the options fit the function.
fn judge(function: &Function, options: &Options, errors: &mut Errors) {
    let mut misplaced = false;
    for attribute in function.foreign_tests() {
        misplaced = true;
        let message = if function::is_ours(attribute) {
            "a test has one cassette: this attribute is here twice".to_owned()
        } else {
            let path = text(attribute.path());
            format!("move `#[{path}]` above `#[cassette_test]`, which comes last, next to `fn`")
        };
        errors.push(Error::new(attribute.path().span(), message));
    }
    // In its right place, an attribute for parametrised tests provides the arguments. So if such an attribute is
    // misplaced, only its place is reported, and not the number of arguments.
    if !misplaced && function.arguments.len() > 1 {
        let message = "a test takes one argument, its `Session`, or none";
        errors.push(Error::new(function.arguments[1].span(), message));
    }
    if let (false, Some((option, at))) = (function.is_async, options.runtime.first()) {
        let message =
            format!("`{option}` configures the runtime of an `async` test, and this test is not async");
        errors.push(Error::new(at, message));
    }
    // Rustc has the same rule for `#[should_panic]`. But the generated test always returns `()`, so rustc cannot check
    // the user's return type.
    if let (Some(attribute), false) = (function.should_panic(), function.returns_unit()) {
        errors.push(Error::new(attribute.path().span(), "a test that should panic must return `()`"));
    }
}

fn test(options: &Options, function: &Function) -> TokenStream {
    let Function { attributes, visibility, rest, ident, .. } = function;
    let krate = options.krate.as_ref().map_or_else(|| quote!(::cassette), ToTokens::to_token_stream);
    let register = (!function.is_registered()).then(|| quote!(#[::core::prelude::v1::test]));
    let facts = facts(&krate, options, function);
    // If a session fails, the panic message shows the place of this call. So the call has the location of the user's
    // function. Its span still counts as generated code, so that the user's lints do not apply to the call.
    let at = Span::mixed_site().located_at(ident.span());
    let session = Ident::new("session", at);
    let call = call(&krate, function, &session);
    let run = if function.is_async {
        let runtime = runtime(&krate, &options.runtime);
        quote_spanned!(at=> #krate::__private::run_async(
            #facts,
            #runtime,
            |#session| ::std::boxed::Box::pin(async move { #call }),
        ))
    } else {
        quote_spanned!(at=> #krate::__private::run_sync(#facts, |#session| #call))
    };
    // The user's function is nested in the test and has the same name. So a tool that looks up the name of the calling
    // function finds the name of the test. insta, for example, names snapshots in this way.
    quote! {
        #register
        #(#attributes)*
        #visibility fn #ident() {
            #rest
            #run
        }
    }
}

/// The argument of the call into the library: the options, and what only the place of the test knows (file, line,
/// module, package).
fn facts(krate: &TokenStream, options: &Options, function: &Function) -> TokenStream {
    let name = optional(options.name.as_ref());
    let mode = optional(options.mode.as_ref());
    let freeze = optional(options.freeze.as_ref());
    let prove = optional(options.prove.as_ref());
    let config = optional(options.config.as_ref().map(|config| config_function(krate, config)));
    let paused = options.runtime.start_paused.as_ref().is_some_and(LitBool::value);
    let test = function.ident.to_string();
    let panics = match function.panics() {
        Panics::No => optional(None::<&str>),
        Panics::Yes => optional(Some("")),
        Panics::With(text) => optional(Some(text)),
    };
    quote! {
        #krate::__private::Test {
            name: #name,
            test: #test,
            module_path: ::core::module_path!(),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            package: ::core::env!("CARGO_PKG_NAME"),
            file: ::core::file!(),
            line: ::core::line!(),
            mode: #mode,
            freeze: #freeze,
            prove: #prove,
            paused: #paused,
            config: #config,
            expects_panic: #panics,
        }
    }
}

/// The expression of type `fn(Config) -> Config` for the option `config`. Its spans make rustc report a function or a
/// closure of a wrong type in the attribute.
fn config_function(krate: &TokenStream, config: &ConfigSource) -> TokenStream {
    match config {
        ConfigSource::Function(path) => {
            // The trait accepts functions with and without a parameter.
            let configure =
                quote_spanned!(path.span()=> #krate::__private::Configure::configure(#path, project));
            quote!(|project: #krate::Config| -> #krate::Config { #configure })
        }
        ConfigSource::Closure(closure) => {
            let config = quote_spanned!(closure.span()=> let config: fn() -> #krate::Config = #closure;);
            quote!(|_: #krate::Config| -> #krate::Config { #config config() })
        }
        // The declared type gives the closure's parameter its type.
        ConfigSource::Change(closure) => {
            let config = quote_spanned!(closure.span()=>
                let config: fn(#krate::Config) -> #krate::Config = #closure;
            );
            quote!({ #config config })
        }
    }
}

/// The expression that calls the user's function and makes the library's `Verdict` of its result. The expression
/// contains the user's types, so that rustc reports a wrong type at the type in the user's code.
fn call(krate: &TokenStream, function: &Function, session: &Ident) -> TokenStream {
    let ident = &function.ident;
    let argument = function.arguments.first().map(|ty| {
        // An expression cannot contain the type `impl Trait`. An argument of such a type gets the session directly.
        let named = quote!(<#ty as #krate::__private::Argument>::from_session(#session));
        if has_impl(ty.clone()) { quote!(#session) } else { named }
    });
    // If the function takes no argument, this statement prevents the warning about an unused variable.
    let unused = argument.is_none().then(|| quote!(let _ = #session;));
    let dot_await = function.is_async.then(|| quote!(.await));
    let value = quote!(#ident(#argument) #dot_await);
    match &function.output {
        Some(ty) => {
            let ty = if has_impl(ty.clone()) { quote!(_) } else { ty.clone() };
            quote!({ #unused <#ty as #krate::__private::Outcome>::verdict(#value) })
        }
        None => quote!({ #unused #value; ::core::result::Result::Ok(()) }),
    }
}

/// The code of a function that returns tokio's `Builder` for the runtime. The macro generates this code because the
/// features of tokio depend on the user's dependencies. If tokio lacks a feature, rustc reports an error at the option
/// that needs the feature.
fn runtime(krate: &TokenStream, options: &Runtime) -> TokenStream {
    let builder = quote!(#krate::__private::tokio::runtime::Builder);
    let new = match options.flavor {
        Some((Flavor::MultiThread, at)) => quote_spanned!(at=> new_multi_thread),
        _ => quote!(new_current_thread),
    };
    let threads = options.worker_threads.as_ref().map(|threads| {
        let n = threads.base10_digits().parse::<usize>().unwrap_or(1);
        quote!(builder.worker_threads(#n);)
    });
    let paused = options.start_paused.as_ref().filter(|paused| paused.value).map(|paused| {
        let start_paused = Ident::new("start_paused", paused.span());
        quote!(builder.#start_paused(true);)
    });
    if threads.is_none() && paused.is_none() {
        return quote!(#builder::#new);
    }
    quote!(|| {
        let mut builder = #builder::#new();
        #threads
        #paused
        builder
    })
}

fn has_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(i) => i == "impl",
        TokenTree::Group(g) => has_impl(g.stream()),
        _ => false,
    })
}

fn optional(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The tokens without spaces.
fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "async fn berlin(session: Session) {}";

    fn expanded(options: &str, item: &str) -> String {
        text(&expand(options.parse().unwrap(), item.parse().unwrap()))
    }

    /// Checks that the expansion contains `expected`. Spaces are ignored.
    #[track_caller]
    fn has(options: &str, item: &str, expected: &str) {
        let expanded = expanded(options, item);
        assert!(expanded.contains(&expected.replace(' ', "")), "not in {expanded}");
    }

    /// Checks that the expansion does not contain `unexpected`. Spaces are ignored.
    #[track_caller]
    fn has_not(options: &str, item: &str, unexpected: &str) {
        let expanded = expanded(options, item);
        assert!(!expanded.contains(&unexpected.replace(' ', "")), "in {expanded}");
    }

    #[test]
    fn options_arrive() {
        has(r#""weather/berlin""#, BERLIN, r#"name: ::core::option::Option::Some("weather/berlin")"#);
        has("", BERLIN, "name: ::core::option::Option::None");
        has("", BERLIN, r#"test: "berlin""#);
        has("", "fn r#async() {}", r#"test: "r#async""#);
        has(r#"mode = "record""#, BERLIN, r#"mode: ::core::option::Option::Some("record")"#);
        let instant = "2024-05-06T07:08:09Z";
        has(&format!("freeze = {instant:?}"), BERLIN, &format!("Option::Some({instant:?})"));
        has("prove = false", BERLIN, "prove: ::core::option::Option::Some(false)");
        has("", BERLIN, "prove: ::core::option::Option::None");
        has("config = crate::config", BERLIN, "Configure::configure(crate::config, project)");
        let closure = "|c: Config| -> Config { c.redact_links(\"a.b\", [\"c\", \"d\"]) }";
        has(
            &format!("config = {closure}, prove = true"),
            BERLIN,
            &format!("fn(::cassette::Config) -> ::cassette::Config = {closure};"),
        );
        has(
            "config = || crate::config().prove(false)",
            BERLIN,
            "fn() -> ::cassette::Config = || crate::config().prove(false);",
        );
        for wrong in ["||", "|c|", "|c", "|a, b| a", "move", "crate::c()", "|"] {
            has(&format!("config = {wrong}"), BERLIN, "compile_error!");
        }
    }

    #[test]
    fn a_renamed_library_is_the_only_one_named() {
        let options =
            r#"crate = ::tape_deck, config = crate::c, flavor = "multi_thread", worker_threads = 2"#;
        has(options, BERLIN, "::tape_deck::__private::run_async");
        has_not(options, BERLIN, "cassette");
        has_not("crate = ::tape_deck", "fn berlin() -> R {}", "cassette");
    }

    #[test]
    fn runtimes() {
        has("", BERLIN, "Builder::new_current_thread,");
        has(r#"flavor = "current_thread""#, BERLIN, "Builder::new_current_thread,");
        has(r#"flavor = "multi_thread""#, BERLIN, "Builder::new_multi_thread,");
        has(r#"flavor = "multi_thread", worker_threads = 0x10"#, BERLIN, "builder.worker_threads(16usize);");
        has("start_paused = true", BERLIN, "builder.start_paused(true);");
        has_not("start_paused = false", BERLIN, "start_paused");
        has_not("", "fn berlin() {}", "Builder");
    }

    #[test]
    fn registered_once() {
        let register = "#[::core::prelude::v1::test]";
        for there in ["", "#[test]", "#[core::prelude::v1::test]", "#[::std::prelude::rust_2024::test]"] {
            let tests = expanded("", &format!("{there} fn berlin() {{}}")).matches("test]").count();
            assert_eq!(tests, 1, "with {there}");
        }
        has("", "#[ignore] fn berlin() {}", &format!("{register} #[ignore] fn berlin()"));
    }

    #[test]
    fn panics() {
        has("", "#[should_panic] fn berlin() {}", r#"expects_panic: ::core::option::Option::Some("")"#);
        has("", r#"#[should_panic = "x"] fn berlin() {}"#, r#"Option::Some("x")"#);
        has("", r#"#[should_panic(expected = "x")] fn berlin() -> () {}"#, r#"Option::Some("x")"#);
        has("", "#[should_panic] fn berlin() -> u8 {}", "compile_error!");
        has("", "#[ignore] fn berlin() {}", "expects_panic: ::core::option::Option::None");
    }

    #[test]
    fn types_of_arguments() {
        let argument = |parameter: &str, ty: &str| {
            let call = format!("berlin(<{ty} as ::cassette::__private::Argument>::from_session(session))");
            has("", &format!("fn berlin({parameter}) {{}}"), &call);
        };
        argument("session: Session", "Session");
        argument("mut s: cassette::Session,", "cassette::Session");
        argument("_: ::cassette::Session", "::cassette::Session");
        argument("a::B(x): a::B", "a::B");
        argument("#[x(a: b)] S { a, b: c }: S<A, B>", "S<A, B>");
        argument("f: fn(A, B) -> C<D, E>", "fn(A, B) -> C<D, E>");
        argument("f: F<dyn Fn(A) -> B, C>", "F<dyn Fn(A) -> B, C>");
        has("", "fn berlin(s: impl Into<A>) {}", "berlin(session)");
        has("", "fn berlin() {}", "berlin()");
    }

    #[test]
    fn mistakes_leave_the_function_and_no_test() {
        for (options, item) in [
            ("mode = 1", "#[test] pub fn berlin(s: Session) { body() }"),
            ("", "#[tokio::test] pub fn berlin(s: Session) { body() }"),
            ("", "#[::cassette::test] pub fn berlin(s: Session) { body() }"),
            ("", "#[my::cassette_test] pub fn berlin(s: Session) { body() }"),
        ] {
            has(options, item, "#[allow(dead_code)] pub fn berlin(s: Session) { body() }");
            has_not(options, item, "#[::core::prelude");
        }
        has("", "#[rstest] #[case(1)] fn berlin() {}", "#[rstest] #[case(1)] fn berlin() {}");
        has("", "struct Berlin;", "struct Berlin;");
        has("", "fn berlin()", "fn berlin()");
        has("", "fn berlin();", "a test needs a body");
        has("", "async", "a test is a function");
        has("", "fn", "expected the name");
    }
}
