//! A page as one self-contained HTML file, to read, to print on A4 and to archive. It has no script and fetches nothing: the policy
//! in its head forbids both, should a value ever get past [`escape`].

use std::fmt::Write;

use crate::tools::explain::page::{Block, Item, Page, Pair, clean};
use crate::words::Language;

const STYLE: &str = include_str!("page.css");

pub fn html(page: &Page) -> String {
    let mut out = String::new();
    let title = escape(&page.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n",
        code(page.language)
    );
    pairs(&mut out, &page.about);
    out.push_str("</header>\n");
    page.intro.iter().for_each(|text| element(&mut out, "p", text));
    for (number, section) in page.sections.iter().enumerate() {
        let _ = write!(out, "<section aria-labelledby=\"s{number}\">\n<h2 id=\"s{number}\">");
        let _ = writeln!(out, "{}</h2>", escape(&section.heading));
        section.blocks.iter().for_each(|block| show(&mut out, block));
        out.push_str("</section>\n");
    }
    let _ = write!(out, "</main>\n<footer>\n<p>{}</p>\n</footer>\n</body>\n</html>\n", escape(&page.closing));
    out
}

fn show(out: &mut String, block: &Block) {
    match block {
        Block::Text(text) => element(out, "p", text),
        Block::Pairs(of) => pairs(out, of),
        Block::List(points) => list(out, "ul", points),
        Block::Steps(steps) => list(out, "ol", steps),
        Block::Item(item) => show_item(out, item),
        Block::Blanks(names) => {
            out.push_str("<dl class=\"blanks\">\n");
            for name in names {
                // Screen readers skip an empty description, so it gets a space; the style draws the line.
                let _ = writeln!(out, "<div><dt>{}</dt><dd>&nbsp;</dd></div>", escape(name));
            }
            out.push_str("</dl>\n");
        }
    }
}

fn show_item(out: &mut String, item: &Item) {
    out.push_str("<article>\n");
    element(out, "h3", &item.head);
    item.notes.iter().for_each(|note| element(out, "p", note));
    pairs(out, &item.pairs);
    out.push_str("</article>\n");
}

fn list(out: &mut String, tag: &str, points: &[String]) {
    let _ = writeln!(out, "<{tag}>");
    points.iter().for_each(|point| element(out, "li", point));
    let _ = writeln!(out, "</{tag}>");
}

fn pairs(out: &mut String, pairs: &[Pair]) {
    if pairs.is_empty() {
        return;
    }
    out.push_str("<dl>\n");
    for pair in pairs {
        let _ = write!(out, "<div><dt>{}</dt><dd><bdi>{}</bdi>", escape(&pair.name), shown(&pair.value));
        if let Some(note) = &pair.note {
            let _ = write!(out, "<br><small>{}</small>", escape(note));
        }
        out.push_str("</dd></div>\n");
    }
    out.push_str("</dl>\n");
}

fn element(out: &mut String, tag: &str, text: &str) {
    let _ = writeln!(out, "<{tag}>{}</{tag}>", shown(text));
}

fn code(language: Language) -> &'static str {
    match language {
        Language::Sv => "sv",
        Language::En => "en",
    }
}

/// Escapes text for an element's content, in which no day is broken at its hyphens.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = (0..rest.len()).find(|at| is_day(rest.as_bytes().get(*at..).unwrap_or_default())) {
        let (before, from) = rest.split_at(at);
        let (day, after) = from.split_at(DAY);
        let _ = write!(out, "{}<span class=\"day\">{day}</span>", escape(before));
        rest = after;
    }
    out + &escape(rest)
}

/// Length of `2026-01-31`.
const DAY: usize = 10;

/// Whether the text begins with a day.
fn is_day(text: &[u8]) -> bool {
    text.get(..DAY).is_some_and(|day| {
        day.iter().enumerate().all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
    })
}

/// Escapes text for an element's content or a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().map(clean) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
