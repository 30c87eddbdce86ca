//! `permitwatch test --update`: what is empty is filled in, what contradicts is asked about.

use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::{counted, create, write_whole};
use crate::terminal::{self, say};
use crate::tools::cases::{Contradiction, Report, RuleCases, Update};

/// What may be done with what a person wrote, and what has been left.
pub struct Review {
    policy: Policy,
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Replace,
    Ask,
    Keep,
}

impl Review {
    pub fn new(replace: bool) -> Review {
        let policy = match replace {
            true => Policy::Replace,
            false if terminal::can_ask() => Policy::Ask,
            false => Policy::Keep,
        };
        Review { policy, left: 0 }
    }

    /// Writes the expectations of one rule; false where one cannot be written.
    pub fn update(&mut self, cases: &RuleCases, report: &Report) -> anyhow::Result<bool> {
        let file = &cases.file.path;
        let text = text(file)?;
        let failed = || format!("cannot read {}", file.display());
        let mut update = Update::new(cases, report, &text).with_context(failed)?;
        let mut replaced = 0;
        for contradiction in std::mem::take(&mut update.contradictions) {
            list(file, &contradiction);
            if self.may_replace(terminal::ask) {
                update.replace(&contradiction);
                replaced += 1;
            } else {
                self.left += 1;
            }
        }
        update.stuck.iter().for_each(|why| say!("{}: {why}", file.display()));
        let new = update.text();
        if new != text {
            write_whole(create(file)?, &new)?;
        }
        let (filled, file) = (counted(update.filled, "expectation"), file.display());
        say!("{file}: {filled} filled in, {replaced} replaced; look at the difference");
        Ok(update.stuck.is_empty())
    }

    fn may_replace(&mut self, ask: impl Fn(&str) -> Option<String>) -> bool {
        while self.policy == Policy::Ask {
            match ask("replace? yes, no, all, none:").as_deref() {
                Some("y" | "yes") => return true,
                Some("n" | "no") => return false,
                Some("a" | "all") => self.policy = Policy::Replace,
                Some("none") | None => self.policy = Policy::Keep,
                Some(_) => {}
            }
        }
        self.policy == Policy::Replace
    }

    /// An error if something that is not met was left as it is written.
    pub fn end(&self) -> anyhow::Result<()> {
        match self.left {
            0 => Ok(()),
            left => {
                let verb = if left == 1 { "is" } else { "are" };
                bail!(
                    "{} that {verb} not met stayed as written; --replace writes what engine and batch agree on",
                    counted(left, "list")
                )
            }
        }
    }
}

/// The file with its line ends, within the bounds for texts of `queries/`.
fn text(file: &Path) -> anyhow::Result<String> {
    let failed = || format!("cannot read {}", file.display());
    crate::catalogue::text_of(file).with_context(failed)?;
    std::fs::read_to_string(file).with_context(failed)
}

/// Old beside new.
fn list(file: &Path, contradiction: &Contradiction) {
    say!("{}, {}, {}:", file.display(), contradiction.place, contradiction.member);
    for (was, is) in &contradiction.pairs {
        for (sign, item) in [("-", was), ("+", is)] {
            if let Some(item) = item {
                say!("  {sign} {item}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What each of four contradictions comes to, answered in turn.
    fn outcomes(policy: Policy, answers: &[&str]) -> Vec<bool> {
        let mut review = Review { policy, left: 0 };
        let answers = RefCell::new(answers.iter().map(|answer| (*answer).to_owned()).rev().collect::<Vec<_>>());
        (0..4).map(|_| review.may_replace(|_| answers.borrow_mut().pop())).collect()
    }

    #[test]
    fn nothing_is_replaced_unasked() {
        assert_eq!(outcomes(Policy::Keep, &[]), [false; 4]);
        assert_eq!(outcomes(Policy::Replace, &[]), [true; 4]);
        assert_eq!(outcomes(Policy::Ask, &["y", "no", "what", "all"]), [true, false, true, true]);
        assert_eq!(outcomes(Policy::Ask, &["yes", "none"]), [true, false, false, false]);
        assert_eq!(outcomes(Policy::Ask, &["y"]), [true, false, false, false], "the input has ended");
    }
}
