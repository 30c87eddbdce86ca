//! New rules while running: they are read and proved first, then handed to the shards; if anything is wrong, the old set stays.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use thiserror::Error;

use crate::catalogue::exceptions::Exception;
use crate::catalogue::{Catalogue, CatalogueError, is_left_behind};
use crate::config::{ExceptionConfig, RulesConfig};
use crate::proofs::approved::Approvals;
use crate::rules::RuleSet;
use crate::rules::apart::{STACK_BYTES, apart};
use crate::rules::plan::PlanError;
use crate::shard::LINKS_DIFFER;

/// The catalogue that the instance runs, and how often it has been replaced.
pub struct RulesInForce {
    generation: AtomicU64,
    rules: Mutex<InForce>,
}

struct InForce {
    catalogue: Arc<Catalogue>,
    /// The plans, made when the first shard asks for them. Shards run copies of them.
    planned: Option<RuleSet>,
}

/// What a reload changed, by rule id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
}

/// Why a reload failed; the old rules stay.
#[derive(Debug, Error)]
pub enum ReloadError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("{LINKS_DIFFER}")]
    Links,
    #[error("reading the rules panicked")]
    Panic,
    /// What the rules need outside their directory is not there.
    #[error("{0}")]
    NotReady(String),
}

impl RulesInForce {
    pub fn new(catalogue: Catalogue) -> RulesInForce {
        RulesInForce::of(catalogue, None)
    }

    /// With plans of the catalogue that exist already.
    pub fn planned(catalogue: Catalogue, planned: RuleSet) -> RulesInForce {
        RulesInForce::of(catalogue, Some(planned))
    }

    fn of(catalogue: Catalogue, planned: Option<RuleSet>) -> RulesInForce {
        let rules = InForce { catalogue: Arc::new(catalogue), planned };
        RulesInForce { generation: AtomicU64::new(0), rules: Mutex::new(rules) }
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The catalogue with its generation.
    pub fn get(&self) -> (u64, Arc<Catalogue>) {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        (self.generation(), Arc::clone(&rules.catalogue))
    }

    /// A copy of the planned rules for one shard, with their generation. The first caller has the rules planned.
    pub fn rule_set(&self) -> Result<(u64, RuleSet), PlanError> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = match rules.planned.take() {
            Some(planned) => planned,
            None => RuleSet::plan(&rules.catalogue)?,
        };
        let own = rules.planned.insert(planned).for_shard()?;
        Ok((self.generation(), own))
    }

    /// Reads the directory again. On success the shards find the new catalogue; on an error nothing changes.
    pub fn reload(&self, config: &RulesConfig) -> Result<Changes, ReloadError> {
        self.reload_if(config, |_| Ok(()))
    }

    /// The same if there is what the new rules need: else `is_ready` says what is missing.
    pub fn reload_if(
        &self,
        config: &RulesConfig,
        is_ready: impl FnOnce(&Catalogue) -> Result<(), String>,
    ) -> Result<Changes, ReloadError> {
        let read = || {
            let new = in_force(config)?;
            let planned = RuleSet::plan(&new)?;
            require_approved(config, &new)?;
            Ok((new, planned))
        };
        let (new, planned) = apart(read).unwrap_or(Err(ReloadError::Panic))?;
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if new.link_fingerprint() != rules.catalogue.link_fingerprint() {
            return Err(ReloadError::Links);
        }
        is_ready(&new).map_err(ReloadError::NotReady)?;
        let changes = changes(&rules.catalogue, &new);
        if changes != Changes::default() {
            *rules = InForce { catalogue: Arc::new(new), planned: Some(planned) };
            self.generation.fetch_add(1, Ordering::Release);
        }
        Ok(changes)
    }
}

/// The exceptions from safeguards that a configuration makes.
pub fn exceptions(config: &RulesConfig) -> Vec<Exception> {
    let exception = |of: &ExceptionConfig| Exception {
        text: of.text.clone(),
        safeguard: of.safeguard.clone(),
        reason: of.reason.clone(),
        fingerprint: of.fingerprint.clone(),
        now: None,
    };
    config.exception.iter().map(exception).collect()
}

/// The rules that a live run evaluates, live and shadow: no drafts, no retired or disabled rules and, unless `run_closed` is set, none
/// whose gateway is closed. They are not yet planned, and nobody has asked whether they are approved (`require_approved`).
pub fn in_force(config: &RulesConfig) -> Result<Catalogue, CatalogueError> {
    let mut catalogue = Catalogue::load_with(&config.dir, &config.set, &exceptions(config))?;
    for exception in &catalogue.exceptions {
        tracing::warn!(text = %exception.text, safeguard = %exception.safeguard, reason = %exception.reason, "the configuration makes an exception from a safeguard");
    }
    catalogue.check_disabled(&config.disabled)?;
    for rule in catalogue.retain_lawful(config.run_closed) {
        tracing::warn!(%rule, "not run: no gateway lets it (legal_gate = \"closed\"); rules.run_closed is for made-up data");
    }
    catalogue.retain_running(&config.disabled)?;
    Ok(catalogue)
}

/// Refuses live rules that rest on texts that are neither the program's own nor approved.
pub fn require_approved(config: &RulesConfig, catalogue: &Catalogue) -> Result<(), CatalogueError> {
    Approvals::read(config.approved.as_deref(), &config.dir)?.require(catalogue)
}

fn changes(old: &Catalogue, new: &Catalogue) -> Changes {
    let mut out = Changes::default();
    for rule in &new.rules {
        let id = rule.header.id.clone();
        match old.rule(&id) {
            None => out.added.push(id),
            Some(before)
                if old.fingerprint(before) != new.fingerprint(rule) || before.header.stage() != rule.header.stage() =>
            {
                out.changed.push(id);
            }
            Some(_) => {}
        }
    }
    out.removed = old.rules.iter().map(|rule| rule.header.id.clone()).filter(|id| new.rule(id).is_none()).collect();
    out
}

/// A shard's side of a reload: fetches the new rules on a thread of its own, so that records do not wait for it.
pub struct Reloader {
    rules: Arc<RulesInForce>,
    seen: u64,
    planning: Option<Receiver<(u64, RuleSet)>>,
}

impl Reloader {
    /// `seen` is the generation that the shard runs.
    pub fn new(rules: Arc<RulesInForce>, seen: u64) -> Reloader {
        Reloader { rules, seen, planning: None }
    }

    /// The new rule set, once it is planned for this shard.
    pub fn poll(&mut self) -> Option<RuleSet> {
        if let Some(planning) = &self.planning {
            return match planning.try_recv() {
                Ok((generation, rules)) => {
                    self.seen = generation;
                    self.planning = None;
                    Some(rules)
                }
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    // These rules were planned once before they were handed out, so this is no ordinary failure.
                    tracing::error!("the new rules could not be planned; the old ones stay");
                    self.planning = None;
                    None
                }
            };
        }
        if self.rules.generation() == self.seen {
            return None;
        }
        self.seen = self.rules.generation();
        let rules = Arc::clone(&self.rules);
        let (done, planning) = channel();
        let spawned = std::thread::Builder::new().name("plan-rules".into()).stack_size(STACK_BYTES).spawn(move || {
            if let Ok(planned) = rules.rule_set() {
                let _ = done.send(planned);
            }
        });
        self.planning = spawned.is_ok().then_some(planning);
        None
    }
}

/// Detects changed files in the directory, and changed approvals, by name, size and modification time.
pub struct Watch {
    dir: PathBuf,
    approved: Option<PathBuf>,
    seen: Vec<(PathBuf, u64, Option<SystemTime>)>,
}

impl Watch {
    pub fn new(config: &RulesConfig) -> Watch {
        let (dir, approved) = (config.dir.clone(), config.approved.clone());
        Watch { seen: files(&dir, approved.as_deref()), dir, approved }
    }

    /// Whether anything has changed since the last call.
    pub fn changed(&mut self) -> bool {
        let now = files(&self.dir, self.approved.as_deref());
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn files(dir: &Path, approved: Option<&Path>) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let about_approved = approved.and_then(|file| Some((file, std::fs::metadata(file).ok()?)));
    let mut out: Vec<_> =
        about_approved.map(|(file, about)| (file.to_owned(), about.len(), about.modified().ok())).into_iter().collect();
    for dir in [dir.to_owned(), dir.join("views"), dir.join("links")] {
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            let is_rule =
                path.extension().is_some_and(|end| ["sql", "csv", "toml"].iter().any(|wanted| end == *wanted))
                    && !is_left_behind(&entry.file_name().to_string_lossy());
            if let (true, Ok(about)) = (is_rule, entry.metadata()) {
                out.push((path, about.len(), about.modified().ok()));
            }
        }
    }
    out.sort();
    out
}
