//! What a column's values may be: which sensitive columns they come from, and by which steps.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::decode::codes::is_country_column;
use crate::model::schema::{ColumnType, TableId};
use crate::proofs::keys;
use crate::proofs::lawful::law::Safeguard;

/// What sort of fact a value tells. Sorts follow from the schema's types and names (`sort_of`), or from what a text makes of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Name,
    /// An identity number, or an identifier that may be one.
    Number,
    /// The date of birth within a number.
    NumberDate,
    /// A date of birth as it stands.
    Birth,
    /// A day that was made of one. Beside the date itself it tells where in the year, or in which year, somebody was born.
    BirthMoved,
    /// A day on which somebody comes of age.
    EighteenthBirthday,
    /// Whether somebody had come of age by a day, given by its expression.
    OfAge(Arc<str>),
    Civil,
    CivilDay,
    /// Whether a civil status changed at some time before or after something else.
    CivilNear,
    /// Whether it changed no earlier than some time before or after it.
    CivilLately,
    Citizenship,
    /// How many citizenships.
    Citizenships,
    /// How two statements of citizenship differ; null where one of them states none.
    CitizenshipChange,
    /// How far two names agree.
    Agreement,
    /// The same, but that names agree if a civil status changed lately. Beside the other it tells that it did.
    SparedAgreement,
    Country,
    /// The state that issued a passport: a citizenship in all but name.
    Issuer,
    /// A text made of countries, to be shown.
    CountryText,
    Key,
    OtherPerson,
    /// The permit of another person.
    OtherPermit,
    /// The key of a row that a link shows: it is made of the ids and numbers of whoever shows it.
    LinkKey,
    /// What an excused month has gone into.
    Excuse,
    Spouse,
    Person,
    Secrecy,
    Protected,
    /// The day of the change that a register post reports.
    PostDay,
    /// The number of an employer or institution.
    Id,
    /// The id of a permit, or the key or reference of a record: an alert has it as a token alone.
    Reference,
}

impl Sort {
    /// The safeguard that a wrong use breaks; `None` if any use is right.
    pub fn safeguard(&self) -> Option<Safeguard> {
        Some(match self {
            Sort::Name => Safeguard::Names,
            Sort::Number | Sort::NumberDate => Safeguard::Numbers,
            Sort::Birth | Sort::BirthMoved | Sort::EighteenthBirthday | Sort::OfAge(_) => Safeguard::Age,
            Sort::Civil | Sort::CivilDay | Sort::CivilNear | Sort::CivilLately => Safeguard::CivilStatus,
            Sort::Citizenship | Sort::Citizenships => Safeguard::Citizenship,
            Sort::Country | Sort::Issuer | Sort::CountryText => Safeguard::NamedCountry,
            Sort::Key => Safeguard::Keys,
            Sort::OtherPerson | Sort::OtherPermit | Sort::LinkKey | Sort::Spouse => Safeguard::OtherPersons,
            Sort::Excuse => Safeguard::Favour,
            Sort::Secrecy => Safeguard::Secrecy,
            Sort::CitizenshipChange | Sort::Agreement | Sort::SparedAgreement => return None,
            Sort::Person | Sort::Protected | Sort::PostDay | Sort::Id | Sort::Reference => return None,
        })
    }

    /// Ids that may be held against each other.
    pub fn is_identity(&self) -> bool {
        self.is_of_others()
            || matches!(self, Sort::Number | Sort::Key | Sort::Spouse | Sort::Person | Sort::Id | Sort::Reference)
    }

    /// Ids of other persons and of their permits, and what is made of them.
    pub fn is_of_others(&self) -> bool {
        matches!(self, Sort::OtherPerson | Sort::OtherPermit | Sort::LinkKey)
    }

    pub fn is_of_birth(&self) -> bool {
        matches!(self, Sort::Birth | Sort::BirthMoved | Sort::EighteenthBirthday)
    }

    pub fn is_of_country(&self) -> bool {
        matches!(self, Sort::Country | Sort::Issuer | Sort::Citizenship)
    }

    /// Whether it is a truth about the day of a civil status.
    pub fn is_near(&self) -> bool {
        matches!(self, Sort::CivilNear | Sort::CivilLately)
    }

    pub fn is_civil(&self) -> bool {
        matches!(self, Sort::Civil | Sort::CivilDay) || self.is_near()
    }
}

/// The sort of a column that rules see; `None` for facts that nothing forbids.
pub fn sort_of(table: TableId, column: &str, ty: ColumnType) -> Option<Sort> {
    use ColumnType::*;
    Some(match (column, ty) {
        ("identifier", _) | (_, PersonNumber) => Sort::Number,
        ("spouse_id", _) => Sort::Spouse,
        ("birth_on" | "birth_on_at_grant", _) => Sort::Birth,
        ("civil_status", _) => Sort::Civil,
        ("civil_status_on", _) => Sort::CivilDay,
        ("secrecy_class", _) => Sort::Secrecy,
        ("protected", _) => Sort::Protected,
        ("event_on", _) if matches!(table, TableId::Population | TableId::AnchorPopulation) => Sort::PostDay,
        (_, Text) => Sort::Name,
        (_, CodeList) => Sort::Citizenship,
        ("doc_issuer", _) => Sort::Issuer,
        (_, Code) if is_country_column(column) => Sort::Country,
        (_, Hash) => Sort::Key,
        (_, OtherPerson) => Sort::OtherPerson,
        (_, Person) => Sort::Person,
        // That of an anchor's record is made of the permit that depends on this person.
        (_, RecordKey | Record) if table.is_link() || table == TableId::Anchors => Sort::LinkKey,
        (_, Permit) if !keys::has_own_permit(table) => Sort::OtherPermit,
        (_, Permit | RecordKey | Record) => Sort::Reference,
        (_, Employer | Institution) => Sort::Id,
        _ => return None,
    })
}

/// One step that a value has taken, newest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    what: Box<str>,
    before: Option<Arc<Step>>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    pub sort: Sort,
    pub table: &'static str,
    pub column: &'static str,
    steps: Option<Arc<Step>>,
}

impl Item {
    pub fn new(sort: Sort, table: &'static str, column: &'static str) -> Item {
        Item { sort, table, column, steps: None }
    }

    fn by(&self, what: &str) -> Item {
        let before = self.steps.clone();
        Item { steps: Some(Arc::new(Step { what: what.into(), before })), ..self.clone() }
    }

    fn is_from(&self, other: &Item) -> bool {
        (&self.sort, self.table, self.column) == (&other.sort, other.table, other.column)
    }
}

/// `population.name, then called q, then lower(q)`
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)?;
        let mut steps: Vec<&str> = Vec::new();
        let mut step = self.steps.as_deref();
        while let Some(Step { what, before }) = step {
            if steps.last() != Some(&what.as_ref()) {
                steps.push(what);
            }
            step = before.as_deref();
        }
        steps.iter().rev().try_for_each(|step| write!(f, ", then {step}"))
    }
}

/// Steps that are told of one value.
const MOST_STEPS: usize = 12;

/// What the values of a column or expression may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// Null alone.
    Null,
    /// Facts that nothing forbids, constants other than texts.
    #[default]
    Plain,
    /// These texts.
    Texts(Arc<BTreeSet<String>>),
    Tainted(Arc<Taint>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    pub items: Vec<Item>,
    /// Texts that it may be as well.
    pub texts: BTreeSet<String>,
    /// Whether it may be something else as well.
    pub plain: bool,
}

impl Value {
    pub fn of(item: Item) -> Value {
        Value::Tainted(Arc::new(Taint { items: vec![item], ..Taint::default() }))
    }

    pub fn text(text: &str) -> Value {
        Value::Texts(Arc::new([text.to_owned()].into()))
    }

    pub fn items(&self) -> &[Item] {
        match self {
            Value::Tainted(taint) => &taint.items,
            _ => &[],
        }
    }

    pub fn has(&self, is: impl Fn(&Sort) -> bool) -> Option<&Item> {
        self.items().iter().find(|item| is(&item.sort))
    }

    /// Whether it is nothing but values of such sorts, or null.
    pub fn is_only(&self, is: impl Fn(&Sort) -> bool) -> bool {
        match self {
            Value::Null => true,
            Value::Tainted(taint) => {
                !taint.plain && taint.texts.is_empty() && taint.items.iter().all(|item| is(&item.sort))
            }
            _ => false,
        }
    }

    /// Whether it may be something that no item stands for.
    pub fn is_plain_too(&self) -> bool {
        match self {
            Value::Plain => true,
            Value::Tainted(taint) => taint.plain,
            Value::Null | Value::Texts(_) => false,
        }
    }

    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Value::Texts(texts) => Some(texts.as_ref()),
            Value::Tainted(taint) => Some(&taint.texts),
            _ => None,
        };
        texts.into_iter().flatten().map(String::as_str)
    }

    /// A value that is either of both.
    pub fn or(&self, other: &Value) -> Value {
        match (self, other) {
            (Value::Null, value) | (value, Value::Null) => value.clone(),
            (a, b) if a == b => a.clone(),
            (Value::Texts(a), Value::Texts(b)) => Value::Texts(Arc::new(a.union(b).cloned().collect())),
            (Value::Plain | Value::Texts(_), Value::Plain | Value::Texts(_)) => Value::Plain,
            (a, b) => {
                let mut items: Vec<Item> = a.items().to_vec();
                for item in b.items() {
                    if !items.iter().any(|known| known.is_from(item)) {
                        items.push(item.clone());
                    }
                }
                let texts = a.texts().chain(b.texts()).map(str::to_owned).collect();
                Value::Tainted(Arc::new(Taint { items, texts, plain: a.is_plain_too() || b.is_plain_too() }))
            }
        }
    }

    /// The same after a step.
    pub fn by(&self, what: &str) -> Value {
        self.mapped(|item| if depth(item) < MOST_STEPS { item.by(what) } else { item.clone() })
    }

    /// The same value seen as another sort, after a step.
    pub fn as_sort(&self, sort: &Sort, what: &str) -> Value {
        self.mapped(|item| Item { sort: sort.clone(), ..item.by(what) })
    }

    /// The same with items of some sorts seen as of another.
    pub fn with_sort(&self, is: impl Fn(&Sort) -> bool, sort: &Sort) -> Value {
        self.mapped(|item| if is(&item.sort) { Item { sort: sort.clone(), ..item.clone() } } else { item.clone() })
    }

    /// The value as another row sees it: which day its truth depended on is no longer known.
    pub fn of_another_row(&self) -> Value {
        if self.has(|sort| matches!(sort, Sort::OfAge(_))).is_none() {
            return self.clone();
        }
        self.mapped(|item| match item.sort {
            Sort::OfAge(_) => Item { sort: Sort::OfAge("".into()), ..item.clone() },
            _ => item.clone(),
        })
    }

    fn mapped(&self, change: impl Fn(&Item) -> Item) -> Value {
        match self {
            Value::Tainted(taint) => {
                let items = taint.items.iter().map(change).collect();
                Value::Tainted(Arc::new(Taint { items, ..taint.as_ref().clone() }))
            }
            other => other.clone(),
        }
    }

    /// Without the items of these sorts, which are plain from here on.
    pub fn without(&self, is: impl Fn(&Sort) -> bool) -> Value {
        let Value::Tainted(taint) = self else { return self.clone() };
        let items: Vec<Item> = taint.items.iter().filter(|item| !is(&item.sort)).cloned().collect();
        if items.is_empty() {
            Value::Plain
        } else if items.len() == taint.items.len() {
            self.clone()
        } else {
            Value::Tainted(Arc::new(Taint { items, plain: true, texts: taint.texts.clone() }))
        }
    }
}

fn depth(item: &Item) -> usize {
    let mut steps = item.steps.as_deref();
    std::iter::from_fn(|| {
        let step = steps?;
        steps = step.before.as_deref();
        Some(())
    })
    .count()
}
