//! What a bundle leaves out of the requests of clients: it may be passed on to people who may not
//! use the admin API.

use std::net::SocketAddr;

use crate::admin::error::Error;
use crate::admin::params::{self, Param};
use crate::admin::request::Request;
use crate::admin::words::comma_list;

/// A word of `without`, with the columns of tables and the patterns of `filter_path` for it.
struct Kind {
    word: &'static str,
    columns: &'static [&'static str],
    patterns: &'static [&'static str],
}

const URI: &str = "uri";
const REMOTE: &str = "remote";
const HEADERS: &str = "headers";

const KINDS: [Kind; 3] = [
    Kind {
        word: URI,
        columns: &["uri"],
        // `description` is the method and the URI.
        patterns: &["-**.uri", "-**.description"],
    },
    Kind {
        word: REMOTE,
        columns: &["remote"],
        patterns: &["-**.remote"],
    },
    Kind {
        word: HEADERS,
        columns: &["x_opaque_id", "request_id", "trace_id"],
        patterns: &[
            "-**.headers",
            "-**.x_opaque_id",
            "-**.request_id",
            "-**.trace_id",
        ],
    },
];

/// What stands in place of an address.
const REMOVED: &str = "(removed)";

/// The words of `with` and `without`.
#[derive(Clone, Debug, Default)]
pub(super) struct Redaction {
    shows_queries: bool,
    left_out: Vec<&'static str>,
}

impl Redaction {
    /// The redaction that a client wants.
    pub(super) fn read(request: &Request) -> Result<Self, Error> {
        let given = words(request, &params::WITH, &["query"])?;
        let words = KINDS.each_ref().map(|kind| kind.word);
        Ok(Redaction {
            shows_queries: !given.is_empty(),
            left_out: self::words(request, &params::WITHOUT, &words)?,
        })
    }

    /// The redaction of a bundle on a disk, which may be copied with the disk: no queries, and no
    /// headers of clients.
    pub(super) fn of_captures() -> Self {
        Redaction {
            shows_queries: false,
            left_out: vec![HEADERS],
        }
    }

    pub(super) fn shows_queries(&self) -> bool {
        self.shows_queries
    }

    fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        const { &KINDS }
            .iter()
            .filter(|kind| self.left_out.contains(&kind.word))
    }

    /// The columns of `list` that are shown.
    pub(super) fn columns(&self, list: &str) -> String {
        let is_shown = |column: &&str| !self.kinds().any(|kind| kind.columns.contains(column));
        let shown: Vec<&str> = list.split(',').filter(is_shown).collect();
        shown.join(",")
    }

    /// The value of `filter_path` that leaves the rest out, `None` if everything is shown.
    pub(super) fn filter_path(&self) -> Option<String> {
        let patterns: Vec<&str> = self
            .kinds()
            .flat_map(|kind| kind.patterns)
            .copied()
            .collect();
        (!patterns.is_empty()).then(|| patterns.join(","))
    }

    /// Removes addresses from sentences, such as the evidence of a drain, if they are left out.
    pub(super) fn sentences(&self, text: Vec<u8>) -> Vec<u8> {
        if !self.left_out.contains(&REMOTE) {
            return text;
        }
        match String::from_utf8(text) {
            Ok(text) => without_addresses(&text).into_bytes(),
            Err(other) => other.into_bytes(),
        }
    }
}

/// The words of a parameter, each of which must be one of `known`.
fn words(
    request: &Request,
    param: &Param,
    known: &[&'static str],
) -> Result<Vec<&'static str>, Error> {
    let find = |word: &str| {
        let found = known.iter().find(|known| **known == word).copied();
        found.ok_or_else(|| Error::unknown_value(param.name, word, known))
    };
    let list = request.value(param).unwrap_or_default();
    comma_list(list).map(find).collect()
}

fn without_addresses(text: &str) -> String {
    let is_address = |word: &str| word.contains(':') && word.parse::<SocketAddr>().is_ok();
    let words = text
        .split_inclusive([' ', '\n', '"', ',', ';'])
        .map(|word| {
            let bare = word.trim_end_matches([' ', '\n', '"', ',', ';']);
            match word.strip_prefix(bare).filter(|_| is_address(bare)) {
                Some(end) => format!("{REMOVED}{end}"),
                None => word.to_owned(),
            }
        });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_removed_from_sentences_and_nothing_else_is() {
        let text = "id 7 from 127.0.0.1:8080 (idle), 12:30:01 src/a.rs:46:7 \"[::1]:80\" a::b\n";
        assert_eq!(
            without_addresses(text),
            "id 7 from (removed) (idle), 12:30:01 src/a.rs:46:7 \"(removed)\" a::b\n"
        );
    }

    #[test]
    fn columns_and_patterns_follow_the_words() {
        let redaction = Redaction {
            shows_queries: false,
            left_out: vec![URI, HEADERS],
        };
        assert_eq!(redaction.columns("id,uri,remote,trace_id"), "id,remote");
        let patterns = redaction.filter_path().expect("patterns");
        assert!(patterns.contains("-**.uri") && patterns.contains("-**.headers"));
        assert_eq!(Redaction::default().filter_path(), None);
    }
}
