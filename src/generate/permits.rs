//! Permits as reported and amended, and the employers that they allow.

use chrono::NaiveDate;

use super::Value;
use super::calendar::{add_days, instant, ymd};
use super::employers::Payer;
use super::person::{Fact, Person};
use super::rows;
use crate::model::schema::TableId;

/// A permit as last reported.
#[derive(Clone, Debug)]
pub(super) struct Permit {
    pub(super) id: String,
    pub(super) class: &'static str,
    pub(super) first_grant: bool,
    pub(super) application_on: NaiveDate,
    pub(super) decided_on: NaiveDate,
    pub(super) valid_from: NaiveDate,
    pub(super) valid_to: Option<NaiveDate>,
    pub(super) held_since: NaiveDate,
    pub(super) card_issued_on: Option<NaiveDate>,
    pub(super) ended_on: Option<NaiveDate>,
    pub(super) end_kind: Option<&'static str>,
    pub(super) revoked_on: Option<NaiveDate>,
    pub(super) revoked_served_on: Option<NaiveDate>,
    pub(super) revoked_final_on: Option<NaiveDate>,
    pub(super) inhibited: Option<bool>,
    pub(super) floor_sek: Option<i64>,
    pub(super) offered_sek: Option<i64>,
    pub(super) threshold_sek: Option<i64>,
    pub(super) tied_until: Option<NaiveDate>,
    pub(super) work_right: &'static str,
    pub(super) institution: Option<String>,
    pub(super) anchor: Option<String>,
    pub(super) keep_notice_on: Option<NaiveDate>,
    pub(super) notified_on: Option<NaiveDate>,
    pub(super) name: String,
    pub(super) birth_on: NaiveDate,
    pub(super) citizenship: &'static str,
    version: i64,
    /// When the record that ended it became known.
    pub(super) end_known: Option<i64>,
    /// When the permit became known.
    pub(super) known: i64,
}

impl Permit {
    fn values(&self) -> Vec<Value> {
        vec![
            rows::text(&self.id),
            Value::Code(self.class),
            Value::Flag(self.first_grant),
            rows::day(self.application_on),
            rows::day(self.decided_on),
            rows::day(self.valid_from),
            rows::maybe_day(self.valid_to),
            rows::day(self.held_since),
            rows::maybe_day(self.card_issued_on),
            rows::maybe_day(self.ended_on),
            rows::maybe_code(self.end_kind),
            rows::maybe_day(self.revoked_on),
            rows::maybe_day(self.revoked_served_on),
            rows::maybe_day(self.revoked_final_on),
            rows::maybe_flag(self.inhibited),
            rows::maybe_int(self.floor_sek),
            rows::maybe_int(self.offered_sek),
            rows::maybe_int(self.threshold_sek),
            rows::maybe_day(self.tied_until),
            Value::Code(self.work_right),
            rows::maybe_text(self.institution.as_deref()),
            rows::maybe_text(self.anchor.as_deref()),
            rows::maybe_day(self.keep_notice_on),
            rows::maybe_day(self.notified_on),
            rows::text(&self.name),
            rows::day(self.birth_on),
            Value::Codes(vec![self.citizenship]),
        ]
    }
}

/// Salary that a work permit needs each month, by the day of application (UF 5 kap. 8 a §): 80 % of the median
/// wage since 1 November 2023, 13,000 SEK before; 90 % for first permits from June 2026.
pub(super) fn salary_floor(application_on: NaiveDate, first_grant: bool) -> i64 {
    let steps: [(NaiveDate, i64); 5] = [
        (ymd(2026, 6, 16), if first_grant { 34_470 } else { 30_640 }),
        (ymd(2026, 6, 1), if first_grant { 33_390 } else { 29_680 }),
        (ymd(2025, 6, 17), 29_680),
        (ymd(2024, 6, 18), 28_480),
        (ymd(2023, 11, 1), 27_360),
    ];
    steps.iter().find(|(from, _)| application_on >= *from).map_or(13_000, |(_, floor)| *floor)
}

impl Person<'_> {
    /// A permit decided on a day, not reported yet.
    pub(super) fn draft(
        &mut self,
        class: &'static str,
        decided_on: NaiveDate,
        from: NaiveDate,
        to: Option<NaiveDate>,
    ) -> Permit {
        let number = self.permits.len() + 1;
        let held_since = match self.permits.last() {
            Some(last) if last.class == class => last.held_since,
            _ => from,
        };
        let card = decided_on.max(from).max(add_days(decided_on, 7));
        Permit {
            id: format!("{}-{number}", self.id),
            class,
            first_grant: true,
            application_on: add_days(decided_on, -self.dice.between(30, 150)),
            decided_on,
            valid_from: from,
            valid_to: to,
            held_since,
            card_issued_on: Some(add_days(card, self.dice.between(0, 12))),
            ended_on: None,
            end_kind: None,
            revoked_on: None,
            revoked_served_on: None,
            revoked_final_on: None,
            inhibited: None,
            floor_sek: None,
            offered_sek: None,
            threshold_sek: None,
            tied_until: None,
            work_right: "any",
            // Other studies are often at schools that do not report.
            institution: (class == "STUDY_OTHER").then(|| self.world.silent_institution(self.index as u64)),
            anchor: None,
            keep_notice_on: None,
            notified_on: None,
            name: self.who.name.clone(),
            birth_on: self.who.birth_on,
            citizenship: self.who.citizenship,
            version: 0,
            end_known: None,
            known: 0,
        }
    }

    /// Reports a permit on the day of its decision; returns its index among the person's permits.
    pub(super) fn grant(&mut self, mut permit: Permit) -> usize {
        permit.version = 1;
        let known = self.office(permit.decided_on);
        permit.known = self.tell_permit(&permit, known);
        if permit.anchor.is_some() {
            self.tell_anchor(&permit);
        }
        if self.permits.is_empty() {
            self.tell_passport(permit.decided_on, permit.known);
        }
        self.permits.push(permit);
        self.permits.len() - 1
    }

    /// Reports a change of a permit.
    pub(super) fn amend(&mut self, place: usize, known: i64, change: impl FnOnce(&mut Permit)) -> i64 {
        let mut permit = self.permits[place].clone();
        change(&mut permit);
        permit.version += 1;
        let known = self.tell_permit(&permit, known.max(permit.known + 1));
        if permit.ended_on != self.permits[place].ended_on {
            permit.end_known = Some(known);
        }
        self.permits[place] = permit;
        known
    }

    /// Reports the same permit under its anchor's own key, at the same time.
    fn tell_anchor(&mut self, permit: &Permit) {
        let holder = self.id.to_string();
        let Some(anchor) = self.companions.iter_mut().find(|one| permit.anchor.as_deref() == Some(&*one.id)) else {
            return;
        };
        let values = vec![rows::text(&holder), rows::text(&permit.id)];
        let event = instant(permit.valid_from).min(permit.known);
        anchor.tell(Fact::new(TableId::Anchors, permit.id.clone(), event, permit.known, "mv", values));
    }

    fn tell_permit(&mut self, permit: &Permit, known: i64) -> i64 {
        self.tell(Fact {
            version: permit.version,
            secrecy: 0,
            ..Fact::new(
                TableId::Permits,
                permit.id.clone(),
                instant(permit.valid_from).min(known),
                known,
                "mv",
                permit.values(),
            )
        })
    }

    pub(super) fn allow_employer(
        &mut self,
        place: usize,
        payer: &Payer,
        from: NaiveDate,
        to: Option<NaiveDate>,
        known: i64,
    ) {
        let id = self.permits[place].id.clone();
        let values = vec![rows::text(&id), rows::text(&payer.id), rows::day(from), rows::maybe_day(to)];
        let key = format!("{id}:{}", payer.id);
        self.tell(Fact::new(TableId::PermitEmployers, key, instant(from).min(known), known, "mv", values));
    }
}
