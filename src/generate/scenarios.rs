//! The planted stories: for each rule, breaches of every tier and the innocent explanations.

use super::dice::Dice;
use super::truth::Kind;

macro_rules! scenarios {
    ($($rule:literal $kind:ident { $($name:ident $code:literal,)* })*) => {
        /// A story that one person lives; its name in the truth table is `code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Scenario { $($($name,)*)* }

        impl Scenario {
            #[cfg(test)]
            pub(super) const ALL: &[Scenario] = &[$($(Scenario::$name,)*)*];

            pub(super) const fn rule_id(self) -> &'static str {
                match self { $($(Scenario::$name => $rule,)*)* }
            }

            pub(super) const fn kind(self) -> Kind {
                match self { $($(Scenario::$name => Kind::$kind,)*)* }
            }

            pub(super) const fn code(self) -> &'static str {
                match self { $($(Scenario::$name => $code,)*)* }
            }
        }
    };
}

scenarios! {
    "work-not-started" Breach {
        NeverWorks "never-works", StartsInFifthMonth "starts-in-fifth-month", StartsTooLate "starts-too-late",
        DeclaredLate "declared-late", SalaryRetracted "salary-retracted", NaturalisedLater "naturalised-later",
    }
    "work-not-started" Trap {
        StartNotice "start-notice", ExcusedFromStart "excused-from-start", EmployerBankrupt "employer-bankrupt",
        LateCard "late-card", ShortPermit "short-permit", ReplacedEarly "replaced-early", DiedEarly "died-early",
        ProtectedNotStarted "protected-person", PaidInFourthMonth "paid-in-fourth-month",
    }
    "salary-below-floor" Breach {
        ShortDip "short-dip", LongDip "long-dip", DeepDip "deep-dip", CorrectedDown "corrected-down",
        CorrectedUp "corrected-up",
    }
    "salary-below-floor" Trap {
        ExactTolerance "exact-tolerance", OneBadMonth "one-bad-month", PaymentShift "payment-shift",
        PartMonths "part-months-at-ends", ExcusedDip "excused-months", UnpaidLeave "unpaid-leave", OldFloor "old-floor",
        IncompletePartial "employer-incomplete-partial", IncompleteMissing "employer-incomplete-missing",
    }
    "employer-mismatch" Breach {
        SwitchedEmployer "switched-employer", SwitchedBack "switched-and-returned",
        MovedByCorrection "moved-by-correction", MendedByCorrection "mended-by-correction", SideIncome "side-income",
        SideIncomeThenSwitched "side-income-then-switched",
    }
    "employer-mismatch" Trap {
        BusinessTransfer "business-transfer", PayrollProvider "payroll-provider", InsurerPays "insurer-pays",
        PendingApplication "pending-application", SecondPermitted "second-permitted-employer",
        OneMonthElsewhere "one-month-elsewhere", SmallElsewhere "below-amount-elsewhere",
        AfterTied "after-tied-period",
    }
    "study-not-registered" Breach {
        NeverRegisters "never-registers", RegistersLate "registers-late", RegistersVeryLate "registers-very-late",
        ReportedLate "reported-late", RegistrationRetracted "registration-retracted",
        StopsStudying "stops-after-first-term",
    }
    "study-not-registered" Trap {
        Deferred "deferred-start", OnLeave "leave-granted", Graduated "degree",
        DoctoralEmployment "doctoral-employment", ExchangeOut "exchange-out",
        SilentInstitution "institution-does-not-report", LateDecision "late-decision",
        LastDayRegistration "registered-on-last-day", OtherInstitution "other-institution",
        StudentProtected "protected-person",
    }
    "permanent-permit-emigrated" Breach {
        Emigrated "emigrated", EmigratedReturned "emigrated-and-returned", EmigratedCorrected "corrected-after-wait",
        EmigratedKnownLate "known-late", EmigratedToldAhead "told-ahead", KeepNoticeExpired "keep-notice-expired",
    }
    "permanent-permit-emigrated" Trap {
        CorrectedInTime "corrected-by-next-post", ReturnedInTime "registered-again-in-time", KeepNotice "keep-notice",
        StateService "state-service-abroad", NaturalisedBefore "naturalised", DiedAbroad "deceased",
        EmigratedChild "minor", EmigratedProtected "protected-person",
    }
    "protected-home-travel" Breach {
        ShortHomeStay "short-stay", LongHomeStay "long-stay", RepeatedHomeStays "repeated-stays",
        HomeNinetyDays "ninety-days", SettledHome "moved-there", HomeStayKnownLate "known-late",
        HomeStayRetracted "notice-retracted", ReturnUnseen "return-unseen",
        ReturnByAnotherWay "return-by-another-way", HomeStayBetweenPermits "stay-between-permits",
        HomeStaySettled "stay-settled-by-renewal", HomeStayAfterRenewal "stay-known-after-renewal",
    }
    "protected-home-travel" Trap {
        ThirdCountry "third-country", TransitOnly "transit-only", StatusEnded "status-ended-before",
        ExcusedVisit "home-visit-excused", BeforeDeclaration "before-declaration",
        UndocumentedStay "no-document-seen", CitizenshipCountry "citizenship-not-tested", HomeVisitMinor "minor",
        HomeVisitProtected "protected-person", MoveCalledOff "move-called-off",
    }
    "identity-changed" Breach {
        BirthYearChanged "birth-year-changed", BirthDayChanged "birth-day-changed", NameReplaced "name-replaced",
        CitizenshipReplaced "citizenship-replaced", TwoFieldsChanged "two-fields-changed",
        AdulthoodCrossed "adulthood-crossed", ChangeCorrected "changed-and-corrected",
        NamePartReplaced "name-part-replaced", NameInCyrillic "name-in-cyrillic",
        CitizenshipAdded "citizenship-added",
    }
    "identity-changed" Trap {
        MarriageName "marriage-name", EstimatedBirthday "estimated-birthday", SerialChanged "serial-number-changed",
        Transliteration "transliteration", IdentityProtected "protected-person", Naturalised "naturalised",
        NumberMoved "coordination-to-personal-number", StateSucceeded "state-succeeded",
        CitizenshipUnknown "citizenship-unknown",
    }
    "payment-after-permit-end" Breach {
        ExpiredStillPaid "expired-still-paid", RevokedStillPaid "revoked-still-paid",
        RevocationKnownLate "revocation-known-late", AppliedTooLate "applied-too-late",
        PaymentsRetracted "payments-retracted",
    }
    "payment-after-permit-end" Trap {
        AppliedInTime "applied-in-time", NewPermit "new-permit", Inhibited "inhibition",
        WorkBased "work-based-benefit", FirstThirtyOneDays "first-31-days", Arrears "paid-in-arrears",
        EuRight "eu-right-of-residence",
    }
    "employment-ended" Breach {
        JobEnds "job-ends", JobEndsNotified "job-ends-notified", JobEndsDeparture "job-ends-departure",
        JobEndsResumed "job-ends-resumed", JobEndsDeclaredLate "job-ends-declared-late",
        JobEndsRefused "job-ends-refused", ExtensionUnworked "extension-unworked",
    }
    "employment-ended" Trap {
        JobEndsApplied "job-ends-applied", JobEndsExcused "job-ends-excused", JobEndsTwoMonths "job-ends-two-months",
        JobEndsLongerTime "job-ends-longer-time", JobEndsNewContract "job-ends-new-contract",
        JobEndsSeverance "job-ends-severance", JobEndsProtected "job-ends-protected",
        WorksInSpiteOfTip "works-in-spite-of-tip",
    }
    "blue-card-unemployment" Breach {
        CardIdle "card-idle", CardIdleInParts "card-idle-in-parts", CardIdleLong "card-idle-long",
    }
    "blue-card-unemployment" Trap {
        CardIdleThreeMonths "card-idle-three-months", CardIdleSixMonths "card-idle-six-months",
        CardIdleExcused "card-idle-excused", CardIdleContract "card-idle-contract",
        CardIdleMobility "card-idle-mobility",
    }
    "salary-below-offered" Breach {
        OfferMissedDeep "offer-missed-deep", OfferMissedSlightly "offer-missed-slightly",
        OfferMissedForAWhile "offer-missed-for-a-while",
    }
    "salary-below-offered" Trap {
        OfferExact "offer-exact", OfferTwoLowMonths "offer-two-low-months", OfferExcused "offer-excused",
        OfferShifted "offer-shifted",
    }
    "blue-card-salary-low" Breach {
        CardLow "card-low", CardLowNoticed "card-low-noticed", CardLowMended "card-low-mended",
    }
    "blue-card-salary-low" Trap {
        CardLowExact "card-low-exact", CardBonus "card-bonus", CardLowExcused "card-low-excused",
    }
    "work-without-right" Breach {
        ExpiredStillWorks "expired-still-works", ExpiredLongStay "expired-long-stay",
        ExpiredAppliedLate "expired-applied-late",
    }
    "work-without-right" Trap {
        AsylumWorks "asylum-works", AsylumMayWork "asylum-may-work", ExpiredArrears "expired-arrears",
        ExpiredApplied "expired-applied", ExpiredNewPermit "expired-new-permit", ExpiredSmallPay "expired-small-pay",
        ExpiredInsured "expired-insured",
    }
    "salary-drop" Breach {
        SalaryDrops "salary-drops", SalaryDropsAndRecovers "salary-drops-and-recovers",
        CardSalaryDrops "card-salary-drops",
    }
    "salary-drop" Trap {
        SalaryDropsLittle "salary-drops-little", SalaryVaries "salary-varies",
        SalaryDropExcused "salary-drop-excused", SalaryDropShifted "salary-drop-shifted",
        SalaryDropsEarly "salary-drops-early",
    }
    "seasonal-limit" Breach {
        SeasonTwice "season-twice", SeasonPaidLater "season-paid-later",
    }
    "seasonal-limit" Trap {
        SeasonExact "season-exact", SeasonsApart "seasons-apart", SeasonArrears "season-arrears",
        SeasonApplied "season-applied",
    }
    "study-interrupted" Breach {
        StudiesStopped "studies-stopped", StudiesStoppedSmallCourse "studies-stopped-small-course",
        StudiesResumed "studies-resumed", OfferReturned "offer-returned",
    }
    "study-interrupted" Trap {
        StudiesSwitched "studies-switched", StudiesOnLeave "studies-on-leave", StudiesGraduated "studies-graduated",
        CourseDropped "course-dropped",
    }
    "study-low-progress" Breach {
        NoCredits "no-credits", FewCredits "few-credits", FewCreditsTip "few-credits-tip",
        CreditsReportedLate "credits-reported-late",
    }
    "study-low-progress" Trap {
        EnoughCredits "enough-credits", ProgressLeave "progress-leave", ProgressExcused "progress-excused",
        ProgressRetake "progress-retake",
    }
    "study-purpose-drift" Breach {
        DriftOneTerm "drift-one-term", DriftTwoTerms "drift-two-terms", DriftUnregistered "drift-unregistered",
    }
    "study-purpose-drift" Trap {
        WorksAndStudies "works-and-studies", DriftThreeMonths "drift-three-months", DriftDoctoral "drift-doctoral",
        DriftOneCourse "drift-one-course",
    }
    "no-arrival-after-grant" Breach {
        NoArrivalWorker "no-arrival-worker", NoArrivalStudent "no-arrival-student",
        NoArrivalSpouse "no-arrival-spouse", NoArrivalSelfEmployed "no-arrival-self-employed",
        ArrivedTooLate "arrived-too-late",
    }
    "no-arrival-after-grant" Trap {
        ArrivedByCard "arrived-by-card", ArrivedByJourney "arrived-by-journey",
        ArrivedAfterLateDecision "arrived-after-late-decision", ArrivedSpouse "arrived-spouse",
        ArrivedOnLastDays "arrived-on-last-days", NoArrivalMinor "no-arrival-minor",
        NoArrivalProtected "no-arrival-protected",
    }
    "temporary-permit-deregistered" Breach {
        Departed "departed", Disappeared "disappeared", DisappearedTip "disappeared-tip",
        DepartedReturned "departed-returned", DepartedCorrected "departed-corrected",
        DepartedToldAhead "departed-told-ahead", DepartedBeforeExtension "departed-before-extension",
        DepartedThenDisappeared "departed-then-disappeared",
    }
    "temporary-permit-deregistered" Trap {
        DepartedNearEnd "departed-near-end", DepartedDead "departed-dead", DepartedNaturalised "departed-naturalised",
        DepartedProtected "departed-protected", DepartedMinor "departed-minor", DepartedWithdrawn "departed-withdrawn",
    }
    "ltr-absence-limit" Breach {
        Absent "absent", AbsentSinceVisit "absent-since-visit", AbsentReturned "absent-returned",
    }
    "ltr-absence-limit" Trap {
        AbsentTenMonths "absent-ten-months", AbsentWithinEu "absent-within-eu", AbsentWithVisits "absent-with-visits",
        AbsentAfterBlueCard "absent-after-blue-card",
    }
    "protected-home-passport" Breach {
        HomePassportIssued "home-passport-issued", HomePassportUsed "home-passport-used",
        HomePassportVisit "home-passport-visit", HomePassportSubsidiary "home-passport-subsidiary",
        HomePassportAfterRenewal "home-passport-known-after-renewal",
    }
    "protected-home-passport" Trap {
        HomePassportUnused "home-passport-unused", HomePassportAfterStatus "home-passport-after-status",
        OtherPassport "other-passport", OldPassportAlone "old-passport-alone",
        HomePassportMinor "home-passport-minor", HomePassportProtected "home-passport-protected",
    }
    "protected-new-nationality" Breach {
        NewCitizenship "new-citizenship", NewCitizenshipLost "new-citizenship-lost",
        NewCitizenshipMistaken "new-citizenship-mistaken",
        NewCitizenshipAfterRenewal "new-citizenship-known-after-renewal",
    }
    "protected-new-nationality" Trap {
        NewCitizenshipSwedish "new-citizenship-swedish", StatelessClarified "stateless-clarified",
        CitizenshipCodeCorrected "citizenship-code-corrected", NewCitizenshipSubsidiary "new-citizenship-subsidiary",
    }
    "false-or-duplicate-identity" Breach {
        FalseIdentity "false-identity", FalseIdentityCorrected "false-identity-corrected",
        SharedPassport "shared-passport", SharedNumber "shared-number", SharedNumberMerged "shared-number-merged",
        UnsureNumber "unsure-number", UnsureNumberRaised "unsure-number-raised",
    }
    "false-or-duplicate-identity" Trap {
        PassportInSequence "passport-in-sequence", SharedWithProtected "shared-with-protected",
        NumberLinkEnded "number-link-ended", UnsureProtection "unsure-protection",
    }
    "family-tie-ended" Breach {
        Divorced "divorced", DivorcedDependant "divorced-dependant", DivorcedTip "divorced-tip",
        DivorceCorrected "divorce-corrected", MarriedAgain "married-again", AnchorMarries "anchor-marries",
        LiveApart "live-apart", LiveTogetherAgain "live-together-again",
    }
    "family-tie-ended" Trap {
        LiveApartForAWhile "live-apart-for-a-while", Widowed "widowed", DivorceAfterViolence "divorce-after-violence",
        DivorceOfProtected "divorce-of-protected", DivorceWithApplication "divorce-with-application",
    }
    "anchor-permit-lost" Breach {
        AnchorRevoked "anchor-revoked", AnchorExpires "anchor-expires", AnchorRefused "anchor-refused",
        AnchorEmigrates "anchor-emigrates", AnchorMovesWithPermit "anchor-moves-with-permit",
        AnchorReturns "anchor-returns", AnchorDies "anchor-dies",
    }
    "anchor-permit-lost" Trap {
        AnchorAppliesInTime "anchor-applies-in-time", AnchorExtends "anchor-extends",
        AnchorNaturalised "anchor-naturalised", AnchorInhibited "anchor-inhibited",
        DependantHasOwn "dependant-has-own", AnchorOfMinorRevoked "anchor-of-minor-revoked",
    }
    "benefit-after-emigration" Breach {
        PaidAfterMove "paid-after-move", PaidAfterMoveTemporary "paid-after-move-temporary",
        PaidAfterMoveUndone "paid-after-move-undone", PaidAfterMoveCorrected "paid-after-move-corrected",
        PaidBeforeReturn "paid-before-return",
    }
    "benefit-after-emigration" Trap {
        PaidForSevenDays "paid-for-seven-days", PaidInArrears "paid-in-arrears", PaidForWork "paid-for-work",
        PaidInStateService "paid-in-state-service", PaidWithinEu "paid-within-eu",
    }
    "allowance-with-income" Breach {
        AllowanceAndWork "allowance-and-work", AllowanceAfterGrant "allowance-after-grant",
        AllowanceAfterMove "allowance-after-move",
    }
    "allowance-with-income" Trap {
        AllowanceReported "allowance-reported", AllowanceOneMonth "allowance-one-month",
        AllowanceFirstMonth "allowance-first-month", AllowanceSmallPay "allowance-small-pay",
        AllowanceInGrantMonth "allowance-in-grant-month",
    }
    "employer-breach-cluster" Breach {
        ClusterOfBreaches "cluster-of-breaches",
    }
    "employer-breach-cluster" Trap {
        ClusterFew "cluster-few", ClusterSmall "cluster-small", ClusterBankrupt "cluster-bankrupt",
    }
    "declarations-backfilled" Breach {
        Backfilled "backfilled", BackfilledInRow "backfilled-in-row",
        CorrectedBeforeExtension "corrected-before-extension",
    }
    "declarations-backfilled" Trap {
        BackfilledTwoMonths "backfilled-two-months", DeclaredSlightlyLate "declared-slightly-late",
        DeclaredLongBefore "declared-long-before", DeclaredLateUnasked "declared-late-unasked",
    }
    "revocation-unserved" Breach {
        RevocationUnserved "revocation-unserved", RevocationServedLate "revocation-served-late",
        RevokedStillHere "revoked-still-here", RevocationReachable "revocation-reachable",
    }
    "revocation-unserved" Trap {
        RevokedLeftInTime "revoked-left-in-time", RevocationInhibited "revocation-inhibited",
        RevokedWithNewPermit "revoked-with-new-permit",
    }
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
