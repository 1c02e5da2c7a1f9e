//! What a judged sample says of the whole: a share with its interval.

/// Standard deviations of an interval that holds the truth 95 times in 100.
const Z: f64 = 1.959_964;

/// How many of those that were judged are so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Those that are so.
    pub hits: u32,
    /// All that were judged.
    pub of: u32,
}

impl Share {
    /// The share among those that were judged; none without any.
    #[must_use]
    pub fn point(self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.hits) / f64::from(self.of))
    }

    /// Between what the share of the whole lies, 95 times in 100 (Wilson 1927); everything without any that was judged.
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        let Some(p) = self.point() else {
            return (0.0, 1.0);
        };
        let n = f64::from(self.of);
        let z2 = Z * Z;
        let middle = p + z2 / (2.0 * n);
        let half = Z * ((p * (1.0 - p) + z2 / (4.0 * n)) / n).sqrt();
        let whole = 1.0 + z2 / n;
        (
            ((middle - half) / whole).max(0.0),
            ((middle + half) / whole).min(1.0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_wilson() {
        for (hits, of, low, high) in [
            (8, 10, 0.4902, 0.9433),
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            (1, 1, 0.2065, 1.0),
            (50, 100, 0.4038, 0.5962),
            (0, 0, 0.0, 1.0),
        ] {
            let (from, to) = Share { hits, of }.interval();
            assert!((from - low).abs() < 1e-4, "{hits}/{of}: {from}");
            assert!((to - high).abs() < 1e-4, "{hits}/{of}: {to}");
        }
    }
}
