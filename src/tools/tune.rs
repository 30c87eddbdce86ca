//! Which threshold holds up: one rule with many values, over one recording, held against what is known.
//!
//! - `sweep` reads which values to try; each combination is a point. `catalogue::variants` puts a rule for each into one set, so that one
//!   replay runs them all.
//! - `heard` keeps what each point raised.
//! - `labels` reads what is known of permits; `cases` holds each point's alerts against it, and splits the cases into two parts.
//! - `measures` has the formulas, `bootstrap` their intervals, `figures` all figures of all points.
//! - `choice` recommends a point, or nothing.
//! - `sample` draws permits to be judged by hand; `report` sets lines for a terminal, `written` a file.
//!
//! Everything but the replay is a pure function of it, the labels and a seed.

pub mod bootstrap;
pub mod cases;
pub mod choice;
pub mod figures;
pub mod heard;
pub mod labels;
pub mod measures;
pub mod report;
pub mod sample;
pub mod sweep;
pub mod written;

use crate::catalogue::Catalogue;
use crate::catalogue::variants::Values;
use crate::source::files::Recorded;
use crate::tools::replay::{ReplayError, Replayed, Timeline, listened};
use crate::tools::tune::heard::{Heard, Listening};

/// What a replay of all points said.
pub struct Run {
    pub heard: Heard,
    /// The rest of the replay, without a log.
    pub replayed: Replayed,
}

/// Replays a set with variants of a rule (`Catalogue::with_variants`), all at once.
pub fn run(recorded: Recorded<'_>, id: &str, set: &Catalogue, options: &Timeline) -> Result<Run, ReplayError> {
    let listening = Listening::to(id, set);
    let replayed = listened(recorded, set, options, &listening)?;
    Ok(Run { heard: listening.heard(options.as_of), replayed })
}

/// The rule in force, named by its own values of what is swept, and then every other point.
pub fn with_in_force(in_force: &Values, points: Vec<Values>) -> Vec<Values> {
    let names: std::collections::BTreeSet<&String> = points.iter().flat_map(Values::keys).collect();
    let own = in_force.iter().filter(|(name, _)| names.contains(name)).map(|(name, value)| (name.clone(), *value));
    let own: Values = own.collect();
    let others = points.into_iter().filter(|point| *point != own).collect::<Vec<_>>();
    [own].into_iter().chain(others).collect()
}

/// What has been written as CSV.
fn text_of(out: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = out.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_force_is_the_first_point_and_stands_there_once() {
        let of = |pairs: &[(&str, i64)]| -> Values {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        let in_force = of(&[("months", 6), ("other", 1)]);
        let points = vec![of(&[("months", 5)]), of(&[("months", 6)]), of(&[("months", 7)])];
        assert_eq!(
            with_in_force(&in_force, points),
            [of(&[("months", 6)]), of(&[("months", 5)]), of(&[("months", 7)])]
        );
        let thresholds = vec![of(&[("months", 6), ("parameters.x", 6)])];
        assert_eq!(with_in_force(&in_force, thresholds.clone()), [of(&[("months", 6)]), thresholds[0].clone()]);
    }
}
