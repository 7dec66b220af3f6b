//! "did you mean": what someone who mistyped a word may have wanted.

use strsim::osa_distance;

/// The most that is suggested.
const MOST: usize = 3;

/// The candidates that are similar to `word`, the most similar first, at most [`MOST`].
///
/// Similarity is 1 - distance / length of the longer word, above 0.5; a swap of neighbours counts as
/// one edit (optimal string alignment). Of words with dots or slashes each part must be similar to
/// its own. Those that are exactly as long in parts come alone, if there are any.
pub(crate) fn similar<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut found: Vec<(bool, f64, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let (in_parts, similarity) = compare(word, candidate);
            (similarity > 0.5).then_some((in_parts, similarity, candidate))
        })
        .collect();
    if found.iter().any(|(in_parts, ..)| *in_parts) {
        found.retain(|(in_parts, ..)| *in_parts);
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.cmp(b.2)));
    found.dedup();
    let words = found.into_iter().map(|(.., candidate)| candidate);
    words.take(MOST).collect()
}

/// How similar two words are, and whether that was found out part by part.
fn compare(word: &str, candidate: &str) -> (bool, f64) {
    let parts = |word| str::split(word, ['.', '/']);
    let count = parts(word).count();
    if count < 2 || count != parts(candidate).count() {
        return (false, similarity(word, candidate));
    }
    let each = parts(word).zip(parts(candidate));
    let similarities = each.map(|(a, b)| {
        // What stands for an argument.
        let is_any = b.starts_with('{');
        if is_any { 1.0 } else { similarity(a, b) }
    });
    let (mut least, mut sum) = (1.0_f64, 0.0);
    for similarity in similarities {
        least = least.min(similarity);
        sum += similarity;
    }
    // Few parts: the number is exact as a float.
    #[allow(clippy::cast_precision_loss)]
    let average = sum / count as f64;
    (true, if least > 0.5 { average } else { 0.0 })
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
    fn words_of_several_parts_are_compared_part_by_part() {
        let settings = ["preempt.status", "preempt.ratio", "preempt.text", "timeout"];
        let meant = hint("preempt.statsu", settings);
        assert_eq!(meant, " -> did you mean [preempt.status]?");
        let paths = ["/_cat/routes", "/_cat/routes/{routes}", "/_cat/workers"];
        assert_eq!(
            hint("/_cat/route", paths),
            " -> did you mean [/_cat/routes]?"
        );
        let paths = ["/_routes/{routes}/interrupt", "/_routes/{routes}/settings"];
        assert_eq!(
            hint("/_routes/twice/interupt", paths),
            " -> did you mean [/_routes/{routes}/interrupt]?"
        );
    }

    /// Holds 6.5 of docs/admin-api.md.
    #[test]
    fn at_most_three_are_suggested() {
        let alike = ["word1", "word2", "word3", "word4"];
        assert_eq!(similar("word", alike).len(), 3);
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
