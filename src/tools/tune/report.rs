//! What `tune` found, as lines for a terminal.

use crate::catalogue::variants::Values;
use crate::tools::columns::columns;
use crate::tools::tune::bootstrap::Estimate;
use crate::tools::tune::cases::Part;
use crate::tools::tune::choice::{Choice, ERROR, ERROR_OF_LOT, Trial};
use crate::tools::tune::figures::{Agreement, Figures};

/// What there is to tell.
pub struct Told<'a> {
    /// The first is the rule in force.
    pub points: &'a [Values],
    pub figures: &'a [Figures],
    pub choice: Option<&'a Choice>,
    /// At most so many points have a line.
    pub rows: usize,
}

const IN_FORCE: &str = "in force";

impl Told<'_> {
    /// The points that have a line: the rule in force, those that were tried, then, if there are too many, the best on the part of the choice (without
    /// labels evenly chosen ones). In the order of the points.
    fn shown(&self) -> Vec<usize> {
        let count = self.points.len();
        if count <= self.rows + 1 {
            return (0..count).collect();
        }
        let mut order: Vec<usize> = vec![0];
        order.extend(self.choice.into_iter().flat_map(Choice::trials).map(|trial| trial.point));
        let f1 = |at: &usize| self.agreement(*at, Part::Choice).and_then(|own| own.f1).map_or(-1.0, |f1| f1.value);
        let mut rest: Vec<usize> = (1..count).collect();
        match self.figures.iter().any(|figures| figures.agreement.is_some()) {
            true => rest.sort_by(|a, b| f1(b).total_cmp(&f1(a)).then(a.cmp(b))),
            false => {
                rest = (0..self.rows).map(|at| 1 + at * (count - 2) / self.rows.saturating_sub(1).max(1)).collect();
            }
        }
        order.extend(rest);
        let mut seen = std::collections::BTreeSet::new();
        order
            .into_iter()
            .filter(|at| seen.insert(*at))
            .take(self.rows + 1)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn agreement(&self, at: usize, part: Part) -> Option<&Agreement> {
        self.figures[at].agreement.as_ref().map(|own| &own[part as usize])
    }

    pub fn name(&self, at: usize) -> String {
        name(self.points, at)
    }

    /// How many alerts each point raises, and what it changes.
    pub fn volume(&self) -> Vec<String> {
        let head = [
            "point",
            "alerts",
            "info",
            "weak",
            "medium",
            "strong",
            "a day",
            "peak",
            "persons",
            "permits",
            "stood, d",
            "taken back",
        ];
        let row = |at: usize| {
            let Figures { volume, per_day, stood_days, retracted, .. } = &self.figures[at];
            let [info, weak, medium, strong] = volume.by_severity.map(|count| count.to_string());
            let counts = [volume.peak, volume.persons, volume.subjects].map(|count| count.to_string());
            let [peak, persons, permits] = counts;
            let cells =
                [volume.alerts.to_string(), info, weak, medium, strong, number(*per_day, 2), peak, persons, permits];
            [self.name(at)].into_iter().chain(cells).chain([number(*stood_days, 0), percent(*retracted)]).collect()
        };
        self.table(&head, row)
    }

    /// Against the rule in force.
    pub fn changes(&self) -> Vec<String> {
        let head = ["against the rule in force", "only here", "only there", "earlier", "later", "stronger", "weaker"];
        let row = |at: usize| {
            let own = self.figures[at].changes;
            let counts = [own.only_here, own.only_there, own.earlier, own.later, own.stronger, own.weaker];
            [self.name(at)].into_iter().chain(counts.map(|count| count.to_string())).collect()
        };
        self.table(&head, row)
    }

    /// How well alerts and labels agree, on both parts.
    pub fn agreements(&self) -> Vec<String> {
        let head = [
            "point",
            "precision",
            "recall",
            "F1",
            "F1 held out",
            "phi held out",
            "wrong / 1000",
            "delay, d",
            "unjudged",
        ];
        let row = |at: usize| {
            let of = |part| self.agreement(at, part).cloned().unwrap_or_default();
            let (own, held_out) = (of(Part::Choice), of(Part::HeldOut));
            let unjudged = own.counts.unknown + held_out.counts.unknown;
            let cells = [own.precision, own.recall, own.f1, held_out.f1, held_out.phi].map(|own| number(own, 2));
            let others =
                [number(held_out.wrong_per_1000, 1), number(self.figures[at].delay_days, 0), format!("{unjudged:.0}")];
            [self.name(at)].into_iter().chain(cells).chain(others).collect()
        };
        self.table(&head, row)
    }

    fn table(&self, head: &[&str], row: impl Fn(usize) -> Vec<String>) -> Vec<String> {
        let shown = self.shown();
        let mut lines = vec![head.iter().map(|&cell| cell.to_owned()).collect()];
        lines.extend(shown.iter().map(|at| row(*at)));
        let mut lines = columns(&lines);
        if shown.len() < self.points.len() {
            lines
                .push(format!("{} points more: --rows shows them, --out writes them", self.points.len() - shown.len()));
        }
        lines
    }

    /// What is recommended, and why or why not.
    pub fn recommendation(&self) -> Vec<String> {
        let Some(choice) = self.choice else { return Vec::new() };
        let mut lines: Vec<String> = choice.trials().iter().map(|trial| self.trial(trial)).collect();
        lines.push(match choice {
            Choice::Point(_) => format!("recommended: {}", self.name(choice.recommended().unwrap_or_default())),
            Choice::Lost(_) => "recommended: nothing; no advantage survives on the cases that were held out".to_owned(),
            Choice::NoneBetter => {
                "recommended: nothing; no point within reach has a higher F1 than the rule in force where points are chosen".to_owned()
            }
            Choice::NoneWithinBudget => "recommended: nothing; every point raises more alerts than the budget allows".to_owned(),
            Choice::NotEnough { part, breaches, none } => {
                let part = match part {
                    Part::Choice => "on which a point is chosen",
                    Part::HeldOut => "that is held out",
                };
                format!(
                    "recommended: nothing; the part {part} has {breaches:.0} breaches and {none:.0} permits without one, and needs both: label more, or split otherwise (--hold-out, --seed)"
                )
            }
        });
        lines
    }

    fn trial(&self, trial: &Trial) -> String {
        let signed = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:+.3}"));
        let verdict = match (trial.survives(), trial.is_associated()) {
            (true, _) => "it holds",
            (false, true) => "it may be luck",
            (false, false) => "its alerts are not shown to have to do with the labels",
        };
        let needed = if trial.is_needed { "; the rule in force raises more than the budget allows" } else { "" };
        format!(
            "{} on what was held out: F1 {} against the rule in force, at least {}; phi {}, at least {}; {:.0} right, by lot {:.1e}: {verdict}{needed}",
            self.name(trial.point),
            signed(trial.advantage),
            signed(trial.least_advantage),
            signed(trial.phi),
            signed(trial.least_phi),
            trial.right,
            trial.by_lot,
        )
    }
}

/// The footnote to the trials.
pub fn errors(trials: usize) -> String {
    format!(
        "({trials} tried on what was held out, each with its share of an error of {} in 100 for the advantage and of {} in 1000 that a lot would do as well)",
        ERROR * 100.0,
        ERROR_OF_LOT * 1_000.0
    )
}

/// `drop_pct=80 z_tenths=35`
pub fn name(points: &[Values], at: usize) -> String {
    let values: Vec<String> = points[at].iter().map(|(name, value)| format!("{name}={value}")).collect();
    match (at, values.is_empty()) {
        (0, true) => IN_FORCE.to_owned(),
        (0, false) => format!("{IN_FORCE}: {}", values.join(" ")),
        _ => values.join(" "),
    }
}

/// `0.83 [0.71-0.92]`
fn number(of: Option<Estimate>, digits: usize) -> String {
    of.map_or("-".to_owned(), |own| format!("{:.digits$} [{:.digits$}, {:.digits$}]", own.value, own.low, own.high))
}

fn percent(of: Option<Estimate>) -> String {
    let of = of.map(|own| Estimate { value: own.value * 100.0, low: own.low * 100.0, high: own.high * 100.0 });
    of.map_or("-".to_owned(), |own| format!("{:.0} % [{:.0}, {:.0}]", own.value, own.low, own.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tune::heard::Volume;

    fn told(count: i64) -> (Vec<Values>, Vec<Figures>) {
        let points = (0..count).map(|value| [("n".to_owned(), value)].into()).collect();
        let figures = (0..count as usize).map(|alerts| Figures {
            volume: Volume { alerts, ..Volume::default() },
            per_day: Some(Estimate { value: 0.5, low: 0.25, high: 1.0 }),
            ..Figures::default()
        });
        (points, figures.collect())
    }

    #[test]
    fn a_line_has_a_point_and_its_figures() {
        let (points, figures) = told(2);
        let lines = Told { points: &points, figures: &figures, choice: None, rows: 9 }.volume();
        assert_eq!(
            lines[0],
            "point          alerts  info  weak  medium  strong              a day  peak  persons  permits  stood, d  taken back"
        );
        assert_eq!(
            lines[1],
            "in force: n=0       0     0     0       0       0  0.50 [0.25, 1.00]     0        0        0         -           -"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn too_many_points_are_not_all_shown_and_this_is_said() {
        let (points, figures) = told(100);
        let told = Told { points: &points, figures: &figures, choice: None, rows: 5 };
        assert_eq!(told.shown(), [0, 1, 25, 50, 74, 99]);
        assert!(told.changes().last().unwrap().starts_with("94 points more"));
    }
}
