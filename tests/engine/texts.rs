//! Aim: a text that `check` accepts means the same in the engine, with single units and with many in one plan, in the batch query, and
//! in DuckDB; whatever the text.
//! Method: texts are drawn over the tables that rules see (`draw`, from the forms of `forms`), and asked over small populations drawn
//! with few different values (`population`) in all four (`engines`). A text that differs is made smaller (`select`) and shown. What is refused
//! is counted by its reason. `PERMITWATCH_TEXTS` draws more, `PERMITWATCH_TEXTS_SEED` others.

mod draw;
mod engines;
mod forms;
mod population;
mod select;

use std::collections::BTreeMap;

use crate::drive::SEED;
use draw::{CLAUSES, Drawer};
use engines::{Said, World};
use forms::{AGGREGATES, FRAMES, SCALARS, WINDOWS};
use select::Text;

/// Texts drawn, unless the environment says otherwise.
const TEXTS: usize = 500;
/// Texts asked of one population.
const OF_ONE: usize = 250;
/// Smaller texts tried for one that differs.
const TRIES: usize = 600;
/// Differences after which no more texts are drawn.
const MOST: usize = 20;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn what_check_accepts_is_read_alike_everywhere() {
    let texts = from_environment("PERMITWATCH_TEXTS").map_or(TEXTS, |texts| texts as usize);
    let seed = from_environment("PERMITWATCH_TEXTS_SEED").unwrap_or(SEED);
    let mut drawer = Drawer::new(seed);
    let mut counts = Counts::default();
    let mut differ = Vec::new();
    let mut world = World::draw(seed);
    for number in 0..texts {
        if number > 0 && number % OF_ONE == 0 {
            world = World::draw(seed.wrapping_add(number as u64));
        }
        let text = drawer.text();
        match world.ask(&text.sql()) {
            Said::Refused(reason) => counts.refused(&text, &reason),
            Said::Alike(rows) => counts.accepted(&text, rows),
            Said::Differ(who, how) => {
                counts.accepted(&text, 0);
                let (small, how) = shrunk(&mut world, text, who, how);
                println!("--- text {number} of seed {seed}: {who}\n{}\n{how}\n", small.sql());
                differ.push(who);
                if differ.len() >= MOST {
                    break;
                }
            }
        }
    }
    counts.print();
    assert!(differ.is_empty(), "{} texts are read differently: {differ:?}", differ.len());
    assert!(counts.accepted * 3 > counts.drawn, "only {} of {} texts were accepted", counts.accepted, counts.drawn);
    assert!(counts.with_rows * 3 > counts.accepted, "only {} of {} had rows", counts.with_rows, counts.accepted);
}

/// The smallest text found that differs in the same way.
fn shrunk(world: &mut World, mut text: Text, who: &'static str, mut how: String) -> (Text, String) {
    let mut tries = 0;
    'again: loop {
        for smaller in text.smaller() {
            tries += 1;
            if tries > TRIES {
                return (text, how);
            }
            let said = if smaller.sql().len() < text.sql().len() { world.ask(&smaller.sql()) } else { continue };
            if let Said::Differ(also, as_follows) = said
                && also == who
            {
                (text, how) = (smaller, as_follows);
                continue 'again;
            }
        }
        return (text, how);
    }
}

#[derive(Default)]
struct Counts {
    drawn: usize,
    accepted: usize,
    with_rows: usize,
    rows: usize,
    /// By form or clause: texts accepted, and drawn, that have it.
    parts: BTreeMap<&'static str, (usize, usize)>,
    reasons: BTreeMap<String, usize>,
}

impl Counts {
    fn accepted(&mut self, text: &Text, rows: usize) {
        self.drawn += 1;
        self.accepted += 1;
        self.with_rows += usize::from(rows > 0);
        self.rows += rows;
        for part in text.parts() {
            let (accepted, drawn) = self.parts.entry(part).or_default();
            *accepted += 1;
            *drawn += 1;
        }
    }

    fn refused(&mut self, text: &Text, reason: &str) {
        self.drawn += 1;
        for part in text.parts() {
            self.parts.entry(part).or_default().1 += 1;
        }
        // Without what is in parentheses or quotes, and without the other reasons.
        let mut plain = String::new();
        let mut depth = 0;
        for letter in reason.split("; ").next().unwrap_or_default().chars().take(400) {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ if depth == 0 && !letter.is_ascii_digit() => plain.push(letter),
                _ => {}
            }
        }
        *self.reasons.entry(plain.chars().take(110).collect()).or_default() += 1;
    }

    fn print(&self) {
        println!(
            "{} texts drawn, {} accepted ({} %), {} of them with rows, {} rows",
            self.drawn,
            self.accepted,
            100 * self.accepted / self.drawn.max(1),
            self.with_rows,
            self.rows
        );
        let forms = [SCALARS, AGGREGATES, WINDOWS].concat().into_iter().map(|form| form.1);
        let all: Vec<&str> = forms.chain(CLAUSES.iter().copied()).chain(FRAMES.iter().copied()).collect();
        println!("accepted / drawn by form and clause:");
        for part in &all {
            let (accepted, drawn) = self.parts.get(part).copied().unwrap_or_default();
            println!("{accepted:>6} {drawn:>6}  {}", part.trim());
        }
        println!("reasons of refusal:");
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            println!("{count:>6}  {reason}");
        }
    }
}
