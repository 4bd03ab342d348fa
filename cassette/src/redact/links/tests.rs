//! Tests of links in bodies, however they are split into chunks, and in URLs.

use std::io::Write as _;

use crate::redact::{Redactor, Rules};

fn redactor() -> Redactor {
    let rules = Rules::default().links("cdn.example.com", &["sig", "expires"]).links("all.test", &[]);
    Redactor::new(rules.ipv4_hosts()).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_with(&redactor(), text, expected);
}

#[track_caller]
fn check_with(redactor: &Redactor, text: &str, expected: &str) {
    let redact = |text: &str, size: usize| {
        let mut body = redactor.body(Some("text/html"), Vec::new());
        text.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
        String::from_utf8(body.finish().unwrap()).unwrap()
    };
    for size in [usize::MAX, 1, 2, 3, 7] {
        assert_eq!(redact(text, size), expected, "{size} bytes at once");
    }
    for cut in (0..text.len()).filter(|_| text.len() < 400) {
        let mut body = redactor.body(Some("text/html"), Vec::new());
        let (a, b) = text.as_bytes().split_at(cut);
        body.write_all(a).and_then(|()| body.write_all(b)).unwrap();
        assert_eq!(String::from_utf8(body.finish().unwrap()).unwrap(), expected, "cut at {cut}");
    }
    assert_eq!(redact(expected, 1), expected, "redacting again changes nothing");
    if text.starts_with("https:") && !text.contains(' ') && !text.contains(",https") {
        assert_eq!(redactor.uri(text), expected, "as a URL of its own");
    }
}

#[test]
fn parameters() {
    check(
        "https://cdn.example.com/a.png?w=1&sig=abc&Expires=9#f",
        "https://cdn.example.com/a.png?w=1&sig=[sig:1]&Expires=[expires:1]#f",
    );
    check("https://eu.cdn.example.com/?sig=a%2Fb", "https://eu.cdn.example.com/?sig=[sig:1]");
    check("https://mycdn.example.com/?expires=a", "https://mycdn.example.com/?expires=a");
    check("https://all.test:8443/?a=1&b&c=", "https://all.test:8443/?a=[link:1]&b&c=");
    check(
        r#"<img src="https://cdn.example.com/?x=1&amp;sig=a"> (https://cdn.example.com/?sig=b\u0026expires=c)"#,
        r#"<img src="https://cdn.example.com/?x=1&amp;sig=[sig:1]"> (https://cdn.example.com/?sig=[sig:2]\u0026expires=[expires:1])"#,
    );
    check(
        r#"{"u":"https:\/\/cdn.example.com\/a?sig=x"}"#,
        r#"{"u":"https:\/\/cdn.example.com\/a?sig=[sig:1]"}"#,
    );
    check(
        "a: b :// ://? :a//cdn.example.com/?expires=x https:/",
        "a: b :// ://? :a//cdn.example.com/?expires=x https:/",
    );
}

#[test]
fn addresses() {
    check(
        "see http://10.1.2.3:8080/x and http://10.1.2.3/",
        "see http://ipv4-1.invalid:8080/x and http://ipv4-1.invalid/",
    );
    check("https://192.168.7.7/", "https://ipv4-1.invalid/");
    check("http://127.0.0.1:4000/ 10.1.2.3 http://1.2.3/", "http://127.0.0.1:4000/ 10.1.2.3 http://1.2.3/");
}

/// The rules for parameters of URLs also apply to links.
#[test]
fn by_name() {
    check(
        r#"{"url":"https://b.s3.test/k?a=1&X-Amz-Signature=0123&X-Amz-Security-Token=IQ%2FoJ","next":"https://h/?page=2&access_token=t-1#id_token=t-2"}"#,
        r#"{"url":"https://b.s3.test/k?a=1&X-Amz-Signature=[x_amz_signature:1]&X-Amz-Security-Token=[x_amz_security_token:1]","next":"https://h/?page=2&access_token=[access_token:1]#id_token=[id_token:1]"}"#,
    );
    check(
        r#"{"u":"https:\/\/h\/?a=1\u0026token\u003dx%2fy","t":"see https://h/?token=x/y\nhttps://h/?token=z\tx \"https://h/?token=z\""}"#,
        r#"{"u":"https:\/\/h\/?a=1\u0026token\u003d[token:1]","t":"see https://h/?token=[token:1]\nhttps://h/?token=[token:2]\tx \"https://h/?token=[token:2]\""}"#,
    );
    check(
        r#"<a href="https://h/?a=1&amp;token=x&#38;api_key=y">&quot;https://h/?token=x&quot;</a>"#,
        r#"<a href="https://h/?a=1&amp;token=[token:1]&#38;api_key=[api_key:1]">&quot;https://h/?token=[token:1]&quot;</a>"#,
    );
    check(
        r#"{"b":"{\"u\":\"https:\\/\\/h\\/?token=x\",\"v\":\"https://h/?token=x\"}","h":"<a href='http://h/?x\u0026amp;token=x'>"}"#,
        r#"{"b":"{\"u\":\"https:\\/\\/h\\/?token=[token:1]\",\"v\":\"https://h/?token=[token:1]\"}","h":"<a href='http://h/?x\u0026amp;token=[token:1]'>"}"#,
    );
    check("https://h/?f=%7B%22token%22:%22x%22%7D&x=1", "https://h/?f=%7B%22token%22:%22[token:1]%22%7D&x=1");
    check("https://h/?user%5Fname=a&to%6ben=b&token=", "https://h/?user%5Fname=a&to%6ben=[token:1]&token=");
}

#[test]
fn by_pattern() {
    check(
        r#"{"a":"https://hooks.slack.com/services/T1/B2/abc","b":"https:\/\/hooks.slack.com\/services\/T1\/B2\/abc","c":"\nhttps://api.telegram.org/bot12:AAF-x/getMe"}"#,
        r#"{"a":"https://hooks.slack.com/services/[slack-webhook:1]","b":"https:\/\/hooks.slack.com\/services\/[slack-webhook:1]","c":"\nhttps://api.telegram.org/bot[telegram-bot:1]/getMe"}"#,
    );
    check(
        "https://h/?u=https%3A%2F%2Fdiscord.com%2Fapi%2Fwebhooks%2F1%2Fab&x=1",
        "https://h/?u=https%3A%2F%2Fdiscord.com%2Fapi%2Fwebhooks%2F1%2F[discord-webhook:1]&x=1",
    );
    let rules = Rules::default().url(r"/tenants/(?<tenant>[^/?]+)").unwrap().url("^https://all/.*").unwrap();
    let redactor = Redactor::new(rules.without_rule("CAS0006").unwrap()).unwrap();
    check_with(
        &redactor,
        "http://h/tenants/a/x /tenants/a https://all/b https://api.telegram.org/bot12:x/",
        "http://h/tenants/[tenant:1]/x /tenants/a https://[url:1] https://api.telegram.org/bot12:x/",
    );
}

#[test]
fn encoded() {
    check(
        "u=https%3A%2F%2Fcdn.example.com%2Fa%3Fsig%3DS1%26w%3D2%26token%3Da%252Fb&v=https%3a%2f%2fh%2f%3ftoken%3da%252fb%23x",
        "u=https%3A%2F%2Fcdn.example.com%2Fa%3Fsig%3D[sig:1]%26w%3D2%26token%3D[token:1]&v=https%3a%2f%2fh%2f%3ftoken%3d[token:1]%23x",
    );
    check(
        "https://h/?token=a%2Fb&next=https%3A//cdn.example.com/a%3Fsig%3DS1%26token%3Da/b&x=1",
        "https://h/?token=[token:1]&next=https%3A//cdn.example.com/a%3Fsig%3D[sig:1]%26token%3D[token:1]&x=1",
    );
    check(
        r#"{"u":"http%3A%2F%2F10.1.2.3%2F","v":"https://h/?u=http://10.1.2.3/&w=http:%2F%2F10.1.2.4","x":"http%3a%2f%2f10.1.2.4 "}"#,
        r#"{"u":"http%3A%2F%2Fipv4-1.invalid%2F","v":"https://h/?u=http://ipv4-1.invalid/&w=http:%2F%2Fipv4-2.invalid","x":"http%3a%2f%2fipv4-2.invalid "}"#,
    );
    check(
        "https://h/login?next=https%3A%2F%2Fh%2F%3Fu%3Dhttps%253A%252F%252Fcdn.example.com%253Fsig%253DS1",
        "https://h/login?next=https%3A%2F%2Fh%2F%3Fu%3Dhttps%253A%252F%252Fcdn.example.com%253Fsig%253D[sig:1]",
    );
    check(
        "https://h/?state=a%3Db%26u%3Dhttps%253A%252F%252Fh%253Ftoken%253DS1&t=see%20https%3A%2F%2Fh%3Ftoken%3DS1%20or%20http%3A%2F%2F10.1.2.3",
        "https://h/?state=a%3Db%26u%3Dhttps%253A%252F%252Fh%253Ftoken%253D[token:1]&t=see%20https%3A%2F%2Fh%3Ftoken%3D[token:1]%20or%20http%3A%2F%2Fipv4-1.invalid",
    );
    check(
        "https://web.test/2020/https://cdn.example.com/a?sig=1 https://h/https%3A%2F%2Fcdn.example.com%2Fa%3Fsig%3D1?w=1",
        "https://web.test/2020/https://cdn.example.com/a?sig=[sig:1] https://h/https%3A%2F%2Fcdn.example.com%2Fa%3Fsig%3D[sig:1]?w=1",
    );
    let redactor = redactor();
    assert_eq!(
        redactor.uri("/go?u=http%3A%2F%2F10.1.2.3%2F&t=http://10.1.2.3"),
        "/go?u=http%3A%2F%2Fipv4-1.invalid%2F&t=http://ipv4-1.invalid"
    );
}

#[test]
fn without_a_scheme() {
    check(
        r#"<img src="//cdn.example.com/a?sig=1"> url(//cdn.example.com/a?sig=1); href=//h.test/?token=t '//10.1.2.3/'"#,
        r#"<img src="//cdn.example.com/a?sig=[sig:1]"> url(//cdn.example.com/a?sig=[sig:1]); href=//h.test/?token=[token:1] '//ipv4-1.invalid/'"#,
    );
    check(
        r#"{"u":"\/\/cdn.example.com\/a?sig=1&x=1","v":"https://h/?u=%2F%2F10.1.2.3%2F"}"#,
        r#"{"u":"\/\/cdn.example.com\/a?sig=[sig:1]&x=1","v":"https://h/?u=%2F%2Fipv4-1.invalid%2F"}"#,
    );
    for text in [
        "a//cdn.example.com/a?expires=1",
        " // cdn.example.com/a?expires=1",
        " //why?expires=1",
        "\"//8AdABvAGsAZQBuAA==\"",
    ] {
        check(text, text);
    }
}

/// If no quotes or tags enclose a link, punctuation and columns after the link are no part of its last value.
#[test]
fn where_a_bare_link_ends() {
    for (before, after) in [
        ("id,url,amount\n1,", ",12.50,EUR\n2,"),
        ("id;url\n1;", ";12.50\n"),
        ("see ", ". Then"),
        ("see ", ", then"),
        ("see [this](", "), and"),
        ("a { b: url(", "); }"),
        ("**", "**"),
        ("is it ", "?!"),
        ("", ",https://cdn.example.com/b"),
        ("", ""),
    ] {
        for link in
            ["https://cdn.example.com/a?x=1,2&sig=", "https://h.test/a?token=", "https://all.test/?y="]
        {
            let name = match link {
                l if l.contains("token") => "token",
                l if l.contains("sig") => "sig",
                _ => "link",
            };
            check(&format!("{before}{link}a=b.c{after}"), &format!("{before}{link}[{name}:1]{after}"));
        }
    }
    check(
        r#"{"a":"https://h/?token=a,b;c)d.","b":"/i?token=a,b;c)d."} 'https://h/?token=a,b' <https://h/?token=a,b>"#,
        r#"{"a":"https://h/?token=[token:1]","b":"/i?token=[token:1]"} 'https://h/?token=[token:2]' <https://h/?token=[token:2]>"#,
    );
    check(
        "https://cdn.example.com/?sig=a,https://cdn.example.com/?sig=b, https://h/?u=https%3A%2F%2Fh%3Ftoken%3Dc,d",
        "https://cdn.example.com/?sig=[sig:1],https://cdn.example.com/?sig=[sig:2], https://h/?u=https%3A%2F%2Fh%3Ftoken%3D[token:1]",
    );
}

/// A user that looks like a token is redacted.
#[test]
fn users() {
    let token = "weBJDKvq71bb0f3e9aPq";
    check(
        &format!(
            r#"{{"a":"https://{token}@github.test/o/r.git","b":"https:\/\/{token}@github.test\/o"}} see git+https://{token}@g.test/"#
        ),
        r#"{"a":"https://[user-info:1]@github.test/o/r.git","b":"https:\/\/[user-info:1]@github.test\/o"} see git+https://[user-info:1]@g.test/"#,
    );
    let text = "ssh://git@github.test/o https://anna.smith@h.test/ https://h.test/@weBJDKvq71bb0f3e9aPq";
    check(text, text);
}

/// A reference without a host is found by its query.
#[test]
fn references() {
    check(
        r#"{"next":"/items?page=2&access_token=t-1#id_token=t-2","last":"\/items?access_token=t-1","first":"?token=a","one":"items?token=b"}"#,
        r#"{"next":"/items?page=2&access_token=[access_token:1]#id_token=[id_token:1]","last":"\/items?access_token=[access_token:1]","first":"?token=[token:1]","one":"items?token=[token:2]"}"#,
    );
    check(
        r#"<a href="/reset?a=1&amp;token=abc">, <a href='reset?token=abc'>, url(/i?token=abc); href=/i?token=abc> "//i?token=abc""#,
        r#"<a href="/reset?a=1&amp;token=[token:1]">, <a href='reset?token=[token:1]'>, url(/i?token=[token:1]); href=/i?token=[token:1]> "//i?token=[token:1]""#,
    );
    for link in ["/login?next=/items?token=", "/login?next=%2Fitems%3Fa%3D1%26token%3D"] {
        check(&format!("\"{link}abc&x=1\""), &format!("\"{link}[token:1]&x=1\""));
        let link = format!("https://h{link}");
        check(&format!("{link}abc&x=1"), &format!("{link}[token:1]&x=1"));
    }
    check("https://h/?u=https://g/p?token=abc&x=1", "https://h/?u=https://g/p?token=[token:1]&x=1");
    check(
        r#"{"u":"/items?token=abc","sig":"/items?token=abc"} /items?token=%5Bx%5D&token=\u005bx\u005d"#,
        r#"{"u":"/items?token=[token:1]","sig":"[sig:1]"} /items?token=[token:2]&token=[token:2]"#,
    );
    for text in [
        "x = a ?token=b:c; y=a?token=b:c",
        r#"(a==""?token=b:c)"#,
        "\"/items?country_code=cz&token\" why? \"/items?token=&a\" /?#&=",
    ] {
        check(text, text);
    }
}

/// A named secret is restored with as many encodings as it had.
#[test]
fn secrets_in_responses() {
    let redactor = Redactor::new(Rules::default().secret("KEY", "ab+c/d&e=").unwrap()).unwrap();
    let text = r#"{"a":"https://h/?token=ab%2Bc%2Fd%26e%3D","b":"https://h/?u=https%3A%2F%2Fh%3Ftoken%3Dab%252Bc%252Fd%2526e%253D"}"#;
    let mut body = redactor.for_responses().body(Some("application/json"), Vec::new());
    body.write_all(text.as_bytes()).unwrap();
    let stored = body.finish().unwrap();
    assert_eq!(
        std::str::from_utf8(&stored).unwrap(),
        r#"{"a":"https://h/?token={{secret.KEY|percent}}","b":"https://h/?u=https%3A%2F%2Fh%3Ftoken%3D{{secret.KEY|percent|percent}}"}"#
    );
    let mut restorer = redactor.restorer(Some("application/json"), Vec::new());
    restorer.write_all(&stored).unwrap();
    assert_eq!(std::str::from_utf8(&restorer.finish().unwrap()).unwrap(), text);
}

/// A value that is longer than the longest link is redacted as a whole, however it is split into chunks.
#[test]
fn longer_than_the_longest_link() {
    let (value, pad) = ("k3y".repeat(10_000), "p".repeat(20_000));
    check(&format!("see https://h/?token={value}&x=1"), "see https://h/?token=[token:1]&x=1");
    let text = format!("https://h/{pad}?x=1 https://h/?token=a");
    check(&text, &text.replace("=a", "=[token:1]"));
    let text = format!("see {}", r"https://h/?token=a\nhttp://".repeat(3000));
    check(&text, &text.replace("=a", "=[token:1]"));
}
