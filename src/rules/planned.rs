//! The result of planning: rules, links, views and tables that are ready to run.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sha2::{Digest, Sha256};

use crate::catalogue::file::RuleFile;
use crate::history::ClassSet;
use crate::model::schema::TableId;
use crate::model::sets::{FeedSet, TableSet};
use crate::model::stage::Outlet;
use crate::rules::output::CancellerSet;
use crate::rules::requests::Plans;
use crate::sql::executor::Compiled;
use crate::sql::slots::Slot;
use crate::units::Demand;

/// A rule that is ready to run.
pub struct PlannedRule {
    pub file: RuleFile,
    pub fingerprint: String,
    /// The same with all that the rule says in words: under another one, what stands may say something else.
    pub wording: String,
    /// Tables that the rule's rows depend on, also through views and the rules that it uses.
    pub tables: TableSet,
    /// Tables of persons whose records a row may tell of; none of a rule that is known to name its records.
    pub shown: TableSet,
    /// Feeds that the rule's clock waits for: those of its tables, and those of the cancellers and corroborations.
    pub feeds: FeedSet,
    /// Cancellers that concern the rule.
    pub cancellers: CancellerSet,
    pub(super) query: Query,
}

impl PlannedRule {
    /// Identifies a rule with all its words.
    pub(super) fn wording(file: &RuleFile, fingerprint: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(fingerprint);
        hash.update(format!("{:?} {:?} {:?}", file.header, file.values, file.words));
        hex::encode(&hash.finalize()[..8])
    }

    /// Where its alerts go.
    pub fn outlet(&self) -> Outlet {
        self.file.header.stage().outlet()
    }

    /// Classes of the units that the rule concerns.
    pub fn classes(&self) -> ClassSet {
        let header = &self.file.header;
        if header.key.is_some() {
            return ClassSet::EMPLOYERS;
        }
        if header.permit_classes.iter().any(|class| class == "*") {
            return ClassSet::PERSONS;
        }
        header.permit_classes.iter().map(|class| ClassSet::of(class)).fold(ClassSet::default(), ClassSet::union)
    }
}

/// A link that is ready to run.
pub struct PlannedLink {
    pub table: TableId,
    pub needs: TableId,
    /// Column with the instant from which a row is shown, if the link has one.
    pub from: Option<usize>,
    /// Tables that the link's rows depend on, and their feeds.
    pub tables: TableSet,
    pub feeds: FeedSet,
    pub(super) query: Query,
}

impl PlannedLink {
    /// Whether the link reads what rules found.
    pub fn is_late(&self) -> bool {
        self.query.late
    }
}

/// A physical plan, and the views and tables that it reads.
pub(super) struct Query {
    pub views: Vec<usize>,
    pub demands: Vec<usize>,
    /// Whether the plan reads the rows of rules, directly or through a view.
    pub late: bool,
    pub plan: Compiled,
}

pub(super) struct PlannedView {
    pub slot: Arc<Slot>,
    /// Whether it is a step of one text; its cost then counts as the text's.
    pub is_step: bool,
    /// Output column of the plan -> column of the slot.
    pub columns: Vec<usize>,
    pub plan: Option<Compiled>,
    pub views: Vec<usize>,
    pub demands: Vec<usize>,
    pub tables: TableSet,
    /// Whether it reads the rows of rules.
    pub late: bool,
    /// Plans that read it, directly or through views.
    pub users: Plans,
}

pub(super) struct BaseTable {
    pub slot: Arc<Slot>,
    pub table: TableId,
    pub history: bool,
    /// What the plans read of the table; known once all are planned.
    pub demand: OnceLock<Demand>,
    /// Plans that read it, directly or through views.
    pub users: Plans,
}

impl BaseTable {
    pub fn demand(&self) -> &Demand {
        self.demand.get_or_init(|| Demand::new(self.table, self.history, &self.slot.used()))
    }
}

/// Name of the table with the rows of rules that others use; view `indications` reads it.
pub(crate) const RULE_ROWS: &str = "rule_rows";

/// The columns of `rule_rows`. `cancelled_by` lists the cancellers that concern the rule, each between commas.
pub(crate) fn rule_rows_schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fields = [
        ("rule_id", DataType::Utf8),
        ("rule_number", DataType::Utf8),
        ("person_id", DataType::Utf8),
        ("permit_id", DataType::Utf8),
        ("alert_key", DataType::Utf8),
        ("severity", DataType::Utf8),
        ("alert_at", instant.clone()),
        ("cleared_at", instant),
        ("anchor_at", DataType::Date32),
        ("cancelled_by", DataType::Utf8),
    ];
    Arc::new(Schema::new(fields.map(|(name, ty)| Field::new(name, ty, true)).to_vec()))
}
