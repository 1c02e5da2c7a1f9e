//! Durations as settings write them: `"90s"`, `"5m"`, `"1h 30m"`, `"6h"`, or a plain number of seconds.

use std::{fmt, time::Duration};

use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

/// Writes whole seconds in the largest unit that needs no fraction.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = duration.as_secs();
    let text = match seconds {
        s if s > 0 && s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    };
    serializer.serialize_str(&text)
}

/// Reads a duration.
///
/// # Errors
/// The text is no duration, or a negative one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(DurationVisitor)
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"90s\", \"5m\" or \"6h\", or a number of seconds")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| E::custom("a duration cannot be negative"))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        if let Ok(seconds) = text.trim().parse() {
            return Ok(Duration::from_secs(seconds));
        }
        let refuse = || {
            E::custom(format!(
                "{text:?} is no duration; write for example \"90s\", \"5m\" or \"6h\""
            ))
        };
        let signed: jiff::SignedDuration = text.trim().parse().map_err(|_| refuse())?;
        Duration::try_from(signed).map_err(|_| refuse())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Setting(#[serde(with = "super")] Duration);

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (json, seconds) in [
            ("\"90s\"", 90),
            ("\"5m\"", 300),
            ("\"1h 30m\"", 5_400),
            ("\"7\"", 7),
            ("12", 12),
        ] {
            let setting: Setting = serde_json::from_str(json).unwrap();
            assert_eq!(setting.0.as_secs(), seconds, "{json}");
        }
        for json in ["\"soon\"", "-1", "\"-5m\"", "\"\""] {
            assert!(serde_json::from_str::<Setting>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for seconds in [0, 1, 59, 60, 90, 3_600, 86_400] {
            let text = serde_json::to_string(&Setting(Duration::from_secs(seconds))).unwrap();
            assert_eq!(
                serde_json::from_str::<Setting>(&text).unwrap().0.as_secs(),
                seconds,
                "{text}"
            );
        }
    }
}
