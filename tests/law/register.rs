//! What the population register says: who was struck off and came back, and whether it still knows where somebody is.

use crate::calendar::{At, Day};
use crate::facts::{Code, Op, PersonKnown, Post, Seen};

/// A time during which the register has somebody as moved abroad (UV) or disappeared (OB).
#[derive(Clone, Debug)]
pub struct Gone {
    /// What was said in turn, from which day on, and when it became known.
    pub codes: Vec<Said>,
    /// First day.
    pub on: Day,
    /// The day on which the person was registered again.
    pub back_on: Option<Day>,
}

#[derive(Clone, Debug)]
pub struct Said {
    pub code: Code,
    pub on: Day,
    pub known: At,
    pub country: Option<Code>,
    pub in_eu: Option<bool>,
}

impl Gone {
    /// Announced moves are none before their day.
    pub fn stands(&self, day: Day) -> bool {
        self.on <= day && self.back_on.is_none_or(|back| day < back)
    }

    /// The move abroad within it.
    pub fn moved(&self) -> Option<&Said> {
        self.codes.iter().find(|said| said.code == "UV")
    }
}

/// The day from which a post's deregistration counts.
pub fn struck_off_on(post: &Post) -> Day {
    post.dereg_on.unwrap_or(post.event_on)
}

/// The day from which a post has somebody registered again who was gone from `since`.
fn back_on(post: &Post, since: Day) -> Day {
    post.registered_on.filter(|on| *on > since).unwrap_or(post.event_on)
}

pub fn gone(p: &PersonKnown) -> Vec<Gone> {
    let mut out: Vec<Gone> = Vec::new();
    let mut open = false;
    for (post, known) in told(p) {
        match post.dereg_code {
            Some(code @ ("UV" | "OB")) => {
                let said = Said {
                    code,
                    on: struck_off_on(post),
                    known,
                    country: post.foreign_country,
                    in_eu: post.foreign_in_eu,
                };
                match out.last_mut() {
                    Some(gone) if open => {
                        match gone.codes.iter_mut().find(|before| before.code == code) {
                            // The same again, perhaps with another day or address.
                            Some(before) => *before = Said { known: before.known.min(known), ..said },
                            None => gone.codes.push(said),
                        }
                        gone.on = gone.codes.iter().map(|said| said.on).min().unwrap_or(gone.on);
                    }
                    _ => out.push(Gone { on: said.on, codes: vec![said], back_on: None }),
                }
                open = true;
            }
            None => {
                if let Some(gone) = out.last_mut().filter(|_| open) {
                    gone.back_on = Some(back_on(post, gone.on));
                }
                open = false;
            }
            // Numbers replaced and technical codes say nothing about where somebody is.
            Some(_) => {}
        }
    }
    out
}

/// Whether a notice of state service is about a move: of the year before it, or of the days in which the register may correct it.
pub fn in_state_service(p: &PersonKnown, moved: Day, days: i32) -> bool {
    p.notices.iter().any(|notice| {
        notice.kind == "state_service_abroad"
            && notice.event_on.add_months(12) >= moved
            && notice.event_on <= moved + days
    })
}

/// The posts in force, each with the instant since which its deregistration has been known: a correction of its day does not make it news.
fn told(p: &PersonKnown) -> Vec<(&Seen<Post>, At)> {
    let mut out: Vec<(&Seen<Post>, At)> = Vec::new();
    for post in &p.posts {
        let replaced = match post.op {
            Op::Retract => {
                out.clear();
                continue;
            }
            Op::Correct => out.pop(),
            Op::Upsert => None,
        };
        let known =
            replaced.filter(|(before, _)| before.dereg_code == post.dereg_code).map_or(post.known, |(_, known)| known);
        out.push((post, known));
    }
    out
}
