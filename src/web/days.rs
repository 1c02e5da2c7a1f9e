//! Days as forms and addresses name them (`2026-11-25`, UTC), as instants that the database knows.

use std::time::Duration;

use jiff::{civil::Date, tz::TimeZone};

use super::{
    error::WebError,
    search::{FAR_FUTURE_MICROS, FAR_PAST_MICROS},
};
use crate::domain::Timestamp;

const DAY: Duration = Duration::from_hours(24);

/// The first instant of the day that the field `name` holds; none if it holds none.
pub(super) fn begin(name: &str, day: &str) -> Result<Option<Timestamp>, WebError> {
    if day.is_empty() {
        return Ok(None);
    }
    let date: Date = day
        .parse()
        .map_err(|_| WebError::BadRequest(format!("“{name}” is to be a day, as in 2026-11-24.")))?;
    // The last day of all has no midnight that a timestamp could hold.
    let far = if date.year() > 0 {
        FAR_FUTURE_MICROS
    } else {
        FAR_PAST_MICROS
    };
    let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
    Ok(Some(midnight.map_or_else(
        |_| Timestamp::from_micros(far),
        |midnight| clamped(Timestamp::from_jiff(midnight)),
    )))
}

/// The first instant after that day.
pub(super) fn end(name: &str, day: &str) -> Result<Option<Timestamp>, WebError> {
    Ok(begin(name, day)?.map(|begin| clamped(begin.plus(DAY))))
}

/// The nearest instant that the database knows.
fn clamped(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().clamp(FAR_PAST_MICROS, FAR_FUTURE_MICROS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_or_refused() {
        assert!(begin("from", "").is_ok_and(|at| at.is_none()));
        let told = |at: Result<Option<Timestamp>, WebError>| {
            at.ok()
                .flatten()
                .map(|at| at.to_string())
                .unwrap_or_default()
        };
        assert_eq!(told(begin("from", "2026-11-25")), "2026-11-25T00:00:00Z");
        assert_eq!(told(end("to", "2026-11-25")), "2026-11-26T00:00:00Z");
        for bad in ["yesterday", "2026-02-30", "25.11.2026"] {
            assert!(begin("from", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_beyond_all_that_is_stored_are_instants_that_the_database_knows() {
        for day in ["9999-12-31", "-009999-01-01"] {
            for at in [begin("from", day), end("to", day)] {
                let micros = at.ok().flatten().map(Timestamp::as_micros);
                let known = FAR_PAST_MICROS..=FAR_FUTURE_MICROS;
                assert!(micros.is_some_and(|it| known.contains(&it)), "{day}");
            }
        }
    }
}
