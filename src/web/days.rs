//! Days as forms and addresses name them (`2026-11-25`), as instants that the database knows. On pages they are those of the
//! reader's clock, as the times that stand there; programs mean UTC.

use jiff::{civil::Date, tz::TimeZone};

use super::{
    error::WebError,
    reading,
    search::{FAR_FUTURE_MICROS, FAR_PAST_MICROS},
};
use crate::domain::Timestamp;

/// The zone of the days on the page that is being made: the reader's, or UTC without one.
pub(super) fn zone_of_reader() -> TimeZone {
    reading::current().zone.unwrap_or(TimeZone::UTC)
}

/// What a page calls the zone of its days.
pub(super) fn zone_name() -> String {
    let zone = zone_of_reader();
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// The first instant of the day that the field `name` holds; none if it holds none.
pub(super) fn begin(name: &str, day: &str, zone: &TimeZone) -> Result<Option<Timestamp>, WebError> {
    let date = date(name, day)?;
    Ok(date.map(|date| midnight(date, zone)))
}

/// The first instant after that day.
pub(super) fn end(name: &str, day: &str, zone: &TimeZone) -> Result<Option<Timestamp>, WebError> {
    let date = date(name, day)?;
    Ok(date.map(|date| {
        // After the last day of all there is none.
        date.tomorrow().map_or_else(
            |_| Timestamp::from_micros(FAR_FUTURE_MICROS),
            |next| midnight(next, zone),
        )
    }))
}

fn date(name: &str, day: &str) -> Result<Option<Date>, WebError> {
    if day.is_empty() {
        return Ok(None);
    }
    let date = day.parse();
    date.map(Some)
        .map_err(|_| WebError::BadRequest(format!("“{name}” is to be a day, as in 2026-11-24.")))
}

/// When a day begins in a zone: where its clocks leave midnight out, with the next time that they have.
fn midnight(date: Date, zone: &TimeZone) -> Timestamp {
    let far = if date.year() > 0 {
        FAR_FUTURE_MICROS
    } else {
        FAR_PAST_MICROS
    };
    zone.to_timestamp(date.at(0, 0, 0, 0)).map_or_else(
        |_| Timestamp::from_micros(far),
        |begin| clamped(Timestamp::from_jiff(begin)),
    )
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
        let utc = &TimeZone::UTC;
        assert!(begin("from", "", utc).is_ok_and(|at| at.is_none()));
        let told = |at: Result<Option<Timestamp>, WebError>| {
            at.ok()
                .flatten()
                .map(|at| at.to_string())
                .unwrap_or_default()
        };
        assert_eq!(
            told(begin("from", "2026-11-25", utc)),
            "2026-11-25T00:00:00Z"
        );
        assert_eq!(told(end("to", "2026-11-25", utc)), "2026-11-26T00:00:00Z");
        for bad in ["yesterday", "2026-02-30", "25.11.2026"] {
            assert!(begin("from", bad, utc).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_beyond_all_that_is_stored_are_instants_that_the_database_knows() {
        for day in ["9999-12-31", "-009999-01-01"] {
            let utc = &TimeZone::UTC;
            for at in [begin("from", day, utc), end("to", day, utc)] {
                let micros = at.ok().flatten().map(Timestamp::as_micros);
                let known = FAR_PAST_MICROS..=FAR_FUTURE_MICROS;
                assert!(micros.is_some_and(|it| known.contains(&it)), "{day}");
            }
        }
    }

    #[test]
    fn a_day_is_as_long_as_it_is_where_the_reader_is() {
        let read = |day: &str, zone: &str| {
            let zone = reading::zone(zone).unwrap_or(TimeZone::UTC);
            let told = |at: Result<Option<Timestamp>, WebError>| {
                at.ok().flatten().map(|at| at.to_string())
            };
            let day = (told(begin("from", day, &zone)), told(end("to", day, &zone)));
            (day.0.unwrap_or_default(), day.1.unwrap_or_default())
        };
        for (day, zone, from, to) in [
            (
                "2026-11-25",
                "Asia/Seoul",
                "2026-11-24T15:00:00Z",
                "2026-11-25T15:00:00Z",
            ),
            // 25 hours.
            (
                "2026-10-25",
                "Europe/Berlin",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            // It begins at one o'clock.
            (
                "2022-03-22",
                "Asia/Tehran",
                "2022-03-21T20:30:00Z",
                "2022-03-22T19:30:00Z",
            ),
        ] {
            let read = read(day, zone);
            assert_eq!((&*read.0, &*read.1), (from, to), "{day} {zone}");
        }
    }
}
