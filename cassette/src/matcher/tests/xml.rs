//! Tests of matching XML by content.

use super::*;

#[track_caller]
fn xml(actual: &str, recorded: &str, expected: &str) {
    check_with(&Matching::default(), actual, recorded, expected);
}

#[track_caller]
fn check_with(matching: &Matching, actual: &str, recorded: &str, expected: &str) {
    let of = |body| post("application/soap+xml; charset=utf-8", body);
    check(matching, &of(actual), &of(recorded), expected);
}

/// Examples from Canonical XML 1.1, §3.1 to §3.5, except the examples with a document type.
#[test]
fn encodings() {
    xml(
        "<?xml version=\"1.0\"?>\n\n<doc>Hello, world!<!-- Comment 1 --></doc>\n",
        "<doc>Hello, world!</doc>",
        "=",
    );
    xml("<e1 / >", "<e1 / >", "=");
    xml("<e2   ></e2>", "<e2/>", "=");
    xml("<e3   name = 'elem3'   id=\"elem3\"   />", "<e3 id=\"elem3\" name=\"elem3\"></e3>", "=");
    xml(
        "<compute><![CDATA[value>\"0\" && value<\"10\"]]></compute>",
        "<compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\"</compute>",
        "=",
    );
    xml(
        "<text>First line&#x0d;&#10;Second line</text>",
        "<text>First line&#13;&#x0A;Second line</text>",
        "=",
    );
    xml("<clean>   </clean>", "<clean></clean>", "xml /clean:     | -");
    xml("<mixed>A B<c/> </mixed>", "<mixed>A B<c/></mixed>", "xml /mixed:   | -");
    xml("<?go  on ?><a/>", "<a/>", "=");
    xml("<a><?go on?></a>", "<a/>", "xml /a: <?go on?> | -");
}

/// Canonical XML keeps these differences, but matching ignores them, because they do not change the meaning of a SOAP
/// message.
#[test]
fn prefixes_and_layout() {
    let (one, two) = (
        "<s:Envelope xmlns:s='urn:soap'><s:Body>\n  <m:Get xmlns:m=\"urn:m\">\n    <m:Id>1</m:Id>\n  </m:Get>\n</s:Body></s:Envelope>",
        "<Envelope xmlns='urn:soap' xmlns:x='urn:m'><Body><x:Get><x:Id>1</x:Id></x:Get></Body></Envelope>",
    );
    xml(one, two, "=");
    xml(
        one,
        &two.replace("urn:m", "urn:n"),
        "xml /Envelope/Body/Get: <Get><Id>1</Id></Get> | <Get><Id>1</Id></Get>",
    );
    xml(
        "<a xml:space='preserve'> <b/></a>",
        "<a xml:space='preserve'><b/></a>",
        "xml /a:   | <b/>\nxml /a/b: <b/> | -",
    );
    xml("<a x:i='1' xmlns:x='u'/>", "<a y:i='2' xmlns:y='u'/>", "xml /a/@i: 1 | 2");
}

#[test]
fn places() {
    xml(
        "<o><i id='1'>tea</i><i id='2'>milk</i></o>",
        "<o><i id='1'>tea</i><i id='3'>salt</i><n/></o>",
        "xml /o/i[2]/@id: 2 | 3\nxml /o/i[2]: milk | salt\nxml /o/n: - | <n/>",
    );
    xml("<a/>", "<b c='&amp;'/>", "xml /b: <a/> | <b c=\"&amp;\"/>");
    xml("<a><b/></a>", "<a><c/></a>", "xml /a/c: <b/> | <c/>");
}

#[test]
fn ignored() {
    let matching = Matching::default().ignore_xml("/o/at").ignore_xml("/o/*/@id");
    let check = |actual, recorded, expected| check_with(&matching, actual, recorded, expected);
    check("<o><at>1</at><i id='1'/></o>", "<o><i id='2'/></o>", "=");
    check("<o><i><at>1</at></i></o>", "<o><i/></o>", "xml /o/i/at: <at>1</at> | -");
    let all = Matching::default().ignore_xml("/*");
    check_with(&all, "<a/>", "<b/>", "=");
}

/// A document type can change the meaning of a document. So documents with a document type are compared byte by byte.
#[test]
fn what_is_not_read() {
    xml("<!DOCTYPE a><a/>", "<!DOCTYPE a><a />", "bytes Some(14): 16 | 17");
    xml("<a>", "<a >", "bytes Some(2): 3 | 4");
    xml("<a/>", "text", "kind Xml | Bytes");
    // Without a content type, `<?xml` at the beginning identifies XML.
    check(&Matching::default(), &post("", "<?xml version='1.0'?><a/>"), &post("text/xml", "<a></a>"), "=");
    check(
        &Matching::default(),
        &post("text/plain", "<a/>"),
        &post("text/plain", "<a />"),
        "bytes Some(2): 4 | 5",
    );
    let deep = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
    xml(&deep, &deep, "=");
}
