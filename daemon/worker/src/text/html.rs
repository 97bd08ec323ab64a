//! HTML of peers' programs (pidgin, Adium, …) as plain text. What merely has a `<` or a `&` in it
//! stays as it was typed.

use std::borrow::Cow;

/// Tags that go in pairs and only say how the words between them look.
const PAIRED: &[&str] = &[
    "a", "b", "body", "code", "div", "em", "font", "html", "i", "p", "pre", "s", "span", "strike",
    "strong", "sub", "sup", "tt", "u",
];

/// Longest tag with its attributes, in bytes: a `<` far from its `>` is a `<`.
const MAX_TAG: usize = 1024;

/// Longest entity between `&` and `;`, in bytes.
const MAX_ENTITY: usize = 8;

/// The text without tags and entities. `<br>` and the end of a paragraph become a line break.
pub fn to_plain(text: &[u8]) -> Cow<'_, [u8]> {
    // Nearly all texts: nothing is to be done.
    if memchr::memchr2(b'<', b'&', text).is_none() {
        return Cow::Borrowed(text);
    }
    let Ok(html) = std::str::from_utf8(text) else { return Cow::Borrowed(text) };
    let parts = parts(html);
    let kept = without_lonely_tags(parts);
    let mut out = String::with_capacity(html.len());
    let mut link = None;
    for part in kept {
        match part {
            Part::Text(text) => entities(text, &mut out),
            Part::Break => out.push('\n'),
            Part::Open { name: "a", raw } => link = href(raw).map(|url| (url, out.len())),
            Part::Open { .. } => {}
            Part::Close { name: "a", .. } => close_link(link.take(), &mut out),
            Part::Close { name: "p" | "div", .. } => out.push('\n'),
            Part::Close { .. } => {}
        }
    }
    out.truncate(out.trim_end_matches('\n').len());
    Cow::Owned(out.into_bytes())
}

/// A piece of HTML.
#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Break,
    Open { name: &'static str, raw: &'a str },
    Close { name: &'static str, raw: &'a str },
}

fn parts(html: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        if let Some((part, length)) = tag(from) {
            parts.push(Part::Text(before));
            parts.push(part);
            rest = from.get(length..).unwrap_or_default();
        } else {
            parts.push(Part::Text(rest.get(..at + 1).unwrap_or_default()));
            rest = from.get(1..).unwrap_or_default();
        }
    }
    parts.push(Part::Text(rest));
    parts
}

/// The tag at the beginning, if it is one that we know, and its length.
fn tag(from: &str) -> Option<(Part<'_>, usize)> {
    let length = from.bytes().take(MAX_TAG).position(|b| b == b'>')? + 1;
    let raw = from.get(..length)?;
    let inner = raw.get(1..length - 1)?;
    let (closes, inner) = match inner.strip_prefix('/') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let word = inner.split(|c: char| c.is_ascii_whitespace() || c == '/').next()?;
    if word.eq_ignore_ascii_case("br") {
        return Some((Part::Break, length));
    }
    let name = PAIRED.iter().find(|name| word.eq_ignore_ascii_case(name))?;
    Some(if closes {
        (Part::Close { name, raw }, length)
    } else {
        (Part::Open { name, raw }, length)
    })
}

/// A tag without its partner is somebody's text: `Vec<b>`.
fn without_lonely_tags(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let mut paired = vec![false; parts.len()];
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Open { name, .. } => open.push((at, name)),
            Part::Close { name, .. } => {
                if let Some(place) = open.iter().rposition(|(_, other)| other == name) {
                    for index in open.drain(place..).take(1).map(|(index, _)| index).chain([at]) {
                        if let Some(flag) = paired.get_mut(index) {
                            *flag = true;
                        }
                    }
                }
            }
            Part::Text(_) | Part::Break => {}
        }
    }
    let lonely = |(part, paired)| match (part, paired) {
        (Part::Open { raw, .. } | Part::Close { raw, .. }, false) => Part::Text(raw),
        (part, _) => part,
    };
    parts.into_iter().zip(paired).map(lonely).collect()
}

fn href(raw: &str) -> Option<&str> {
    let at = raw.to_ascii_lowercase().find("href=")? + "href=".len();
    let value = raw.get(at..)?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// The address of a link stands behind its words where they are not the address themselves.
fn close_link(link: Option<(&str, usize)>, out: &mut String) {
    let Some((url, start)) = link else { return };
    let mut address = String::new();
    entities(url, &mut address);
    let words = out.get(start..).unwrap_or_default();
    let bare = address.strip_prefix("mailto:").unwrap_or(&address);
    if !address.is_empty() && words != address && words != bare {
        out.push_str(" [");
        out.push_str(&address);
        out.push(']');
    }
}

fn entities(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match entity(from) {
            Some((c, length)) => {
                out.push(c);
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
}

/// The character that the entity at the beginning stands for, and its length.
fn entity(from: &str) -> Option<(char, usize)> {
    let end = from.bytes().take(MAX_ENTITY + 2).position(|b| b == b';')?;
    let c = match from.get(1..end)? {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        numbered => {
            let digits = numbered.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?).filter(|c| !c.is_control())?
        }
    };
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::to_plain;
    use proptest::prelude::*;

    fn plain(html: &str) -> String {
        String::from_utf8(to_plain(html.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn tags_and_entities_go() {
        assert_eq!(plain("<b>bold</b> and <I>slanted</I>"), "bold and slanted");
        assert_eq!(plain("<FONT COLOR=\"#ff0000\"><b>red</b></FONT>"), "red");
        assert_eq!(plain("one<br>two<BR/>three<br />four"), "one\ntwo\nthree\nfour");
        assert_eq!(plain("<html><body><p>one</p><p>two</p></body></html>"), "one\ntwo");
        assert_eq!(plain("1 &lt; 2 &amp;&amp; 3 &gt; 2"), "1 < 2 && 3 > 2");
        assert_eq!(plain("&quot;it&#39;s&quot;&nbsp;&#x263a;"), "\"it's\" ☺");
    }

    #[test]
    fn what_was_typed_so_stays() {
        for text in [
            "a < b",
            "<3",
            "<-- look",
            "<bob> hi",
            "if (a<b && b>c)",
            "Vec<b>",
            "R&D",
            "AT&T;",
            "a </b> c",
            "<brr>",
            "x &unknown; y",
            "&#0;&#10;&#xd800;",
            "<b",
            "&lt",
        ] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(&*to_plain(b"\xff<b>x</b>"), b"\xff<b>x</b>");
    }

    #[test]
    fn an_entity_is_read_once() {
        assert_eq!(plain("&amp;lt;b&amp;gt;"), "&lt;b&gt;");
        assert_eq!(plain("&lt;b&gt;text&lt;/b&gt;"), "<b>text</b>");
    }

    #[test]
    fn the_address_of_a_link_is_not_lost() {
        assert_eq!(
            plain("<a href=\"http://x.org/?a=1&amp;b\">here</a>"),
            "here [http://x.org/?a=1&b]"
        );
        assert_eq!(plain("<A HREF='http://x.org'>http://x.org</A>"), "http://x.org");
        assert_eq!(plain("<a href=\"mailto:bob@x.org\">bob@x.org</a>"), "bob@x.org");
    }

    proptest! {
        #[test]
        fn it_never_grows_much_and_plain_text_stays(text in "[a-z &<>;/=\"br#x0-9é]{0,200}") {
            let out = to_plain(text.as_bytes());
            prop_assert!(out.len() <= text.len() * 2 + 8);
            if !text.contains(['<', '&']) {
                prop_assert_eq!(&*out, text.as_bytes());
            }
        }
    }
}
