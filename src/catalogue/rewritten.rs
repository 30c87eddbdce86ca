//! A text that was made from another one, and the mapping of each of its bytes back to that.

use std::ops::Range;

/// A text, and where its parts were in the original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub text: String,
    /// Parts of the text, in order.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    at: usize,
    written_at: usize,
    /// Number of original bytes that this piece replaces; 0 if it is a copy.
    replaced_bytes: usize,
}

impl Rewritten {
    /// The text itself, unchanged.
    pub fn unchanged(text: &str) -> Rewritten {
        let mut out = Rewritten::default();
        out.copy(text, 0..text.len());
        out
    }

    /// Appends a part of the original.
    pub fn copy(&mut self, written: &str, part: Range<usize>) {
        self.pieces.push(Piece { at: self.text.len(), written_at: part.start, replaced_bytes: 0 });
        self.text.push_str(&written[part]);
    }

    /// Appends other words in place of a part of the original.
    pub fn put(&mut self, words: &str, part: Range<usize>) {
        self.pieces.push(Piece { at: self.text.len(), written_at: part.start, replaced_bytes: part.len() });
        self.text.push_str(words);
    }

    /// Where byte `at` comes from in the original, and how many bytes were replaced there as one; 0 in a copy.
    pub fn written(&self, at: usize) -> (usize, usize) {
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        match after.checked_sub(1).and_then(|last| self.pieces.get(last)) {
            Some(piece) if piece.replaced_bytes > 0 => (piece.written_at, piece.replaced_bytes),
            Some(piece) => (piece.written_at + (at - piece.at), 0),
            None => (at, 0),
        }
    }
}

/// The byte at a line and column, both from 1 and the column in characters; the end of the text if the text is shorter.
pub fn byte_at(text: &str, line: u64, column: u64) -> usize {
    let skipped: usize = text.split_inclusive('\n').take((line as usize).saturating_sub(1)).map(str::len).sum();
    let rest = text.get(skipped..).unwrap_or("");
    let within = rest.char_indices().nth((column as usize).saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    skipped + within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_finds_its_way_back() {
        let written = "a, b.*, c";
        let mut text = Rewritten::default();
        text.copy(written, 0..3);
        text.put("b.x, b.y", 3..6);
        text.copy(written, 6..written.len());
        assert_eq!(text.text, "a, b.x, b.y, c");
        assert_eq!(text.written(0), (0, 0));
        assert!((3..11).all(|at| text.written(at) == (3, 3)));
        assert_eq!(text.written(11), (6, 0));
        assert_eq!(text.written(13), (8, 0));
        assert_eq!(Rewritten::unchanged(written).written(5), (5, 0));
        assert_eq!(Rewritten::default().written(2), (2, 0));
    }

    #[test]
    fn lines_and_columns_are_counted_from_one_and_in_characters() {
        let text = "åä b\n  c";
        assert_eq!([byte_at(text, 1, 1), byte_at(text, 1, 4), byte_at(text, 2, 3)], [0, 5, 9]);
        assert_eq!([byte_at(text, 2, 40), byte_at(text, 7, 1)], [10, 10]);
    }
}
