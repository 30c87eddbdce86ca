//! Which call of a text is given arguments that its function does not take.
//!
//! An error of the planner names the function and not the call, and quotes signatures in words of its own. So a text that has one is
//! planned once more with every call under a name of its own (`add_months#3`; calls written alike share one, or they would be different
//! expressions to GROUP BY). Stand-ins for the functions pass everything on, and note the first call that does not fit. Nothing of it runs.

use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, Result, Span, internal_err};
use datafusion::execution::FunctionRegistry as _;
use datafusion::logical_expr::function::{
    AccumulatorArgs, ExpressionArgs, PartitionEvaluatorArgs, StateFieldsArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::type_coercion::functions::{UDFCoercionExt, fields_with_udf};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, ExprSchemable, LogicalPlan, PartitionEvaluator,
    ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Spanned,
    VisitMut, VisitorMut,
};

use crate::catalogue::parse::last;
use crate::catalogue::refused::Highlight;
use crate::catalogue::rewritten::byte_at;
use crate::proofs::refusal::{CheckError, Refusal};
use crate::proofs::values::check_written;
use crate::sql::takes;

/// Whether a plan, as written, has a call that does not fit. DataFusion itself makes some arguments fit.
pub(super) fn has_misfit(plan: &LogicalPlan) -> bool {
    let misfit = |expr: &Expr, schema: &DFSchema| {
        let (name, args) = match expr {
            Expr::ScalarFunction(call) => (call.func.name(), &call.args),
            Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
            Expr::WindowFunction(call) => (call.fun.name(), &call.params.args),
            _ => return None,
        };
        let given: Option<Vec<DataType>> = args.iter().map(|arg| arg.get_type(schema).ok()).collect();
        let is_misfit = !takes::of(name)?.fit(&given?);
        is_misfit.then(|| refusal(takes::misfit(name, &[])).at(Highlight::Output(None)))
    };
    check_written(plan, misfit).is_err()
}

/// The first call of a text that does not fit.
pub(super) async fn misfit(context: &SessionContext, statement: &Statement, sql: &str) -> Option<CheckError> {
    let Statement::Statement(mut statement) = statement.clone() else { return None };
    let mut numbered = Numbered { calls: Vec::new(), sql };
    let _ = VisitMut::visit(&mut statement, &mut numbered);
    let own = SessionContext::new_with_state(context.state());
    let found = Arc::new(OnceLock::new());
    for (at, call) in numbered.calls.iter().enumerate() {
        let stand_in = |signature: &Signature| {
            let signature = Signature::user_defined(signature.volatility);
            (call.numbered(at), signature, at, Arc::clone(&found))
        };
        if let Ok(inner) = context.udf(&call.name) {
            let (name, signature, at, found) = stand_in(inner.signature());
            own.register_udf(ScalarUDF::from(StandIn { name, signature, at, found, inner }));
        }
        if let Ok(inner) = context.udaf(&call.name) {
            let (name, signature, at, found) = stand_in(inner.signature());
            own.register_udaf(AggregateUDF::from(StandIn { name, signature, at, found, inner }));
        }
        if let Ok(inner) = context.udwf(&call.name) {
            let (name, signature, at, found) = stand_in(inner.signature());
            own.register_udwf(WindowUDF::from(StandIn { name, signature, at, found, inner }));
        }
    }
    let state = own.state();
    if let Ok(plan) = state.statement_to_plan(Statement::Statement(statement)).await {
        // Conditions of joins get their types here.
        let _ = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
    }
    let Noted { at, name, given } = found.get()?;
    let place = numbered.calls.get(*at)?.place.clone();
    Some(CheckError(vec![refusal(takes::misfit(name, given)).at(place)]))
}

fn refusal(takes::Misfit { said, hint }: takes::Misfit) -> Refusal {
    Refusal::Arguments { said, hint }
}

/// A call as its author wrote it.
struct Call {
    name: String,
    written: String,
    place: Highlight,
}

impl Call {
    fn numbered(&self, at: usize) -> String {
        format!("{}#{at}", self.name)
    }
}

/// Gives each call a name of its own.
struct Numbered<'a> {
    calls: Vec<Call>,
    sql: &'a str,
}

impl Numbered<'_> {
    fn name(&mut self, name: String, written: String, place: Highlight) -> ObjectName {
        let known = self.calls.iter().position(|call| call.written == written);
        let at = known.unwrap_or(self.calls.len());
        let call = Call { name, written, place };
        let name = ObjectName::from(vec![Ident::with_quote('"', call.numbered(at))]);
        if known.is_none() {
            self.calls.push(call);
        }
        name
    }

    /// The word before an argument, for a call whose own place the parser forgets.
    fn before(&self, word: &str, argument: &ast::Expr) -> Highlight {
        let start = argument.span().start;
        let before = self.sql.get(..byte_at(self.sql, start.line, start.column)).unwrap_or_default().to_lowercase();
        let Some(byte) = before.rfind(word).filter(|_| start.line > 0) else { return Highlight::words(&[word, "("]) };
        let begin = before.get(..byte).unwrap_or_default();
        let line = begin.matches('\n').count() as u64 + 1;
        let column = begin.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
        let at = |column| datafusion::common::Location { line, column };
        Highlight::Span(Span { start: at(column), end: at(column + word.len() as u64) })
    }
}

impl VisitorMut for Numbered<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        let written = expr.to_string();
        match expr {
            ast::Expr::Function(function) if !has_star(function) => {
                let name = last(&function.name);
                let place = Span::try_from_sqlparser_span(function.name.span());
                let place = place.map_or_else(|| Highlight::words(&[&name, "("]), Highlight::Span);
                function.name = self.name(name, written, place);
            }
            ast::Expr::Substring { expr: of, substring_from, substring_for, shorthand: true, .. } => {
                let place = self.before("substr", of);
                let args = std::iter::once(of.as_ref().clone())
                    .chain(substring_from.as_deref().cloned())
                    .chain(substring_for.as_deref().cloned())
                    .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
                let args =
                    FunctionArgumentList { duplicate_treatment: None, args: args.collect(), clauses: Vec::new() };
                *expr = ast::Expr::Function(Function {
                    name: self.name("substr".to_owned(), written, place),
                    uses_odbc_syntax: false,
                    parameters: FunctionArguments::None,
                    args: FunctionArguments::List(args),
                    filter: None,
                    null_treatment: None,
                    over: None,
                    within_group: Vec::new(),
                });
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `count(*)`, which the planner knows by its name.
fn has_star(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let is_star = |arg: &FunctionArg| !matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
    list.args.iter().any(is_star)
}

/// A call that does not fit, and the types that it is given.
#[derive(Debug)]
struct Noted {
    at: usize,
    name: String,
    given: Vec<DataType>,
}

/// In the place of a function, in one call.
#[derive(Debug)]
struct StandIn<F> {
    name: String,
    signature: Signature,
    at: usize,
    /// Of all calls; whoever plans reads it.
    found: Arc<OnceLock<Noted>>,
    inner: Arc<F>,
}

impl<F> PartialEq for StandIn<F> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<F> Eq for StandIn<F> {}

impl<F> Hash for StandIn<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl<F: UDFCoercionExt> StandIn<F> {
    fn coerced(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let fields: Vec<FieldRef> = given.iter().map(|ty| Arc::new(Field::new("", ty.clone(), true))).collect();
        let coerced = fields_with_udf(&fields, self.inner.as_ref());
        let name = self.inner.name();
        if coerced.is_err() || takes::of(name).is_some_and(|takes| !takes.fit(given)) {
            self.found.get_or_init(|| Noted { at: self.at, name: name.to_owned(), given: given.to_vec() });
        }
        Ok(coerced?.iter().map(|field| field.data_type().clone()).collect())
    }
}

impl ScalarUDFImpl for StandIn<ScalarUDF> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("its field says it")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.coerced(given)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a stand-in does not run")
    }
}

impl AggregateUDFImpl for StandIn<AggregateUDF> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn return_field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(given)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.coerced(given)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner.supports_null_handling_clause()
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        internal_err!("a stand-in does not run")
    }

    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        internal_err!("a stand-in does not run")
    }
}

impl WindowUDFImpl for StandIn<WindowUDF> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(args)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.field(args)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.coerced(given)
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        internal_err!("a stand-in does not run")
    }
}
