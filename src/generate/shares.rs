//! The shares of each kind: the only place for the figures that the generator is calibrated on.
//!
//! Sources: permits granted in 2025 as published by Migrationsverket (88,938: work about 23,000, family 25,000, study 16,000,
//! asylum 13,000, EU/EEA 11,000); Riksrevisionen's audit RiR 2023:19 for the base rates of breaches. Figures that neither source
//! has are estimates and are marked as such.

use super::scenarios::{Mix, Scenario::*};

/// Permits in force when the recording starts: half a million (the lower end of the estimates, since holders on whom no register
/// reports anything for years are left out); 78,000 first permits come a year (Migrationsverket 2025 without EU/EEA).
pub(super) const STOCK: u64 = 500_000;
pub(super) const GRANTS_A_YEAR: u64 = 78_000;

/// Groups of persons that live alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cohort {
    Work,
    Study,
    Family,
    Protection,
    Permanent,
    Other,
}

/// Of the first permits of a year, by Migrationsverket's figures for 2025; part of "work" is Blue Card, ICT,
/// seasonal and research (`Other`, with asylum seekers and EU rights).
pub(super) const GRANTED: &[(u32, Cohort)] = &[
    (205, Cohort::Work),
    (190, Cohort::Study),
    (305, Cohort::Family),
    (165, Cohort::Protection),
    (135, Cohort::Other),
];

/// Of the permits that stand (estimate from the yearly flows; permanent permits are by far the most).
pub(super) const STANDING: &[(u32, Cohort)] = &[
    (90, Cohort::Work),
    (45, Cohort::Study),
    (210, Cohort::Family),
    (155, Cohort::Protection),
    (450, Cohort::Permanent),
    (50, Cohort::Other),
];

/// New work permits. RiR 2023:19: about every tenth holder had no earned income (1,700 of 17,000 in 2020), here
/// 9 % not started; the others are estimates of one to four per cent.
pub(super) const WORK_GRANTED: &Mix = &[
    (40, NeverWorks),
    (15, StartsInFifthMonth),
    (10, StartsTooLate),
    (14, DeclaredLate),
    (8, SalaryRetracted),
    (3, NaturalisedLater),
    (6, StartNotice),
    (6, ExcusedFromStart),
    (6, EmployerBankrupt),
    (6, LateCard),
    (5, ShortPermit),
    (4, ReplacedEarly),
    (3, DiedEarly),
    (3, ProtectedNotStarted),
    (6, PaidInFourthMonth),
    (10, ShortDip),
    (10, LongDip),
    (12, DeepDip),
    (9, CorrectedDown),
    (9, CorrectedUp),
    (11, ExactTolerance),
    (11, OneBadMonth),
    (10, PaymentShift),
    (9, PartMonths),
    (10, ExcusedDip),
    (10, UnpaidLeave),
    (8, IncompletePartial),
    (7, IncompleteMissing),
    (18, SwitchedEmployer),
    (12, SwitchedBack),
    (11, MovedByCorrection),
    (11, MendedByCorrection),
    (12, SideIncome),
    (9, SideIncomeThenSwitched),
    (9, BusinessTransfer),
    (9, PayrollProvider),
    (9, InsurerPays),
    (9, PendingApplication),
    (9, SecondPermitted),
    (9, OneMonthElsewhere),
    (9, SmallElsewhere),
];

/// Work permits in force at the start are extensions: their work has started, and they are no longer tied to an employer.
pub(super) const WORK_STANDING: &Mix = &[
    (10, ShortDip),
    (10, LongDip),
    (12, DeepDip),
    (9, CorrectedDown),
    (9, CorrectedUp),
    (11, ExactTolerance),
    (11, OneBadMonth),
    (10, PaymentShift),
    (9, PartMonths),
    (10, ExcusedDip),
    (10, UnpaidLeave),
    (10, OldFloor),
    (16, AfterTied),
];

/// New study permits. RiR 2023:19: about every fourth holder had no registration (2,800 of 11,000); 15 % here.
pub(super) const STUDY_GRANTED: &Mix = &[
    (60, NeverRegisters),
    (30, RegistersLate),
    (15, RegistersVeryLate),
    (10, ReportedLate),
    (10, RegistrationRetracted),
    (25, StopsStudying),
    (10, Deferred),
    (9, OnLeave),
    (8, Graduated),
    (8, DoctoralEmployment),
    (9, ExchangeOut),
    (12, SilentInstitution),
    (10, LateDecision),
    (8, LastDayRegistration),
    (8, OtherInstitution),
    (3, StudentProtected),
];

/// Permanent permits. RiR 2023:19: 9,000 kept after registered emigration; some per cent here, with the estimates
/// of the other rules at one to two per cent.
pub(super) const PERMANENT_STANDING: &Mix = &[
    (16, Emigrated),
    (6, EmigratedReturned),
    (4, EmigratedCorrected),
    (5, EmigratedKnownLate),
    (4, EmigratedToldAhead),
    (5, KeepNoticeExpired),
    (5, CorrectedInTime),
    (4, ReturnedInTime),
    (4, KeepNotice),
    (4, StateService),
    (3, NaturalisedBefore),
    (2, DiedAbroad),
    (3, EmigratedChild),
    (2, EmigratedProtected),
    (3, BirthYearChanged),
    (2, BirthDayChanged),
    (3, NameReplaced),
    (3, CitizenshipReplaced),
    (2, TwoFieldsChanged),
    (2, AdulthoodCrossed),
    (2, ChangeCorrected),
    (4, MarriageName),
    (3, EstimatedBirthday),
    (2, SerialChanged),
    (3, Transliteration),
    (2, IdentityProtected),
    (4, Naturalised),
    (4, RevokedStillPaid),
    (3, RevocationKnownLate),
    (3, Inhibited),
];

/// Family permits (estimates of one to three per cent).
pub(super) const FAMILY_ANY: &Mix = &[
    (3, BirthYearChanged),
    (2, BirthDayChanged),
    (3, NameReplaced),
    (3, CitizenshipReplaced),
    (2, TwoFieldsChanged),
    (2, ChangeCorrected),
    (3, CitizenshipAdded),
    (3, NamePartReplaced),
    (2, NameInCyrillic),
    (3, StateSucceeded),
    (2, CitizenshipUnknown),
    (6, MarriageName),
    (3, EstimatedBirthday),
    (2, SerialChanged),
    (3, Transliteration),
    (2, IdentityProtected),
    (4, NumberMoved),
    (8, ExpiredStillPaid),
    (4, RevokedStillPaid),
    (3, RevocationKnownLate),
    (4, AppliedTooLate),
    (3, PaymentsRetracted),
    (6, AppliedInTime),
    (5, NewPermit),
    (3, Inhibited),
    (4, WorkBased),
    (4, FirstThirtyOneDays),
    (3, Arrears),
    (3, EuRight),
];

/// Protection permits (estimates: some hundred to two thousand home journeys known a year).
pub(super) const PROTECTION_ANY: &Mix = &[
    (8, ShortHomeStay),
    (8, LongHomeStay),
    (5, RepeatedHomeStays),
    (4, HomeNinetyDays),
    (3, SettledHome),
    (5, HomeStayKnownLate),
    (3, HomeStayRetracted),
    (5, ReturnUnseen),
    (5, ReturnByAnotherWay),
    (4, MoveCalledOff),
    (8, ThirdCountry),
    (4, TransitOnly),
    (4, StatusEnded),
    (5, ExcusedVisit),
    (4, BeforeDeclaration),
    (5, UndocumentedStay),
    (4, CitizenshipCountry),
    (4, HomeVisitMinor),
    (3, HomeVisitProtected),
    (4, BirthYearChanged),
    (3, BirthDayChanged),
    (3, NameReplaced),
    (3, NamePartReplaced),
    (3, NameInCyrillic),
    (5, EstimatedBirthday),
    (3, Transliteration),
    (4, ExpiredStillPaid),
    (3, AppliedTooLate),
    (4, AppliedInTime),
    (3, FirstThirtyOneDays),
];

/// Salary statements of one in twenty are corrected (brief of the tax agency's own estimate: about 5 %).
pub(super) const CORRECTED_PERMILLE: u32 = 50;
/// Salary statements withdrawn because they were sent twice (estimate).
pub(super) const WITHDRAWN_PERMILLE: u32 = 3;
/// Salary statements after the due day, but before the month counts as complete (estimate).
pub(super) const LATE_PERMILLE: u32 = 50;
/// Records delivered twice (estimate).
pub(super) const DUPLICATE_PERMILLE: u32 = 2;
/// Persons with a record too old, or dated ahead, to be taken: about one record in a thousand each.
pub(super) const TOO_LATE_PERSONS_PERMILLE: u32 = 25;
pub(super) const FUTURE_PERSONS_PERMILLE: u32 = 25;
/// New holders of whom a register tells something before they are in the population.
pub(super) const EARLY_PERSONS_PERMILLE: u32 = 20;
/// Persons under protection among those without a story (estimate).
pub(super) const PROTECTED_PERMILLE: u32 = 3;
/// Notices of journeys per hundred person-years: holders of Swedish permits are not in the EU's entry/exit
/// system, so only what the police or a mission tells.
pub(super) const JOURNEYS_PER_100_YEARS: i64 = 15;
/// Moves within Sweden per hundred person-years (about 1.5 million a year of 10.6 million persons).
pub(super) const MOVES_PER_100_YEARS: i64 = 14;
