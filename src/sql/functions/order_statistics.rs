//! `median_low(x)` and `mad_low(x)`: the lower median, and the lower median of the absolute deviations from it. Whole numbers in,
//! whole numbers out: of an even count the lower of the two in the middle, so there is no mean and nothing to round. Nulls are
//! ignored; without values the result is null.
//!
//! For a frame one accumulator keeps the values in order. With w values in the group or frame, a row costs a binary search and a
//! move of up to 8w bytes when it enters, and again when it leaves; `median_low` then reads one value and `mad_low` walks half of
//! them. So a ROWS frame over a year of months costs little more than a sum.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, Int64Builder, ListBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// Both aggregates.
pub fn all() -> Vec<Arc<AggregateUDF>> {
    let define = |name, of| {
        let signature = Signature::exact(vec![DataType::Int64], Volatility::Immutable);
        Arc::new(AggregateUDF::from(Statistic { name, signature, of }))
    };
    vec![define("median_low", median_low), define("mad_low", mad_low)]
}

/// A statistic of sorted values.
type Of = fn(&[i64]) -> Option<i64>;

#[derive(Debug)]
struct Statistic {
    name: &'static str,
    signature: Signature,
    of: Of,
}

/// A function is identified by its name: no two share one.
impl PartialEq for Statistic {
    fn eq(&self, other: &Statistic) -> bool {
        self.name == other.name
    }
}

impl Eq for Statistic {}

impl std::hash::Hash for Statistic {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl AggregateUDFImpl for Statistic {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sorted { values: Vec::new(), of: self.of }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Grouped { values: Vec::new(), groups: 0, of: self.of }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let values = DataType::new_list(DataType::Int64, true);
        Ok(vec![Arc::new(Field::new(format!("{}[values]", args.name), values, true))])
    }
}

/// The values of a group or frame, in order.
#[derive(Debug)]
struct Sorted {
    values: Vec<i64>,
    of: Of,
}

impl Sorted {
    fn add(&mut self, array: &dyn Array) -> Result<()> {
        let array = whole(array)?;
        let array = array.as_primitive::<Int64Type>();
        if array.len() - array.null_count() == 1 {
            for value in array.iter().flatten() {
                self.values.insert(self.values.partition_point(|known| *known < value), value);
            }
        } else {
            self.values.extend(array.iter().flatten());
            // The stable sort is fast on runs that are in order already.
            self.values.sort();
        }
        Ok(())
    }
}

impl Accumulator for Sorted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in whole(&values[0])?.as_primitive::<Int64Type>().iter().flatten() {
            if let Ok(at) = self.values.binary_search(&value) {
                self.values.remove(at);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64((self.of)(&self.values)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> = self.values.iter().map(|value| ScalarValue::Int64(Some(*value))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Int64))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.add(&values))
    }

    fn size(&self) -> usize {
        size_of::<Sorted>() + self.values.capacity() * size_of::<i64>()
    }
}

/// The values of many groups, each with its group; sorted when they are read.
#[derive(Debug)]
struct Grouped {
    values: Vec<(usize, i64)>,
    groups: usize,
    of: Of,
}

impl Grouped {
    fn add(&mut self, array: &dyn Array, group_of: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let array = whole(array)?;
        let array = array.as_primitive::<Int64Type>();
        let rows = (0..array.len()).filter(|row| array.is_valid(*row));
        self.values.extend(rows.filter_map(|row| Some((group_of(row)?, array.value(row)))));
        Ok(())
    }

    /// Calls `give` with the sorted values of each group to emit, and renumbers the groups that stay.
    fn take(&mut self, emit: EmitTo, mut give: impl FnMut(&[i64])) {
        let count = match emit {
            EmitTo::All => self.groups,
            EmitTo::First(count) => count,
        };
        // There are many small groups: move each value to its group's place, then sort each group.
        let mut ends = vec![0usize; count + 1];
        for (group, _) in self.values.iter().filter(|(group, _)| *group < count) {
            ends[group + 1] += 1;
        }
        (0..count).for_each(|group| ends[group + 1] += ends[group]);
        let mut next = ends.clone();
        let mut placed = vec![0; ends[count]];
        let mut kept = Vec::new();
        for (group, value) in std::mem::take(&mut self.values) {
            if group < count {
                placed[next[group]] = value;
                next[group] += 1;
            } else {
                kept.push((group - count, value));
            }
        }
        for group in 0..count {
            let values = &mut placed[ends[group]..ends[group + 1]];
            values.sort_unstable();
            give(values);
        }
        self.values = kept;
        self.groups -= count;
    }
}

impl GroupsAccumulator for Grouped {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups = total;
        let counts = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        self.add(&values[0], |row| counts(row).then(|| groups[row]))
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (of, mut out) = (self.of, Vec::new());
        self.take(emit, |values| out.push(of(values)));
        Ok(Arc::new(Int64Array::from(out)))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut lists = ListBuilder::new(Int64Builder::new());
        self.take(emit, |values| lists.append_value(values.iter().copied().map(Some)));
        Ok(vec![Arc::new(lists.finish())])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups = total;
        for (values, group) in states[0].as_list::<i32>().iter().zip(groups) {
            if let Some(values) = values {
                self.add(&values, |_| Some(*group))?;
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut each = Grouped { values: Vec::new(), groups: 0, of: self.of };
        let rows: Vec<usize> = (0..values[0].len()).collect();
        each.update_batch(values, &rows, filter, rows.len())?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of::<Grouped>() + self.values.capacity() * size_of::<(usize, i64)>()
    }
}

/// A literal may have a narrower type, and an untyped NULL has no type.
fn whole(array: &dyn Array) -> Result<ArrayRef> {
    Ok(cast(array, &DataType::Int64)?)
}

fn median_low(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// Walks outwards from the median, always to the nearer side, until it has passed half of the values.
fn mad_low(sorted: &[i64]) -> Option<i64> {
    let median = median_low(sorted)?;
    let rank = (sorted.len() - 1) / 2;
    let (mut low, mut high) = (rank, rank);
    for _ in 0..rank {
        let below = low.checked_sub(1).map(|at| sorted[at].abs_diff(median));
        let above = sorted.get(high + 1).map(|value| value.abs_diff(median));
        match (below, above) {
            (Some(below), Some(above)) if below <= above => low -= 1,
            (Some(_), None) => low -= 1,
            _ => high += 1,
        }
    }
    let last = sorted[low].abs_diff(median).max(sorted[high].abs_diff(median));
    Some(i64::try_from(last).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive_median(values: &[i64]) -> Option<i64> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        (!sorted.is_empty()).then(|| sorted[(sorted.len() - 1) / 2])
    }

    fn naive_mad(values: &[i64]) -> Option<i64> {
        let median = naive_median(values)?;
        naive_median(&values.iter().map(|value| (value - median).abs()).collect::<Vec<_>>())
    }

    fn accumulators() -> [Sorted; 2] {
        [median_low as Of, mad_low].map(|of| Sorted { values: Vec::new(), of })
    }

    fn array(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn value() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![1 => Just(None), 6 => (-9..9i64).prop_map(Some), 3 => (-50_000..50_000i64).prop_map(Some)]
    }

    proptest! {
        #[test]
        fn a_group_equals_the_naive_way(values in prop::collection::vec(value(), 0..60), cut in 0..60usize) {
            let whole: Vec<i64> = values.iter().copied().flatten().collect();
            let (one, other) = values.split_at(cut.min(values.len()));
            for (mut accumulator, naive) in accumulators().into_iter().zip([naive_median(&whole), naive_mad(&whole)]) {
                let mut part = Sorted { values: Vec::new(), of: accumulator.of };
                accumulator.update_batch(&[array(one)]).unwrap();
                part.update_batch(&[array(other)]).unwrap();
                let state = part.state().unwrap()[0].to_array().unwrap();
                accumulator.merge_batch(&[state]).unwrap();
                prop_assert_eq!(accumulator.evaluate().unwrap(), ScalarValue::Int64(naive));
            }
        }

        #[test]
        fn a_sliding_frame_equals_the_naive_way(values in prop::collection::vec(value(), 1..60), width in 1..14usize) {
            let mut accumulators = accumulators();
            for end in 1..=values.len() {
                let start = end.saturating_sub(width);
                let frame: Vec<i64> = values[start..end].iter().copied().flatten().collect();
                let naive = [naive_median(&frame), naive_mad(&frame)];
                for (accumulator, naive) in accumulators.iter_mut().zip(naive) {
                    accumulator.update_batch(&[array(&values[end - 1..end])]).unwrap();
                    if end > width {
                        accumulator.retract_batch(&[array(&values[start - 1..start])]).unwrap();
                    }
                    prop_assert_eq!(accumulator.evaluate().unwrap(), ScalarValue::Int64(naive));
                }
            }
        }
    }

    #[test]
    fn the_greatest_distance_does_not_overflow() {
        assert_eq!(mad_low(&[i64::MIN, i64::MIN, i64::MAX, i64::MAX, i64::MAX]), Some(0));
        assert_eq!(mad_low(&[i64::MIN, 0, i64::MAX]), Some(i64::MAX));
    }
}
