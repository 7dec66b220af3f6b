//! "did you mean": what someone who mistyped a word may have wanted.

use strsim::osa_distance;

/// The candidates that are similar to `word`, the most similar first.
///
/// Similarity is 1 - distance / length of the longer word, above 0.5; a swap of neighbours counts as
/// one edit (optimal string alignment).
pub(crate) fn similar<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut found: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (similarity(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.5)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    found.dedup();
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

fn similarity(a: &str, b: &str) -> f64 {
    let lengths = (a.chars().count(), b.chars().count());
    let (shorter, longer) = (lengths.0.min(lengths.1), lengths.0.max(lengths.1));
    if longer == 0 {
        return 1.0;
    }
    // The distance is at least what one word is longer: no need to measure it against a word of 60 KB.
    if shorter.saturating_mul(2) <= longer {
        return 0.0;
    }
    // Words are short: both numbers are exact as floats.
    #[allow(clippy::cast_precision_loss)]
    let (distance, longer) = (osa_distance(a, b) as f64, longer as f64);
    1.0 - distance / longer
}

/// ` -> did you mean [time]?`, or nothing where nothing is similar.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match similar(word, candidates).as_slice() {
        [] => String::new(),
        [one] => format!(" -> did you mean [{one}]?"),
        several => format!(" -> did you mean any of [{}]?", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 6.6 of docs/admin-api.md.
    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        assert_eq!(hint("tiem", ["time", "size"]), " -> did you mean [time]?");
    }

    /// Holds 6.5 of docs/admin-api.md.
    #[test]
    fn what_is_half_alike_is_not_meant() {
        assert_eq!(hint("ab", ["ac"]), "");
        assert_eq!(hint("time", ["timetime"]), "");
        assert_eq!(hint("time", ["timetim"]), " -> did you mean [timetim]?");
    }

    /// Holds 6.5 of docs/admin-api.md.
    #[test]
    fn the_most_similar_comes_first() {
        assert_eq!(
            hint("status", ["statu", "stats", "statusx"]),
            " -> did you mean any of [statusx, stats, statu]?"
        );
    }
}
