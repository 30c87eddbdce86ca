//! Which operators the shipped rules' plans consist of.

mod order;

use std::collections::BTreeMap;
use std::path::Path;

use crate::catalogue::Catalogue;
use crate::rules::plan::Planner;

#[test]
fn the_shipped_windows_are_taken_over() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
    let parts = runtime.block_on(Planner::new(&catalogue).unwrap().plan(&catalogue)).unwrap();
    let rules = parts.rules.iter().map(|rule| (rule.file.header.id.as_str(), &rule.query.plan));
    let views = parts.views.iter().filter_map(|view| Some((view.slot.name.as_str(), view.plan.as_ref()?)));
    let links = parts.links.iter().map(|link| (link.table.name(), &link.query.plan));
    let (mut windows, mut left) = (0, Vec::new());
    for (owner, plan) in rules.chain(views).chain(links) {
        let operators = plan.operators();
        windows += operators.iter().filter(|(name, _)| *name == "Window").count();
        left.extend(operators.into_iter().filter(|(_, own)| !own).map(|(name, _)| (owner, name.to_owned())));
    }
    // Only one grouping by lists is left to DataFusion.
    assert_eq!(left, [("protected-new-nationality/kept", "AggregateExec".to_owned())]);
    assert!(windows > 50, "{windows}");
}
