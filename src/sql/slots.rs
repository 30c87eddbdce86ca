//! A slot: the place from which a plan reads the rows of the current units.
//!
//! A plan is made once and has `SlotScan` leaves; executing it reads what the slots hold at that moment. A slot is filled when it
//! is first read (see [`Origin`]), and only with the columns that some plan reads (see [`Slot::used`]).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{AsArray, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions};

use crate::sql::cells::Fixed;
use crate::sql::column::{Batch, Column, Picks};
use crate::units::{Content, Values, unit_of};

/// Where a slot's rows come from: a table or view by its position in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Table(usize),
    View(usize),
}

/// The rows of one table for the current units.
///
/// A rule set invalidates its slots when it turns to other units ([`Slot::invalidate`]). A reader first asks whether the slot is
/// stale ([`Slot::take_stale`]) and has it filled from its origin; the slot then holds those rows until it is invalidated again. A
/// filling that fails invalidates the slot, so that the next plan tries again. Batches and picks that have been read share the
/// slot's arrays and keep their rows when the slot is filled again; nothing else may be kept from one filling to the next. A slot
/// without an origin is filled by its owner and is never stale: the calendars once, the rows of rules before the plans that read
/// them.
#[derive(Debug)]
pub struct Slot {
    pub name: String,
    pub schema: SchemaRef,
    origin: OnceLock<Origin>,
    /// The slot has not been filled since the units changed.
    stale: AtomicBool,
    used: Mutex<Vec<bool>>,
    tagged: OnceLock<Vec<usize>>,
    /// The columns if there are no rows, as in most slots for a few units.
    empty: Vec<Column>,
    rows: Mutex<SlotRows>,
    /// The rows as cells, for single units, if they never change.
    fixed: OnceLock<Fixed>,
}

impl Slot {
    pub fn new(name: &str, schema: SchemaRef) -> Arc<Slot> {
        let width = schema.fields().len();
        Arc::new(Slot {
            name: name.to_owned(),
            used: Mutex::new(vec![false; width]),
            tagged: OnceLock::new(),
            empty: Batch::empty(&schema).columns,
            schema,
            origin: OnceLock::new(),
            stale: AtomicBool::new(false),
            rows: Mutex::default(),
            fixed: OnceLock::new(),
        })
    }

    /// An empty slot for a copy of the same plans: with the same columns, of which the same are read.
    pub fn anew(&self) -> Arc<Slot> {
        Arc::new(Slot {
            name: self.name.clone(),
            schema: Arc::clone(&self.schema),
            used: Mutex::new(self.used()),
            tagged: self.tagged.clone(),
            empty: self.empty.clone(),
            origin: self.origin.clone(),
            stale: AtomicBool::new(false),
            rows: Mutex::default(),
            fixed: OnceLock::new(),
        })
    }

    pub fn set_origin(&self, origin: Origin) {
        let _ = self.origin.set(origin);
    }

    /// The units have changed: the slot's rows are not theirs.
    pub fn invalidate(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// If the slot is stale, what to fill it from; it then counts as filled.
    pub fn take_stale(&self) -> Option<Origin> {
        if !self.stale.load(Ordering::Relaxed) {
            return None;
        }
        self.stale.store(false, Ordering::Relaxed);
        self.origin()
    }

    pub fn origin(&self) -> Option<Origin> {
        self.origin.get().copied()
    }

    pub fn is_view(&self) -> bool {
        matches!(self.origin(), Some(Origin::View(_)))
    }

    /// Fills it with gathered rows; `persons` are the units' subjects.
    pub fn fill(&self, content: Content, persons: &Column) {
        if content.rows == 0 {
            return self.fill_empty();
        }
        let units = content.units.map(Picks::of_nullable);
        let column = |values| match (values, &units) {
            (Values::Each(array), _) => Some(Column::new(array)),
            (Values::Person, Some(units)) => Some(persons.pick(units)),
            (Values::Person, None) => None,
        };
        let columns = content.columns.into_iter().map(|values| values.and_then(column)).collect();
        let units = OnceLock::from(units);
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = SlotRows { columns, rows: content.rows, units };
    }

    /// Fills it with no rows.
    pub fn fill_empty(&self) {
        let units = OnceLock::from(Some(Picks::of(Vec::new())));
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = SlotRows { columns: Vec::new(), rows: 0, units };
    }

    /// Fills it with columns in schema order; those that no plan reads are left out.
    pub fn fill_columns(&self, columns: Vec<Option<Column>>, rows: usize) {
        let units = OnceLock::new();
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = SlotRows { columns, rows, units };
    }

    /// Sets the columns whose values name the row's unit.
    pub fn set_tagged(&self, columns: Vec<usize>) {
        let _ = self.tagged.set(columns);
    }

    /// The unit of each row; `None` if rows have none, or if it is not known.
    pub fn units(&self) -> Option<Picks> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let tagged = self.tagged.get()?;
            let column = tagged.iter().find_map(|at| rows.columns.get(*at)?.as_ref())?;
            units_of(column).map(Picks::of)
        };
        rows.units.get_or_init(read).clone()
    }

    /// Which columns the plans read.
    pub fn used(&self) -> Vec<bool> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn mark_used(&self, projection: &[usize]) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for &column in projection {
            used[column] = true;
        }
    }

    /// The current rows. A column that was not filled is null.
    pub fn batch(&self, projection: &[usize]) -> Batch {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.rows == 0 {
            return Batch { rows: 0, columns: projection.iter().map(|at| self.empty[*at].clone()).collect() };
        }
        let column = |at: &usize| match rows.columns.get(*at) {
            Some(Some(column)) => column.clone(),
            _ => Column::new(new_null_array(self.schema.field(*at).data_type(), rows.rows)),
        };
        Batch { rows: rows.rows, columns: projection.iter().map(column).collect() }
    }

    /// The current rows with all columns.
    pub fn whole(&self) -> Batch {
        self.batch(&(0..self.schema.fields().len()).collect::<Vec<_>>())
    }

    /// All columns of a slot whose rows never change, as cells.
    pub fn fixed(&self) -> Result<&Fixed> {
        if self.fixed.get().is_none() {
            let _ = self.fixed.set(Fixed::of(&self.whole())?);
        }
        self.fixed.get().ok_or_else(|| DataFusionError::Internal("rows that are not there".into()))
    }

    /// All columns, as arrays.
    pub fn record_batch(&self) -> Result<RecordBatch> {
        self.whole().to_record_batch(&self.schema)
    }
}

/// What a slot holds.
#[derive(Debug, Default)]
struct SlotRows {
    columns: Vec<Option<Column>>,
    rows: usize,
    units: OnceLock<Option<Picks>>,
}

/// The units named by the tags of a column's texts.
fn units_of(column: &Column) -> Option<Vec<u32>> {
    let array = column.array().ok()?;
    array.as_string_opt::<i32>()?.iter().map(|text| unit_of(text?)).collect()
}

/// A table whose rows are in a slot.
#[derive(Debug)]
pub struct SlotTable {
    pub slot: Arc<Slot>,
}

#[async_trait]
impl TableProvider for SlotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.slot.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.slot.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or_else(all);
        self.slot.mark_used(&projection);
        let schema = Arc::new(self.slot.schema.project(&projection)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(SlotScan { slot: Arc::clone(&self.slot), projection, schema, properties: Arc::new(properties) }))
    }
}

/// The leaf of a plan: reads columns of a slot.
#[derive(Debug)]
pub struct SlotScan {
    pub slot: Arc<Slot>,
    pub projection: Vec<usize>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for SlotScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "SlotScan: {} [{}]", self.slot.name, columns.join(", "))
    }
}

impl ExecutionPlan for SlotScan {
    fn name(&self) -> &str {
        "SlotScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.slot.batch(&self.projection).to_record_batch(&self.schema)?;
        Ok(Box::pin(MemoryStream::try_new(vec![rows], Arc::clone(&self.schema), None)?))
    }
}
