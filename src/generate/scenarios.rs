//! The planted stories: for each rule, breaches of every tier and the innocent explanations.

use super::dice::Dice;
use super::truth::Kind;

macro_rules! scenarios {
    ($($name:ident => $rule:literal, $kind:ident, $code:literal;)*) => {
        /// A story that one person lives; its name in the truth table is `code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Scenario { $($name,)* }

        impl Scenario {
            #[cfg(test)]
            pub(super) const ALL: &[Scenario] = &[$(Scenario::$name,)*];

            pub(super) const fn rule_id(self) -> &'static str {
                match self { $(Scenario::$name => $rule,)* }
            }

            pub(super) const fn kind(self) -> Kind {
                match self { $(Scenario::$name => Kind::$kind,)* }
            }

            pub(super) const fn code(self) -> &'static str {
                match self { $(Scenario::$name => $code,)* }
            }
        }
    };
}

scenarios! {
    NeverWorks => "work-not-started", Breach, "never-works";
    StartsInFifthMonth => "work-not-started", Breach, "starts-in-fifth-month";
    StartsTooLate => "work-not-started", Breach, "starts-too-late";
    DeclaredLate => "work-not-started", Breach, "declared-late";
    SalaryRetracted => "work-not-started", Breach, "salary-retracted";
    NaturalisedLater => "work-not-started", Breach, "naturalised-later";
    StartNotice => "work-not-started", Trap, "start-notice";
    ExcusedFromStart => "work-not-started", Trap, "excused-from-start";
    EmployerBankrupt => "work-not-started", Trap, "employer-bankrupt";
    LateCard => "work-not-started", Trap, "late-card";
    ShortPermit => "work-not-started", Trap, "short-permit";
    ReplacedEarly => "work-not-started", Trap, "replaced-early";
    DiedEarly => "work-not-started", Trap, "died-early";
    ProtectedNotStarted => "work-not-started", Trap, "protected-person";
    PaidInFourthMonth => "work-not-started", Trap, "paid-in-fourth-month";

    ShortDip => "salary-below-floor", Breach, "short-dip";
    LongDip => "salary-below-floor", Breach, "long-dip";
    DeepDip => "salary-below-floor", Breach, "deep-dip";
    CorrectedDown => "salary-below-floor", Breach, "corrected-down";
    CorrectedUp => "salary-below-floor", Breach, "corrected-up";
    ExactTolerance => "salary-below-floor", Trap, "exact-tolerance";
    OneBadMonth => "salary-below-floor", Trap, "one-bad-month";
    PaymentShift => "salary-below-floor", Trap, "payment-shift";
    PartMonths => "salary-below-floor", Trap, "part-months-at-ends";
    ExcusedDip => "salary-below-floor", Trap, "excused-months";
    OldFloor => "salary-below-floor", Trap, "old-floor";
    IncompletePartial => "salary-below-floor", Trap, "employer-incomplete-partial";
    IncompleteMissing => "salary-below-floor", Trap, "employer-incomplete-missing";

    SwitchedEmployer => "employer-mismatch", Breach, "switched-employer";
    SwitchedBack => "employer-mismatch", Breach, "switched-and-returned";
    MovedByCorrection => "employer-mismatch", Breach, "moved-by-correction";
    MendedByCorrection => "employer-mismatch", Breach, "mended-by-correction";
    SideIncome => "employer-mismatch", Breach, "side-income";
    BusinessTransfer => "employer-mismatch", Trap, "business-transfer";
    PayrollProvider => "employer-mismatch", Trap, "payroll-provider";
    InsurerPays => "employer-mismatch", Trap, "insurer-pays";
    PendingApplication => "employer-mismatch", Trap, "pending-application";
    SecondPermitted => "employer-mismatch", Trap, "second-permitted-employer";
    OneMonthElsewhere => "employer-mismatch", Trap, "one-month-elsewhere";
    SmallElsewhere => "employer-mismatch", Trap, "below-amount-elsewhere";
    AfterTied => "employer-mismatch", Trap, "after-tied-period";

    NeverRegisters => "study-not-registered", Breach, "never-registers";
    RegistersLate => "study-not-registered", Breach, "registers-late";
    RegistersVeryLate => "study-not-registered", Breach, "registers-very-late";
    ReportedLate => "study-not-registered", Breach, "reported-late";
    RegistrationRetracted => "study-not-registered", Breach, "registration-retracted";
    StopsStudying => "study-not-registered", Breach, "stops-after-first-term";
    Deferred => "study-not-registered", Trap, "deferred-start";
    OnLeave => "study-not-registered", Trap, "leave-granted";
    Graduated => "study-not-registered", Trap, "degree";
    DoctoralEmployment => "study-not-registered", Trap, "doctoral-employment";
    ExchangeOut => "study-not-registered", Trap, "exchange-out";
    SilentInstitution => "study-not-registered", Trap, "institution-does-not-report";
    LateDecision => "study-not-registered", Trap, "late-decision";
    LastDayRegistration => "study-not-registered", Trap, "registered-on-last-day";
    OtherInstitution => "study-not-registered", Trap, "other-institution";
    StudentProtected => "study-not-registered", Trap, "protected-person";

    Emigrated => "permanent-permit-emigrated", Breach, "emigrated";
    EmigratedReturned => "permanent-permit-emigrated", Breach, "emigrated-and-returned";
    EmigratedCorrected => "permanent-permit-emigrated", Breach, "corrected-after-wait";
    EmigratedKnownLate => "permanent-permit-emigrated", Breach, "known-late";
    KeepNoticeExpired => "permanent-permit-emigrated", Breach, "keep-notice-expired";
    CorrectedInTime => "permanent-permit-emigrated", Trap, "corrected-by-next-post";
    ReturnedInTime => "permanent-permit-emigrated", Trap, "registered-again-in-time";
    KeepNotice => "permanent-permit-emigrated", Trap, "keep-notice";
    StateService => "permanent-permit-emigrated", Trap, "state-service-abroad";
    NaturalisedBefore => "permanent-permit-emigrated", Trap, "naturalised";
    DiedAbroad => "permanent-permit-emigrated", Trap, "deceased";
    EmigratedChild => "permanent-permit-emigrated", Trap, "minor";
    EmigratedProtected => "permanent-permit-emigrated", Trap, "protected-person";

    ShortHomeStay => "protected-home-travel", Breach, "short-stay";
    LongHomeStay => "protected-home-travel", Breach, "long-stay";
    RepeatedHomeStays => "protected-home-travel", Breach, "repeated-stays";
    HomeNinetyDays => "protected-home-travel", Breach, "ninety-days";
    SettledHome => "protected-home-travel", Breach, "moved-there";
    HomeStayKnownLate => "protected-home-travel", Breach, "known-late";
    HomeStayRetracted => "protected-home-travel", Breach, "notice-retracted";
    ThirdCountry => "protected-home-travel", Trap, "third-country";
    TransitOnly => "protected-home-travel", Trap, "transit-only";
    StatusEnded => "protected-home-travel", Trap, "status-ended-before";
    ExcusedVisit => "protected-home-travel", Trap, "home-visit-excused";
    BeforeDeclaration => "protected-home-travel", Trap, "before-declaration";
    UndocumentedStay => "protected-home-travel", Trap, "no-document-seen";
    CitizenshipCountry => "protected-home-travel", Trap, "citizenship-not-tested";
    HomeVisitMinor => "protected-home-travel", Trap, "minor";
    HomeVisitProtected => "protected-home-travel", Trap, "protected-person";

    BirthYearChanged => "identity-changed", Breach, "birth-year-changed";
    BirthDayChanged => "identity-changed", Breach, "birth-day-changed";
    NameReplaced => "identity-changed", Breach, "name-replaced";
    CitizenshipReplaced => "identity-changed", Breach, "citizenship-replaced";
    TwoFieldsChanged => "identity-changed", Breach, "two-fields-changed";
    AdulthoodCrossed => "identity-changed", Breach, "adulthood-crossed";
    ChangeCorrected => "identity-changed", Breach, "changed-and-corrected";
    MarriageName => "identity-changed", Trap, "marriage-name";
    EstimatedBirthday => "identity-changed", Trap, "estimated-birthday";
    SerialChanged => "identity-changed", Trap, "serial-number-changed";
    Transliteration => "identity-changed", Trap, "transliteration";
    IdentityProtected => "identity-changed", Trap, "protected-person";
    Naturalised => "identity-changed", Trap, "naturalised";
    NumberMoved => "identity-changed", Trap, "coordination-to-personal-number";

    ExpiredStillPaid => "payment-after-permit-end", Breach, "expired-still-paid";
    RevokedStillPaid => "payment-after-permit-end", Breach, "revoked-still-paid";
    RevocationKnownLate => "payment-after-permit-end", Breach, "revocation-known-late";
    AppliedTooLate => "payment-after-permit-end", Breach, "applied-too-late";
    PaymentsRetracted => "payment-after-permit-end", Breach, "payments-retracted";
    AppliedInTime => "payment-after-permit-end", Trap, "applied-in-time";
    NewPermit => "payment-after-permit-end", Trap, "new-permit";
    Inhibited => "payment-after-permit-end", Trap, "inhibition";
    WorkBased => "payment-after-permit-end", Trap, "work-based-benefit";
    FirstThirtyOneDays => "payment-after-permit-end", Trap, "first-31-days";
    Arrears => "payment-after-permit-end", Trap, "paid-in-arrears";
    EuRight => "payment-after-permit-end", Trap, "eu-right-of-residence";
}

/// The share in a thousand of a group that lives each story.
pub(super) type Mix = [(u32, Scenario)];

/// Draws a story; most persons have none.
pub(super) fn draw(dice: &mut Dice, mix: &Mix) -> Option<Scenario> {
    let mut left = dice.below(1000);
    for (share, scenario) in mix {
        if left < u64::from(*share) {
            return Some(*scenario);
        }
        left -= u64::from(*share);
    }
    None
}
