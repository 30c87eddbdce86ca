//! `beta_tail_bp`: the probability that a rate is above a limit, after `k` of `n` cases.
//!
//! With whole-number parameters the posterior Beta(A, B), A = a + k and B = b + n - k, needs no special function. By
//! NIST DLMF 8.17.5 (<https://dlmf.nist.gov/8.17.E5>) with N = A + B - 1,
//!
//! ```text
//! I_x(A, B) = sum over j = A..N of C(N, j) x^j (1-x)^(N-j),   so
//! P(rate > x) = 1 - I_x(A, B) = P(J <= A - 1)   with J binomial (N, x).
//! ```
//!
//! The terms are summed relative to the greatest, outwards from it, and divided by their total: no powers, no logarithms, nothing
//! to underflow. Only `+ - * /` on f64 in one order, so every platform gives the same bits; the error is below 1e-9 for the
//! parameters allowed. The result is rounded down to whole basis points, except that a value less than [`TIE`] below a whole one
//! counts as that: otherwise exact ties (one half, say) would depend on the last bit.

/// In basis points; far above the error, and far below any meaningful difference.
const TIE: f64 = 1e-6;
/// Greatest `a + b + n`. Bounds the work to about ten standard deviations of terms.
const MAX_TRIALS: i64 = 1_000_000;
/// Terms below this share of the greatest change no digit that counts (2^-80).
const NEGLIGIBLE: f64 = 8.271_806_125_530_277e-25;

/// P(rate > rate_bp / 10000) in basis points under Beta(a + k, b + n - k); `None` outside the domain:
/// 0 <= k <= n, a >= 1, b >= 1, 0 <= rate_bp <= 10000, a + b + n at most a million.
pub fn tail_bp(k: i64, n: i64, a: i64, b: i64, rate_bp: i64) -> Option<i64> {
    let trials = a.checked_add(b)?.checked_add(n)?;
    if k < 0 || k > n || a < 1 || b < 1 || trials > MAX_TRIALS || !(0..=10_000).contains(&rate_bp) {
        return None;
    }
    match rate_bp {
        0 => return Some(10_000),
        10_000 => return Some(0),
        _ => {}
    }
    let share = share_up_to(a + k - 1, trials - 1, rate_bp);
    // The true value lies strictly between 0 and 1, so it is never 10000 when rounded down.
    Some(((share * 10_000.0 + TIE).floor() as i64).clamp(0, 9_999))
}

/// P(J <= last) for J binomial (trials, rate_bp / 10000), with 0 < rate_bp < 10000 and 0 <= last < trials.
fn share_up_to(last: i64, trials: i64, rate_bp: i64) -> f64 {
    let rest_bp = 10_000 - rate_bp;
    let mode = (trials + 1) * rate_bp / 10_000;
    let (mut below, mut above) = (0.0, 0.0);
    let mut count = |successes: i64, term: f64| {
        if successes <= last {
            below += term;
        } else {
            above += term;
        }
    };
    count(mode, 1.0);
    // term(j - 1) = term(j) * j (1-x) / ((N - j + 1) x)
    let (mut successes, mut term) = (mode, 1.0);
    while successes > 0 && term > NEGLIGIBLE {
        term = term * (successes * rest_bp) as f64 / ((trials - successes + 1) * rate_bp) as f64;
        successes -= 1;
        count(successes, term);
    }
    // term(j + 1) = term(j) * (N - j) x / ((j + 1) (1-x))
    (successes, term) = (mode, 1.0);
    while successes < trials && term > NEGLIGIBLE {
        term = term * ((trials - successes) * rate_bp) as f64 / ((successes + 1) * rest_bp) as f64;
        successes += 1;
        count(successes, term);
    }
    below / (below + above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        let table = include_str!("posterior.csv");
        let rows = table.lines().filter(|line| !line.starts_with('#')).skip(1);
        let mut compared = 0;
        for row in rows {
            let row: Vec<i64> = row.split(',').map(|field| field.parse().unwrap()).collect();
            let [k, n, a, b, rate_bp, wanted] = row[..] else { panic!("{row:?}") };
            assert_eq!(tail_bp(k, n, a, b, rate_bp), Some(wanted), "{row:?}");
            compared += 1;
        }
        assert!(compared > 1_000);
    }

    #[test]
    fn outside_its_domain_there_is_no_answer() {
        assert_eq!(tail_bp(1, 2, 1, 1, 5_000), Some(5_000), "an exact tie");
        for (k, n, a, b, rate_bp) in [
            (3, 2, 1, 1, 100),
            (-1, 2, 1, 1, 100),
            (0, -1, 1, 1, 100),
            (0, 1, 0, 1, 100),
            (0, 1, 1, 0, 100),
            (0, 1, 1, 1, -1),
            (0, 1, 1, 1, 10_001),
            (0, 1_000_000, 1, 1, 100),
            (0, i64::MAX, i64::MAX, 1, 100),
        ] {
            assert_eq!(tail_bp(k, n, a, b, rate_bp), None, "{k} {n} {a} {b} {rate_bp}");
        }
    }

    #[test]
    fn more_cases_never_lower_it() {
        for (n, rate_bp) in [(30, 100), (400, 700), (50_000, 2_500)] {
            let step = (n / 100).max(1) as usize;
            let tails: Vec<i64> = (0..=n).step_by(step).map(|k| tail_bp(k, n, 2, 38, rate_bp).unwrap()).collect();
            assert!(tails.is_sorted(), "{n} {rate_bp}: {tails:?}");
            assert!(tails.first() < tails.last());
        }
    }
}
