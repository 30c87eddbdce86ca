//! Which permit a finding stands on.

use crate::calendar::Day;
use crate::facts::{Code, Known, Permit, PersonKnown, Seen};
use crate::rights::Holding;
use crate::rules::{Finding, Severity};

impl<'a> Known<'a> {
    /// The permit, of one of the classes, that carries alerts on a day.
    pub fn carrying(&self, day: Day, classes: &'static [Code]) -> impl Iterator<Item = &'a Holding> + use<'a> {
        let me: &'a PersonKnown = self.me;
        me.holdings.iter().filter(move |h| h.carries(day) && classes.contains(&me.permits[h.permit].permit_class))
    }

    pub fn permit_of(&self, holding: &Holding) -> &'a Seen<Permit> {
        let me: &'a PersonKnown = self.me;
        &me.permits[holding.permit]
    }

    pub fn finding(&self, holding: &Holding, severity: Severity) -> Finding {
        Finding { subject: self.permit_of(holding).permit_id.clone(), severity }
    }

    /// The person whom a family permit depends on, once the register of permits has told them of it.
    pub fn anchor_of(&self, holding: &Holding) -> Option<&'a PersonKnown> {
        let permit = self.permit_of(holding);
        let anchor = permit.anchor_person_id.as_ref()?;
        let anchor = self.group.persons.iter().find(|person| person.id == *anchor)?;
        anchor.anchors.iter().any(|told| told.permit_id == permit.permit_id).then_some(anchor)
    }
}
