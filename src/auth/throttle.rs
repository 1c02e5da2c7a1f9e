//! How fast passwords may be guessed, and how fast programs may ask.
//!
//! Leaky buckets: an attempt raises a level, time lowers it, and an attempt that would go over the rim is refused
//! unheard. Three of them see each attempt:
//!
//! - that of the pair (address, account) stops one guesser;
//! - that of the address stops one who tries many accounts;
//! - that of the account stops many addresses with one target. It counts an address from its second failure on, so that
//!   the first attempts from anywhere are always heard: guessers cannot keep the account's owner out.

use std::{net::IpAddr, time::Duration};

/// How many attempts fit, and how fast they are forgotten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Attempts in a row.
    pub capacity: f64,
    /// Attempts forgotten in a second.
    pub drain: f64,
}

impl Bucket {
    /// So many in a minute, all of them at once if they come so.
    #[must_use]
    pub fn per_minute(count: u32) -> Self {
        Self {
            capacity: f64::from(count),
            drain: f64::from(count) / 60.0,
        }
    }

    /// The level after one more, which was `level` so long ago.
    ///
    /// # Errors
    /// There is no room; how long until there is, in whole seconds.
    pub fn raised(self, level: f64, idle: Duration) -> Result<f64, Duration> {
        let level = self.drained(level, idle) + 1.0;
        if level <= self.capacity {
            return Ok(level);
        }
        let wait = ((level - self.capacity) / self.drain).ceil().max(1.0);
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// What is left of a level after so long.
    #[must_use]
    pub fn drained(self, level: f64, idle: Duration) -> f64 {
        self.drain.mul_add(-idle.as_secs_f64(), level).max(0.0)
    }
}

/// For one address and one account: five at once, then two a minute.
pub const PAIR: Bucket = Bucket {
    capacity: 5.0,
    drain: 2.0 / 60.0,
};

/// For one address: thirty at once (a newsroom may stand behind one), then six a minute.
pub const ADDRESS: Bucket = Bucket {
    capacity: 30.0,
    drain: 6.0 / 60.0,
};

/// For one account, from addresses that failed on it before: ten at once, then five a minute.
pub const ACCOUNT: Bucket = Bucket {
    capacity: 10.0,
    drain: 5.0 / 60.0,
};

/// For one address, of links that are none: thirty at once, then six a minute.
pub const LINK: Bucket = ADDRESS;

/// After this long an address that failed is a new one again, and its rows may go.
pub const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// The part of an address that one guesser has: all of an IPv4 address, the first 64 bits of an IPv6 address.
#[must_use]
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_takes_as_many_as_it_says_and_tells_when_there_is_room() {
        let bucket = Bucket::per_minute(60);
        let mut level = 0.0;
        for _ in 0..60 {
            level = bucket.raised(level, Duration::ZERO).unwrap();
        }
        assert_eq!(
            bucket.raised(level, Duration::ZERO),
            Err(Duration::from_secs(1))
        );
        let later = bucket.raised(level, Duration::from_secs(1)).unwrap();
        assert!((later - 60.0).abs() < 1e-9);
        assert!(bucket.drained(level, Duration::from_mins(2)).abs() < 1e-9);
    }

    #[test]
    fn one_guesser_has_one_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }
}
