//! Changes a list of a TOML document item by item: what is not changed keeps its place, layout and comments.

use toml_edit::{Array, InlineTable, Item, TableLike, Value};

/// One change of a list. Places are those before any change.
#[derive(Clone, Debug)]
pub enum Change {
    Add(Value),
    Remove(usize),
    /// Other values for members of an item, named by the way to them; `None` takes the member away.
    Set(usize, Vec<(Vec<String>, Option<Value>)>),
}

/// An item as it was and as it is; either may be missing.
pub type Pair = (Option<String>, Option<String>);

/// Applies the changes.
pub fn apply(list: &mut Array, changes: &[Change]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for change in changes {
        let Change::Set(at, members) = change else { continue };
        let was = list.get(*at).map(plain);
        if let Some(item) = list.get_mut(*at).and_then(Value::as_inline_table_mut) {
            for (way, value) in members {
                set(item, way, value.as_ref());
            }
        }
        pairs.push((was, list.get(*at).map(plain)));
    }
    let mut gone: Vec<usize> =
        changes.iter().filter_map(|change| if let Change::Remove(at) = change { Some(*at) } else { None }).collect();
    gone.sort_unstable();
    pairs.extend(gone.iter().map(|at| (list.get(*at).map(plain), None)));
    for at in gone.into_iter().rev() {
        if at < list.len() {
            remove(list, at);
        }
    }
    for change in changes {
        let Change::Add(item) = change else { continue };
        pairs.push((None, Some(plain(item))));
        add(list, item.clone());
    }
    pairs
}

/// An inline table of members.
pub fn table<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let mut table = InlineTable::new();
    for (name, value) in members {
        table.insert(name, value);
    }
    Value::InlineTable(table)
}

/// An item without the white space and comments around it.
fn plain(item: &Value) -> String {
    item.clone().decorated("", "").to_string()
}

fn set(item: &mut dyn TableLike, way: &[String], value: Option<&Value>) {
    let Some((name, rest)) = way.split_first() else { return };
    if !rest.is_empty() {
        if let Some(inner) = item.get_mut(name).and_then(Item::as_table_like_mut) {
            set(inner, rest, value);
        }
        return;
    }
    let Some(new) = value else {
        let tail = item.remove(name).and_then(|gone| gone.as_value().map(after));
        // What stood behind the last member stands behind the one before it.
        let last = item.iter_mut().last().and_then(|(_, item)| item.as_value_mut().map(Value::decor_mut));
        if let (Some(tail), Some(last)) = (tail.filter(|tail| !tail.is_empty()), last) {
            last.set_suffix(tail);
        }
        return;
    };
    if let Some(old) = item.get_mut(name).and_then(Item::as_value_mut) {
        let around = old.decor().clone();
        *old = new.clone();
        *old.decor_mut() = around;
    }
}

/// Text around a value, of which a document that has been parsed always knows.
fn text(raw: Option<&toml_edit::RawString>) -> String {
    raw.and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned()
}

fn before(item: &Value) -> String {
    text(item.decor().prefix())
}

fn after(item: &Value) -> String {
    text(item.decor().suffix())
}

/// Removes an item; comments before and behind it stay in the list.
fn remove(list: &mut Array, at: usize) {
    let was_last = at + 1 == list.len();
    let item = list.remove(at);
    let lead = before(&item);
    let mut kept =
        if lead.contains('#') { lead.trim_end_matches([' ', '\t']).trim_end_matches('\n') } else { "" }.to_owned();
    let tail = after(&item);
    if tail.contains('#') || (was_last && !list.trailing_comma()) {
        kept.push_str(&tail);
    }
    if let Some(next) = list.get_mut(at) {
        let own = before(next);
        let is_first_of_line = at == 0 && kept.is_empty() && !own.contains('\n');
        next.decor_mut().set_prefix(if is_first_of_line { lead } else { kept + &own });
        return;
    }
    // What stood behind the last item stands behind the one before it, or alone.
    let last = list.len().checked_sub(1).filter(|_| !list.trailing_comma()).and_then(|last| list.get_mut(last));
    match last {
        Some(last) => last.decor_mut().set_suffix(kept),
        None => {
            let trailing = kept + &text(Some(list.trailing()));
            list.set_trailing(trailing);
        }
    }
    if list.is_empty() {
        list.set_trailing_comma(false);
        if !text(Some(list.trailing())).contains('#') {
            list.set_trailing("");
        }
    }
}

/// Adds an item at the end, laid out like those that are there.
fn add(list: &mut Array, mut item: Value) {
    let with_comma = list.trailing_comma();
    let tail = match list.len().checked_sub(1).and_then(|last| list.get(last)) {
        Some(last) if !with_comma => after(last),
        _ => text(Some(list.trailing())),
    };
    let lead = list.iter().last().map(before).unwrap_or_default();
    let (lead, tail) = match tail.rfind('\n') {
        // Comments behind the last item stay behind it.
        Some(end) => {
            let indent = match lead.rfind('\n') {
                Some(begin) => lead[begin + 1..].to_owned(),
                None => format!("{}    ", &tail[end + 1..]),
            };
            let begin = if tail.contains('#') { &tail[..end] } else { "" };
            (format!("{begin}\n{indent}"), tail[end..].to_owned())
        }
        None => (if list.is_empty() { String::new() } else { " ".to_owned() }, tail),
    };
    if let Some(last) = list.len().checked_sub(1).and_then(|last| list.get_mut(last)) {
        last.decor_mut().set_suffix("");
    }
    let suffix = if with_comma { String::new() } else { tail.clone() };
    item.decor_mut().set_prefix(lead);
    item.decor_mut().set_suffix(suffix);
    list.push_formatted(item);
    list.set_trailing(if with_comma { tail } else { String::new() });
    list.set_trailing_comma(with_comma);
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::*;

    fn changed(text: &str, changes: &[Change]) -> String {
        let mut document: DocumentMut = text.parse().unwrap();
        apply(document["a"].as_array_mut().unwrap(), changes);
        document.to_string()
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(changed("a = []\n", &[Change::Add("x".into())]), "a = [\"x\"]\n");
        let two = "a = [1, 2] # why\n";
        assert_eq!(changed(two, &[Change::Add(3_i64.into())]), "a = [1, 2, 3] # why\n");
        assert_eq!(changed(two, &[Change::Remove(0)]), "a = [2] # why\n");
        assert_eq!(changed(two, &[Change::Remove(1)]), "a = [1] # why\n");
        assert_eq!(changed(two, &[Change::Remove(0), Change::Remove(1)]), "a = [] # why\n");
        assert_eq!(changed("a = [ 1 ]\n", &[Change::Add(2_i64.into())]), "a = [ 1, 2 ]\n");
    }

    #[test]
    fn comments_stay_whatever_goes_or_comes() {
        let long = "a = [\n    # one\n    1, # first\n    2, # second\n] # all\n";
        let added = changed(long, &[Change::Add(3_i64.into())]);
        assert_eq!(added, "a = [\n    # one\n    1, # first\n    2, # second\n    3,\n] # all\n");
        for gone in [vec![0], vec![1], vec![0, 1]] {
            let changes: Vec<Change> = gone.into_iter().map(Change::Remove).collect();
            let left = changed(long, &changes);
            for comment in ["# one", "# first", "# second", "# all"] {
                assert!(left.contains(comment), "{left}");
            }
            assert!(left.parse::<DocumentMut>().is_ok(), "{left}");
        }
        let bare = "a = [\n    1, # first\n    2 # second\n]\n";
        assert_eq!(changed(bare, &[Change::Add(3_i64.into())]), "a = [\n    1, # first\n    2, # second\n    3\n]\n");
        assert!(changed(bare, &[Change::Remove(1)]).contains("# second\n]"));
    }

    #[test]
    fn a_member_changes_alone() {
        let text = "a = [{ key = 'k',  n = 1, e = { x = 2, y = 3 } }]\n";
        let way = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let set = Change::Set(0, vec![(way(&["n"]), Some(7_i64.into())), (way(&["e", "x"]), Some(8_i64.into()))]);
        let mut document: DocumentMut = text.parse().unwrap();
        let pairs = apply(document["a"].as_array_mut().unwrap(), &[set]);
        assert_eq!(document.to_string(), text.replace("n = 1", "n = 7").replace("x = 2", "x = 8"));
        assert_eq!(pairs[0].0.as_deref(), Some("{ key = 'k',  n = 1, e = { x = 2, y = 3 } }"));
        assert_eq!(pairs[0].1.as_deref(), Some("{ key = 'k',  n = 7, e = { x = 8, y = 3 } }"));
        let taken = changed(text, &[Change::Set(0, vec![(way(&["e", "y"]), None)])]);
        assert_eq!(taken, text.replace(", y = 3", ""));
    }
}
