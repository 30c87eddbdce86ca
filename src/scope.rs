//! Who is in the population, and how old a record may be to be kept. Both are decided when a record is read, from the permits feed
//! as it was `permit_lead` before the record, so that the answer never depends on how the feeds interleave.
//!
//! No payload of a person outside the population is parsed, kept or logged. `queries/tables.sql` has the same rules in SQL.

use crate::config::Visibility;
use crate::history::{Person, latest_spans};
use crate::model::record::Op;
use crate::model::schema::Feed;
use crate::model::time::{Day, EventTime, KnownTime};

/// Whether a record that became known at `known_time` concerns a person of the population: the permits feed had named the person at
/// least `permit_lead` before, and the person's permits had not all ended more than `aftercare` ago. An anchor, whom only other
/// persons' permits name, is in the population for the population register alone.
pub fn in_scope(person: &Person, feed: Feed, known_time: KnownTime, visibility: &Visibility) -> bool {
    let decided_at = known_time.minus(visibility.permit_lead);
    if feed == Feed::Population && decided_at >= person.anchored_known() {
        return true;
    }
    if decided_at < person.first_permit_known() {
        return false;
    }
    let Some(since) = person.since(decided_at) else { return false };
    let mut last_end: Option<Day> = None;
    let mut any = false;
    for span in latest_spans(person.spans(), since, decided_at) {
        any = true;
        match span.end {
            None => return true,
            Some(end) => last_end = last_end.max(Some(end)),
        }
    }
    !any || last_end.is_some_and(|end| within_aftercare(end, known_time, visibility))
}

/// Whether the record's event lies before the history that is kept for the person: `lookback` before the first day of the oldest
/// permit that a rule can still concern, and a window for corrections before that.
pub fn too_late(person: &Person, event_time: EventTime, known_time: KnownTime, visibility: &Visibility) -> bool {
    let decided_at = known_time.minus(visibility.permit_lead);
    let Some(since) = person.since(decided_at) else { return false };
    let oldest = latest_spans(person.spans(), since, decided_at)
        .filter(|span| span.op != Op::Retract)
        .filter(|span| span.end.is_none_or(|end| within_aftercare(end, known_time, visibility)))
        .filter_map(|span| span.valid_from)
        .min();
    let kept_from = oldest.and_then(|oldest| oldest.add_months(-visibility.lookback_months));
    kept_from.is_some_and(|from| event_time.0 < from.instant() - visibility.correction_window)
}

fn within_aftercare(end: Day, known_time: KnownTime, visibility: &Visibility) -> bool {
    end.add_months(visibility.aftercare_months).is_none_or(|until| until >= known_time.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::model::record::{Record, Value};
    use crate::model::schema::TableId;
    use crate::model::time::{MICROS_PER_DAY, parse_day};

    fn day(text: &str) -> Day {
        parse_day(text).unwrap()
    }

    fn known(text: &str) -> KnownTime {
        KnownTime(day(text).instant())
    }

    fn permit(known_on: &str, version: i64, op: Op, valid_to: Option<&str>) -> Record {
        let mut record =
            Record { version, op, known_time: known(known_on), ..Record::blank(TableId::Permits, "p", "permit:1") };
        let mut set = |name, value| record.values[TableId::Permits.def().column(name).unwrap().0] = value;
        set("valid_from", Value::Day(day("2020-01-01").0));
        set("valid_to", valid_to.map_or(Value::Null, |to| Value::Day(day(to).0)));
        record
    }

    fn person(records: &[Record]) -> History {
        let mut history = History::default();
        for record in records {
            history.insert(record);
        }
        history
    }

    fn scope(history: &History, at: KnownTime) -> bool {
        in_scope(history.person(history.person_no("p").unwrap()), Feed::Payments, at, &Visibility::default())
    }

    #[test]
    fn scope_begins_the_lead_after_the_first_permits_record() {
        let history = person(&[permit("2020-01-01", 1, Op::Upsert, None)]);
        let lead = Visibility::default().permit_lead;
        assert!(!scope(&history, KnownTime(known("2020-01-01").0 + lead - 1)));
        assert!(scope(&history, KnownTime(known("2020-01-01").0 + lead)));
    }

    #[test]
    fn scope_ends_when_aftercare_has_passed() {
        let history = person(&[permit("2020-01-01", 1, Op::Upsert, Some("2021-06-30"))]);
        assert!(scope(&history, known("2023-06-30")));
        assert!(!scope(&history, known("2023-07-01")));
    }

    #[test]
    fn an_extension_brings_the_person_back() {
        let history = person(&[
            permit("2020-01-01", 1, Op::Upsert, Some("2021-06-30")),
            permit("2023-12-01", 2, Op::Correct, Some("2024-06-30")),
        ]);
        assert!(!scope(&history, known("2023-11-30")));
        assert!(scope(&history, known("2023-12-02")));
    }

    #[test]
    fn older_than_lookback_and_correction_window_is_too_late() {
        let history = person(&[permit("2020-01-01", 1, Op::Upsert, None)]);
        let person = history.person(history.person_no("p").unwrap());
        let kept_from = day("2019-10-01").instant() - 365 * MICROS_PER_DAY;
        let late = |event| too_late(person, EventTime(event), known("2022-01-01"), &Visibility::default());
        assert!(late(kept_from - 1));
        assert!(!late(kept_from));
    }
}
