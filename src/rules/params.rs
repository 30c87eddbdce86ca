//! `$name` in a rule's SQL: replaced by its value before planning, and the way back from the planned text to the file.

use std::collections::BTreeMap;

/// A rule's SQL with literals in place of `$name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    pub sql: String,
    pub used: Vec<String>,
    /// Names that have no value, with their place in the text as written; left as they are.
    pub unknown: Vec<(String, usize)>,
    /// Stretches of the result: where each begins there and in the text as written.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    planned_at: usize,
    written_at: usize,
    /// Bytes of `$name` where the piece is a value; 0 where it is the text itself.
    name_bytes: usize,
}

impl Replaced {
    /// Where byte `at` of the planned text stands in the text as written, and how many bytes are one thing there.
    pub fn written(&self, at: usize) -> (usize, usize) {
        let after = self.pieces.partition_point(|piece| piece.planned_at <= at);
        match after.checked_sub(1).and_then(|last| self.pieces.get(last)) {
            Some(piece) if piece.name_bytes > 0 => (piece.written_at, piece.name_bytes),
            Some(piece) => (piece.written_at + (at - piece.planned_at), 0),
            None => (at, 0),
        }
    }
}

/// Puts literals in place of `$name`, outside text, quoted names and comments.
pub fn replace(sql: &str, values: &BTreeMap<String, i64>) -> Replaced {
    let mut out = Replaced { sql: String::with_capacity(sql.len()), ..Replaced::default() };
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
                    out.text(sql, copied, at);
                    out.pieces.push(Piece { planned_at: out.sql.len(), written_at: at, name_bytes: end + 1 });
                    out.sql.push_str(&value.to_string());
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
    out.text(sql, copied, sql.len());
    out
}

impl Replaced {
    fn text(&mut self, sql: &str, from: usize, to: usize) {
        self.pieces.push(Piece { planned_at: self.sql.len(), written_at: from, name_bytes: 0 });
        self.sql.push_str(&sql[from..to]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_literals_but_not_in_text_or_comments() {
        let values = BTreeMap::from([("n".to_owned(), 4)]);
        let replaced = replace("a + $n - 1 -- $n\n, '$n it''s' /* $n */ \"$n\" / $n", &values);
        assert_eq!(replaced.sql, "a + 4 - 1 -- $n\n, '$n it''s' /* $n */ \"$n\" / 4");
        assert_eq!(replaced.used, ["n", "n"]);
        assert_eq!(replace("1 + $m", &values).unknown, [("m".to_owned(), 4)]);
    }

    #[test]
    fn every_byte_finds_its_way_back() {
        let values = BTreeMap::from([("long_name".to_owned(), 7), ("b".to_owned(), 123_456)]);
        let written = "x + $long_name + $b + y";
        let replaced = replace(written, &values);
        assert_eq!(replaced.sql, "x + 7 + 123456 + y");
        assert_eq!(replaced.written(0), (0, 0));
        assert_eq!(replaced.written(4), (4, "$long_name".len()));
        assert_eq!(replaced.written(10), (written.find("$b").unwrap(), 2));
        assert_eq!(replaced.written(replaced.sql.len() - 1), (written.len() - 1, 0));
    }
}
