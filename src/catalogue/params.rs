//! `$name` in a rule's SQL: replaced by its value before the SQL is read in any other way.

use std::collections::BTreeMap;

use crate::catalogue::rewritten::Rewritten;

/// A rule's SQL with literals in place of `$name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    pub sql: Rewritten,
    pub used: Vec<String>,
    /// Names without a value, with their places in the text as written; they are left as they are.
    pub unknown: Vec<(String, usize)>,
}

/// Puts literals in place of `$name`, except in text literals, quoted names and comments.
pub fn replace(sql: &str, values: &BTreeMap<String, i64>) -> Replaced {
    let mut out = Replaced::default();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = sql[at..].find(['$', '\'', '"', '-', '/']) {
        at += found;
        let rest = &sql[at..];
        let end_of = |close: &str, from: usize| {
            rest.get(from..).and_then(|tail| tail.find(close)).map_or(rest.len(), |end| from + end + close.len())
        };
        if rest.starts_with('\'') {
            at += end_of("'", 1);
        } else if rest.starts_with('"') {
            at += end_of("\"", 1);
        } else if rest.starts_with("--") {
            at += end_of("\n", 2);
        } else if rest.starts_with("/*") {
            at += end_of("*/", 2);
        } else if let Some(after) = rest.strip_prefix('$') {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let name = &after[..end];
            match values.get(name) {
                Some(value) => {
                    out.sql.copy(sql, copied..at);
                    // In parentheses, or a minus before it would make it a comment.
                    let literal = if *value < 0 { format!("({value})") } else { value.to_string() };
                    out.sql.put(&literal, at..at + 1 + end);
                    out.used.push(name.to_owned());
                    copied = at + 1 + end;
                }
                None => out.unknown.push((name.to_owned(), at)),
            }
            at += 1 + end;
        } else {
            at += 1;
        }
    }
    out.sql.copy(sql, copied..sql.len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_literals_but_not_in_text_or_comments() {
        let values = BTreeMap::from([("n".to_owned(), 4)]);
        let replaced = replace("a + $n - 1 -- $n\n, '$n it''s' /* $n */ \"$n\" / $n", &values);
        assert_eq!(replaced.sql.text, "a + 4 - 1 -- $n\n, '$n it''s' /* $n */ \"$n\" / 4");
        assert_eq!(replaced.used, ["n", "n"]);
        assert_eq!(replace("1 + $m", &values).unknown, [("m".to_owned(), 4)]);
    }

    #[test]
    fn every_byte_finds_its_way_back() {
        let values = BTreeMap::from([("long_name".to_owned(), 7), ("b".to_owned(), 123_456)]);
        let written = "x + $long_name + $b + y";
        let replaced = replace(written, &values).sql;
        assert_eq!(replaced.text, "x + 7 + 123456 + y");
        assert_eq!(replaced.written(0), (0, 0));
        assert_eq!(replaced.written(4), (4, "$long_name".len()));
        assert_eq!(replaced.written(10), (written.find("$b").unwrap(), 2));
        assert_eq!(replaced.written(replaced.text.len() - 1), (written.len() - 1, 0));
    }
}
