//! Aim: what a live rule rests on and is not the program's own has been approved by somebody who need not be able to write rules.
//! Method: files of each kind are edited in a copy of the rules' directory, and a reload is asked for, with and without the checksum of the
//! edit in the file of approvals.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use permitwatch::config::RulesConfig;
use permitwatch::pipeline::reload::{RulesInForce, in_force};
use sha2::{Digest as _, Sha256};

use crate::drive::repository;
use crate::many_rules::copy_files;

const RULE: &str = "work-not-started";
const OTHER: &str = "permanent-permit-emigrated";

/// A directory of rules with a file of approvals beside it.
struct Reviewed {
    world: tempfile::TempDir,
    config: RulesConfig,
    rules: RulesInForce,
}

impl Reviewed {
    fn new() -> Reviewed {
        let world = tempfile::tempdir().unwrap();
        let dir = world.path().join("queries");
        for part in ["", "views", "links"] {
            copy_files(&repository("queries").join(part), &dir.join(part));
        }
        let approved = world.path().join("approved.sha256");
        std::fs::write(&approved, "# case 17, reviewed 2026-12-03\n").unwrap();
        let config = RulesConfig { dir, approved: Some(approved), ..RulesConfig::default() };
        let rules = RulesInForce::new(in_force(&config).unwrap());
        Reviewed { world, config, rules }
    }

    fn approvals(&self) -> PathBuf {
        self.world.path().join("approved.sha256")
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.config.dir.join(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.config.dir.join(file), text).unwrap();
    }

    /// Adds what `sha256sum` prints of a file.
    fn approve(&self, file: &str) {
        let mut text = std::fs::read_to_string(self.approvals()).unwrap();
        text.push_str(&format!("{}  /srv/queries/{file}\n", hex::encode(Sha256::digest(self.read(file)))));
        std::fs::write(self.approvals(), text).unwrap();
    }

    /// Why the rules as they are now are refused; empty if they are taken.
    fn refused(&self) -> String {
        self.rules
            .reload(&self.config)
            .err()
            .map_or_else(String::new, |error| format!("{:#}", anyhow::Error::from(error)))
    }
}

#[test]
fn what_is_not_the_programs_own_goes_live_with_an_approval_alone() {
    let dir = Reviewed::new();
    assert_eq!(dir.refused(), "", "the program's own texts");
    let rule = format!("{RULE}.sql");
    dir.write(&rule, &dir.read(&rule).replace('\n', "\r\n"));
    assert_eq!(dir.refused(), "", "as an editor of another system saves them");
    dir.write(&rule, &dir.read(&rule).replace("\r\n", "\n"));

    // Each kind of file that officers' alerts rest on.
    let files = [rule.as_str(), "views/salary_months.sql", "links/anchor_permits.sql", "parameters.csv", "words.toml"];
    for file in files {
        let own = dir.read(file);
        let with = |more: &str| match own.strip_prefix("/*\n") {
            Some(rest) => format!("/*\n# {more}\n{rest}"),
            None if file.ends_with(".csv") => format!("{own}{}", "\n".repeat(more.len())),
            None => format!("# {more}\n{own}"),
        };
        dir.write(file, &with("a"));
        let refused = dir.refused();
        assert!(refused.contains(&format!("approved by nobody: {file} (SHA-256 ")), "{file}: {refused}");
        dir.approve(file);
        assert_eq!(dir.refused(), "", "{file}");
        // The next edit ends it.
        dir.write(file, &with("bb"));
        assert!(dir.refused().contains(file), "{file}");
        dir.write(file, &own);
    }
    // A file of the same name elsewhere in the directory is another one.
    let approvals = std::fs::read_to_string(dir.approvals()).unwrap();
    std::fs::write(dir.approvals(), approvals.replace("views/", "links/")).unwrap();
    let view = "views/salary_months.sql";
    dir.write(view, &dir.read(view).replacen("/*\n", "/*\n# a\n", 1));
    assert!(dir.refused().contains(view));
}

#[test]
fn nothing_of_rules_that_are_not_live_needs_an_approval() {
    let mut dir = Reviewed::new();
    let file = format!("{OTHER}.sql");
    let (own, id) = (dir.read(&file), format!("id = \"{OTHER}\"\n"));
    for (stage, needs) in [("shadow", false), ("draft", false), ("retired", false), ("live", true)] {
        let header = format!("{id}stage = \"{stage}\"\nstage_since = 2026-12-01\n");
        dir.write(&file, &own.replacen(&id, &header, 1));
        let refused = dir.refused();
        assert_eq!(refused.contains("approved by nobody"), needs, "{stage}: {refused}");
        assert!(needs || refused.is_empty(), "{stage}: {refused}");
    }
    dir.config.disabled = vec![OTHER.to_owned()];
    assert_eq!(dir.refused(), "", "disabled");
}

#[test]
fn approvals_are_not_for_whoever_writes_rules() {
    let mut dir = Reviewed::new();
    let (approvals, inside) = (dir.approvals(), dir.config.dir.join("approved.sha256"));
    std::fs::copy(&approvals, &inside).unwrap();
    dir.config.approved = Some(inside.clone());
    assert!(dir.refused().contains("lies in the directory of rules"));
    let linked = dir.world.path().join("linked.sha256");
    std::os::unix::fs::symlink(inside, &linked).unwrap();
    dir.config.approved = Some(linked);
    assert!(dir.refused().contains("lies in the directory of rules"));
    dir.config.approved = Some(approvals.clone());
    std::fs::set_permissions(&approvals, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(dir.refused().contains("may be written by everybody"));
    std::fs::set_permissions(&approvals, std::fs::Permissions::from_mode(0o644)).unwrap();
    for line in ["sha256:abc  x.sql", "x.sql", &format!("{} x.sql", "0".repeat(64)), &format!("{}  ", "0".repeat(64))] {
        std::fs::write(&approvals, format!("# of today\n\n{line}\n")).unwrap();
        assert!(dir.refused().contains("line 3 is not as `sha256sum` prints it"), "{line}");
    }
    std::fs::write(&approvals, format!("{} *queries/x.sql\n", "0".repeat(64))).unwrap();
    assert_eq!(dir.refused(), "");
    dir.config.approved = Some(dir.world.path().join("nowhere"));
    assert!(dir.refused().contains("cannot be read"));
}
