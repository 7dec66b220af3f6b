//! Content negotiation between the two formats by `Accept`, RFC 9110, section 12.5.1.

use mediatype::{MediaType, MediaTypeList, Name, ReadParams};

use super::exposition::Exposition;

/// The specificity of a media range. The most specific matching range has precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Anything,
    Type,
    Subtype,
    Version,
}

/// The preferred format of the `Accept` lists. Prometheus text if they have no preference, because
/// people with curl and all scrapers can read it.
pub(super) fn negotiate<'a>(lists: impl Iterator<Item = &'a str>) -> Exposition {
    // Invalid ranges are ignored, like unsupported formats.
    let ranges: Vec<MediaType> = lists
        .flat_map(|list| MediaTypeList::new(list).filter_map(Result::ok))
        .collect();
    let preference = |exposition| {
        let matching = ranges
            .iter()
            .filter_map(|range| Some((specificity(range, exposition)?, quality(range)?)));
        // The quality of the most specific range applies.
        matching.max_by(|(a, p), (b, q)| a.cmp(b).then(p.total_cmp(q)))
    };
    let open = preference(Exposition::OpenMetrics).filter(|(_, quality)| *quality > 0.0);
    let text = preference(Exposition::Text).filter(|(_, quality)| *quality > 0.0);
    match (open, text) {
        (Some(_), None) => Exposition::OpenMetrics,
        // At equal quality, a named format is preferred to one that matches a wildcard.
        (Some((a, p)), Some((b, q))) if p.total_cmp(&q).then(a.cmp(&b)).is_gt() => {
            Exposition::OpenMetrics
        }
        _ => Exposition::Text,
    }
}

/// The specificity of `range` if it matches `exposition`. Of its parameters, only the version is
/// compared: both formats comply with any `charset` and `escaping`.
fn specificity(range: &MediaType, exposition: Exposition) -> Option<Specificity> {
    let (main, sub) = exposition.media_type();
    let (range_main, range_sub) = (range.ty.as_str(), range.subty.as_str());
    match (range_main, range_sub) {
        ("*", "*") => Some(Specificity::Anything),
        _ if !range_main.eq_ignore_ascii_case(main) => None,
        (_, "*") => Some(Specificity::Type),
        _ if !range_sub.eq_ignore_ascii_case(sub) => None,
        _ => match param(range, "version") {
            None => Some(Specificity::Subtype),
            Some(version) => (version == exposition.version()).then_some(Specificity::Version),
        },
    }
}

/// The quality of `range`, 1 by default. `None` if it is invalid.
fn quality(range: &MediaType) -> Option<f32> {
    let Some(quality) = param(range, "q") else {
        return Some(1.0);
    };
    let quality = quality.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some(quality)
}

fn param(range: &MediaType, name: &str) -> Option<String> {
    let value = range.get_param(Name::new(name)?)?;
    Some(value.unquoted_str().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(lists: &[&str]) -> Exposition {
        negotiate(lists.iter().copied())
    }

    #[test]
    fn the_most_specific_range_decides_and_a_tie_is_text() {
        use Exposition::{OpenMetrics, Text};
        let cases = [
            ("", Text),
            ("*/*", Text),
            ("text/*, application/*;q=0.9", Text),
            ("application/*", OpenMetrics),
            ("text/plain, application/openmetrics-text", Text),
            ("*/*, application/openmetrics-text", OpenMetrics),
            (
                "*/*, application/openmetrics-text;version=1.0.0;q=0.1",
                Text,
            ),
            (
                "application/openmetrics-text;q=0, application/*;q=0.1, text/plain;q=0",
                Text,
            ),
            ("text/plain;q=0, */*;q=0.1", OpenMetrics),
            (
                "APPLICATION/OpenMetrics-Text;Version=\"1.0.0\"",
                OpenMetrics,
            ),
            ("application/openmetrics-text;version=0.0.1", Text),
            (
                "application/openmetrics-text;version=2.0.0, */*;q=0.1",
                Text,
            ),
            ("application/openmetrics-text;q=NaN", Text),
            ("application/openmetrics-text;q=2", Text),
            ("application/openmetrics-text;q=", Text),
            (";;,,= \u{e9}/, \"", Text),
        ];
        for (list, expected) in cases {
            assert_eq!(chosen(&[list]), expected, "{list}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let lists = ["text/plain;q=0.5", "application/openmetrics-text;q=0.6"];
        assert_eq!(chosen(&lists), Exposition::OpenMetrics);
    }
}
