//! Which of the formats suits a scraper best, by its `Accept`: RFC 9110, section 12.5.1, as far as there is
//! something to choose from.

use mediatype::{MediaType, MediaTypeList, Name, ReadParams};

use super::exposition::Exposition;

/// How closely a range describes a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Anything,
    Type,
    Subtype,
    Version,
}

/// The format that the lists ask for. Where none of them names any, and where they want all alike, it is
/// Prometheus text: that is what a person with curl can read, and every scraper too.
pub(super) fn best<'a>(lists: impl Iterator<Item = &'a str>) -> Exposition {
    // What cannot be read is passed over, as if it named a format that nobody makes.
    let ranges: Vec<MediaType> = lists
        .flat_map(|list| MediaTypeList::new(list).filter_map(Result::ok))
        .collect();
    let wish = |exposition| {
        let fitting = ranges
            .iter()
            .filter_map(|range| Some((closeness(range, exposition)?, quality(range)?)));
        // The closest range says how much a format is wanted, whatever the wider ones say.
        fitting.max_by(|(a, p), (b, q)| a.cmp(b).then(p.total_cmp(q)))
    };
    let open = wish(Exposition::OpenMetrics).filter(|(_, quality)| *quality > 0.0);
    let text = wish(Exposition::Text).filter(|(_, quality)| *quality > 0.0);
    match (open, text) {
        (Some(_), None) => Exposition::OpenMetrics,
        // What is called by its name is meant more than what a wildcard lets pass.
        (Some((a, p)), Some((b, q))) if p.total_cmp(&q).then(a.cmp(&b)).is_gt() => {
            Exposition::OpenMetrics
        }
        _ => Exposition::Text,
    }
}

/// How closely `range` describes `exposition`, if it does. Of its parameters only the version tells formats
/// apart: `charset` and `escaping` ask for what both of them do anyway.
fn closeness(range: &MediaType, exposition: Exposition) -> Option<Closeness> {
    let (main, sub) = exposition.media_type();
    let (wanted_main, wanted_sub) = (range.ty.as_str(), range.subty.as_str());
    match (wanted_main, wanted_sub) {
        ("*", "*") => Some(Closeness::Anything),
        _ if !wanted_main.eq_ignore_ascii_case(main) => None,
        (_, "*") => Some(Closeness::Type),
        _ if !wanted_sub.eq_ignore_ascii_case(sub) => None,
        _ => match param(range, "version") {
            None => Some(Closeness::Subtype),
            Some(version) => (version == exposition.version()).then_some(Closeness::Version),
        },
    }
}

/// How much `range` is wanted: 1 unless it says otherwise, nothing if what it says is no quality.
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
        best(lists.iter().copied())
    }

    #[test]
    fn the_closest_range_decides_and_a_tie_is_text() {
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
