//! Medians, spreads and percentiles.

/// The value below which this part of the values lies; 0 where there are none.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    let (low, high) = ((last * part).floor(), (last * part).ceil());
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or_default();
    at(low) + (at(high) - at(low)) * (last * part - low)
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// What several rounds came to.
#[derive(Clone, Debug, Default)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    /// The round in the middle.
    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    /// The smallest and the largest.
    pub fn range(&self) -> (f64, f64) {
        (quantile(&self.0, 0.0), quantile(&self.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(quantile(&[5.0, 1.0], 1.0), 5.0);
        assert_eq!(median(&[]), 0.0);
    }
}
