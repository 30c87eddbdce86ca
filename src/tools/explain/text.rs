//! A page as plain text, at most [`WIDTH`] columns wide unless a word is wider.

use crate::tools::explain::page::{Block, Page, Pair, clean};

const WIDTH: usize = 100;

pub fn text(page: &Page) -> String {
    let mut out = Lines(String::new());
    out.line(0, &page.title);
    page.about.iter().for_each(|pair| out.pair(2, pair));
    for paragraph in &page.intro {
        out.0.push('\n');
        out.line(0, paragraph);
    }
    for section in &page.sections {
        out.0.push('\n');
        out.line(0, &section.heading);
        section.blocks.iter().for_each(|block| out.block(block));
    }
    out.0.push('\n');
    out.line(0, &page.closing);
    out.0
}

struct Lines(String);

impl Lines {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Text(text) => self.line(2, text),
            Block::Pairs(pairs) => pairs.iter().for_each(|pair| self.pair(4, pair)),
            Block::List(points) => points.iter().for_each(|point| self.line(2, &format!("- {point}"))),
            Block::Steps(steps) => {
                steps.iter().enumerate().for_each(|(at, step)| self.line(2, &format!("{}. {step}", at + 1)));
            }
            Block::Item(item) => {
                self.line(2, &item.head);
                item.notes.iter().for_each(|note| self.line(6, note));
                item.pairs.iter().for_each(|pair| self.pair(6, pair));
            }
            Block::Blanks(names) => names.iter().for_each(|name| self.line(2, &format!("{name}: {}", "_".repeat(40)))),
        }
    }

    fn pair(&mut self, indent: usize, pair: &Pair) {
        self.line(indent, &format!("{}: {}", pair.name, pair.value));
        if let Some(note) = &pair.note {
            self.line(indent + 4, note);
        }
    }

    /// Wraps at spaces; following lines are indented by two more.
    fn line(&mut self, indent: usize, text: &str) {
        let text: String = text.chars().map(clean).collect();
        if text.is_empty() {
            return;
        }
        let mut column = 0;
        for word in text.split(' ') {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                self.0.push('\n');
                column = 0;
                self.indent(indent + 2, &mut column);
            } else if column == 0 {
                self.indent(indent, &mut column);
            } else {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(word);
            column += width;
        }
        self.0.push('\n');
    }

    fn indent(&mut self, indent: usize, column: &mut usize) {
        self.0.extend(std::iter::repeat_n(' ', indent));
        *column += indent.max(1);
    }
}
