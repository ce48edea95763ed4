//! Which stretches of time a rule's query is run over: the regular window that ends now, those that catch up with late
//! telemetry, and the halves of one that holds too much. All times are microseconds since 1970.

use bartizan_store::arrivals::Span;

/// The end of a window that ends with the future: events may be dated ahead.
pub(super) const OPEN: i64 = i64::MAX;

/// What of the arrivals the regular window, which begins at `regular`, does not reach; nothing before `bound`.
pub(super) fn late(arrived: Option<Span>, regular: i64, bound: i64) -> Option<Span> {
    let arrived = arrived?;
    let late = Span {
        from: arrived.from.max(bound),
        to: arrived.to.min(regular - 1),
    };
    (late.from <= late.to).then_some(late)
}

/// A backlog that holds both.
pub(super) fn joined(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.with(other)),
        (one, other) => one.or(other),
    }
}

/// How windows that catch up follow one another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long each is: the rule's look-back, since its query may count over it.
    pub(super) lookback: i64,
    /// How far the next ends after it.
    step: i64,
    /// Where the regular window begins.
    regular: i64,
}

impl Pace {
    /// As the rule would have run in time, but at most four windows over an event: what lies three quarters of a
    /// look-back apart is seen together.
    pub(super) fn new(lookback: i64, frequency: i64, regular: i64) -> Self {
        Self {
            lookback,
            step: frequency.max(lookback / 4).max(1),
            regular,
        }
    }

    /// The next window over a backlog, and the backlog behind it; `None` when the backlog is done. Windows go on
    /// after the last late event while they still hold it, as regular ones would have.
    pub(super) fn next(self, backlog: Span) -> Option<(Span, Span)> {
        let end = backlog.from.saturating_add(self.step);
        let window = Span {
            from: end.saturating_sub(self.lookback),
            to: end - 1,
        };
        let rest = Span {
            from: end,
            ..backlog
        };
        let over = window.from > backlog.to || window.from >= self.regular;
        (!over).then_some((window, rest))
    }
}

/// The earlier and the later half of a window; `None` when it is a millisecond or less. An open one is cut at `now`
/// first, since little lies behind.
pub(super) fn halves(window: Span, now: i64) -> Option<(Span, Span)> {
    let middle = if window.to == OPEN && window.from < now {
        now
    } else {
        window.from + (window.to - window.from) / 2
    };
    let halves = (
        Span {
            to: middle,
            ..window
        },
        Span {
            from: middle + 1,
            ..window
        },
    );
    (window.to.saturating_sub(window.from) > 1_000).then_some(halves)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn span(from: i64, to: i64) -> Span {
        Span { from, to }
    }

    #[test]
    fn only_what_the_regular_window_does_not_reach_is_late() {
        assert_eq!(late(Some(span(10, 90)), 50, 0), Some(span(10, 49)));
        assert_eq!(late(Some(span(10, 90)), 50, 30), Some(span(30, 49)));
        assert_eq!(late(Some(span(50, 90)), 50, 0), None);
        assert_eq!(late(Some(span(10, 20)), 50, 30), None);
    }

    #[test]
    fn every_late_event_is_in_windows_as_if_it_had_come_in_time() {
        let now = 1_000 * HOUR;
        for (lookback, frequency) in [(4, 1), (1, 1), (24, 1), (3, 2)] {
            let (lookback, frequency) = (lookback * HOUR, frequency * HOUR);
            let pace = Pace::new(lookback, frequency, now - lookback);
            let backlog = span(now - 200 * HOUR, now - 100 * HOUR);
            let mut windows: Vec<Span> = Vec::new();
            let mut rest = backlog;
            while let Some((window, left)) = pace.next(rest) {
                windows.push(window);
                rest = left;
            }
            for at in (backlog.from..=backlog.to).step_by(HOUR as usize / 3) {
                // The event is seen, and so is what happened shortly before and after it.
                for near in [at, at - (lookback - pace.step), at + (lookback - pace.step)] {
                    let both = |w: &&Span| w.from <= at.min(near) && at.max(near) <= w.to;
                    assert!(
                        windows.iter().any(|w| both(&w)),
                        "{lookback} {frequency} {at} {near}"
                    );
                }
            }
            assert!(windows.iter().all(|w| w.to - w.from + 1 == lookback));
        }
    }

    #[test]
    fn halves_cover_the_whole() {
        let (early, late) = halves(span(0, OPEN), 500).expect("halves");
        assert_eq!((early, late), (span(0, 500), span(501, OPEN)));
        let (early, late) = halves(span(0, 9_999), 500).expect("halves");
        assert_eq!((early.from, early.to + 1, late.to), (0, late.from, 9_999));
        assert_eq!(halves(span(0, 1_000), 500), None);
    }
}
