//! What a rule's output must have, beyond what is proved of every plan: its columns, their types, and the deadline of
//! an absence.

use arrow::datatypes::DataType;
use datafusion::common::JoinType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;

use crate::catalogue::refused::Highlight;
use crate::model::alert::Severity;
use crate::proofs::isolation::{Key, Owner, Proved};
use crate::proofs::refusal::{CheckError, Refusal};
use crate::proofs::tags::Tag;
use crate::proofs::values::{Steps, rests_on_known_time};

/// Output columns that are not evidence.
pub const RESERVED: [&str; 10] = [
    "person_id",
    "permit_id",
    "alert_key",
    "alert_at",
    "due_at",
    "cleared_at",
    "cleared_reason",
    "anchor_at",
    "severity",
    "records",
];

/// Whether an output column is shown as evidence; `subject` is the one that says what the alert is about.
pub fn is_evidence(name: &str, subject: &str) -> bool {
    !RESERVED.contains(&name) && name != subject
}

/// Checks a rule's output: its columns, their types, and the deadline of an absence. `steps` gives the plans of those tables that are
/// steps of the same text.
///
/// What an alert is about, its key and its severity are proved to be there in every row: a row without them is none (`rules::output`), and
/// the person whom it is about would be left out in silence.
pub fn check_output<'a>(
    plan: &'a LogicalPlan,
    steps: Steps<'a, '_>,
    proved: &Proved,
    subject: &str,
) -> Result<(), CheckError> {
    let mut found = Vec::new();
    let Proved { carried, rows, .. } = proved;
    if carried.owner != Owner::Person {
        let what = "it reads no table of persons".into();
        found.push(Refusal::NotCarried { node: "the rule", what }.at(Highlight::Output(None)));
    }
    let schema = plan.schema();
    let field = |name: &str| schema.fields().iter().position(|field| field.name() == name);
    if field("record_keys").is_some() {
        found.push(Refusal::RecordKeys.at(Highlight::Output(Some("record_keys".into()))));
    }
    for column in ["person_id", "alert_key", "alert_at", subject] {
        if field(column).is_none() {
            found.push(Refusal::Missing { column: column.to_owned() }.at(Highlight::Output(None)));
        }
    }
    for field in schema.fields() {
        if !is_name(field.name()) {
            let what = format!("an output column without a name ({})", field.name());
            found.push(Refusal::Forbidden { what }.at(Highlight::Output(None)));
        }
        if matches!(field.data_type(), DataType::Interval(_) | DataType::Duration(_) | DataType::Time64(_)) {
            let what = format!("output column {}, a span of time or a time of day,", field.name());
            let hint = "show two days, or the number of days between them";
            found.push(Refusal::ReadOtherwise { what, hint }.at(Highlight::Output(Some(field.name().clone()))));
        }
    }
    let mut refuse = |column: &'static str, found_type: String, wanted: &'static str| {
        found.push(Refusal::Type { column, found: found_type, wanted }.at(Highlight::Output(Some(column.to_owned()))));
    };
    if field("person_id").is_some_and(|at| carried.keys.get(at) != Some(&Key::Person)) {
        refuse("person_id", "computed".into(), "a person's own person_id");
    }
    let is_of_records = |at: usize| matches!(carried.tags.get(at), Some(Tag::Null | Tag::Record | Tag::Records));
    if field("records").is_some_and(|at| !is_of_records(at)) {
        refuse("records", "another value".into(), "records(...) of columns `record`");
    }
    let mut check_type = |column: &'static str, wanted: &'static str, fits: fn(&DataType) -> bool| {
        if let Some(at) = field(column)
            && !fits(schema.field(at).data_type())
        {
            refuse(column, schema.field(at).data_type().to_string(), wanted);
        }
    };
    let instant = |ty: &DataType| matches!(ty, DataType::Timestamp(..) | DataType::Date32 | DataType::Null);
    check_type("alert_at", "a TIMESTAMP or DATE", instant);
    check_type("due_at", "a TIMESTAMP or DATE", instant);
    check_type("cleared_at", "a TIMESTAMP or DATE", instant);
    check_type("anchor_at", "a DATE", |ty| matches!(ty, DataType::Date32 | DataType::Null));
    check_type("alert_key", "a DATE or text", |ty| {
        matches!(ty, DataType::Date32 | DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
    });
    for column in [subject, "alert_key"] {
        if field(column).is_some_and(|at| !rows.is_given(at)) {
            let place = Highlight::Output(Some(column.to_owned()));
            found.push(Refusal::MayBeNull { column: column.to_owned() }.at(place));
        }
    }
    if field("severity").is_some_and(|at| !rows.is_one_of(at, &Severity::ALL.map(Severity::name))) {
        found.push(Refusal::Severity.at(Highlight::Output(Some("severity".to_owned()))));
    }
    if let Some(at) = field("alert_at")
        && rests_on_known_time(plan, steps, at)
    {
        found.push(Refusal::KnownTime.at(Highlight::Output(Some("alert_at".into()))));
    }
    if field("due_at").is_none()
        && let Some(what) = absence(plan, steps)
    {
        found.push(Refusal::NoDueAt { what }.at(Highlight::Absence));
    }
    CheckError::unless_none(found, ())
}

/// Whether a column has a name that somebody gave it: of one without, each engine makes one of its expression.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ' '))
}

/// The anti-join in a plan or in a step that it reads, if there is one.
fn absence<'a>(plan: &'a LogicalPlan, steps: Steps<'a, '_>) -> Option<String> {
    let mut found = None;
    // The closure never fails, so the walk does not either.
    let _ = plan.apply(|node| {
        found = match node {
            LogicalPlan::Join(join) if matches!(join.join_type, JoinType::LeftAnti | JoinType::RightAnti) => {
                Some("NOT EXISTS".to_owned())
            }
            LogicalPlan::TableScan(scan) => steps(scan.table_name.table()).and_then(|step| absence(step, steps)),
            _ => None,
        };
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}
