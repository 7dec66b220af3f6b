//! "did you mean": suggestions for a mistyped word.

use strsim::osa_distance;

/// Maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// The candidates that are similar to `word`, most similar first, at most [`MAX_SUGGESTIONS`].
///
/// Similarity is 1 - distance / length of the longer word, and must exceed 0.5. A swap of
/// neighbours counts as one edit (optimal string alignment). Words with dots or slashes are
/// compared part by part if both have the same number of parts, and each part must be similar. If
/// there are such matches, only they are returned.
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
    words.take(MAX_SUGGESTIONS).collect()
}

/// The similarity of two words, and true if they were compared part by part.
fn compare(word: &str, candidate: &str) -> (bool, f64) {
    let parts = |word| str::split(word, ['.', '/']);
    let count = parts(word).count();
    if count < 2 || count != parts(candidate).count() {
        return (false, similarity(word, candidate));
    }
    let each = parts(word).zip(parts(candidate));
    let similarities = each.map(|(a, b)| {
        // A placeholder of a path matches everything.
        let is_any = b.starts_with('{');
        if is_any { 1.0 } else { similarity(a, b) }
    });
    let (mut least, mut sum) = (1.0_f64, 0.0);
    for similarity in similarities {
        least = least.min(similarity);
        sum += similarity;
    }
    // Exact: there are few parts.
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
    // The distance is at least the difference in length. This avoids measuring a word of 60 KB.
    if shorter.saturating_mul(2) <= longer {
        return 0.0;
    }
    // Exact: the words are short.
    #[allow(clippy::cast_precision_loss)]
    let (distance, longer) = (osa_distance(a, b) as f64, longer as f64);
    1.0 - distance / longer
}

/// A hint as ` -> did you mean [time]?`, empty if no candidate is similar.
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
    fn a_word_that_is_half_similar_is_not_suggested() {
        assert_eq!(hint("ab", ["ac"]), "");
        assert_eq!(hint("time", ["timetime"]), "");
        assert_eq!(hint("time", ["timetim"]), " -> did you mean [timetim]?");
    }

    /// Holds 6.5 of docs/admin-api.md.
    #[test]
    fn words_with_several_parts_are_compared_part_by_part() {
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
