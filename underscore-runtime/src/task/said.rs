//! What a request says of itself, copied: to share the request's bytes would keep all of its connection's read
//! buffer, for as long as a stream lasts. All of it is in one piece of memory, for to allocate is most of what
//! copying costs.

/// One of the texts that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// Path and query as the client sent them, where they are not the route's path itself.
    Uri,
    /// The headers by which clients and proxies tell a request from others.
    OpaqueId,
    RequestId,
    TraceParent,
}

const TEXTS: usize = 4;

/// The most that is kept of a text, in bytes: more than anybody shows, and the length fits in two bytes.
const LONGEST: usize = 8 << 10;

/// Texts behind their lengths, two bytes each, in which one is added to the length of those that are there.
#[derive(Debug)]
pub(crate) struct Said(Box<[u8]>);

impl Said {
    /// Copies what is there of the texts, in the order of [`Text`]; nothing if none is.
    #[inline]
    pub(crate) fn copied(texts: [Option<&[u8]>; TEXTS]) -> Option<Self> {
        if texts.iter().all(Option::is_none) {
            return None;
        }
        Some(Self::packed(texts))
    }

    fn packed(texts: [Option<&[u8]>; TEXTS]) -> Self {
        let texts = texts.map(|text| text.map(|text| text.get(..LONGEST).unwrap_or(text)));
        let length: usize = texts.iter().flatten().map(|text| text.len()).sum();
        let mut packed = Vec::with_capacity(length.saturating_add(2 * TEXTS));
        for text in texts {
            let length = text.map_or(0, |text| text.len().saturating_add(1));
            packed.extend(u16::try_from(length).unwrap_or(0).to_le_bytes());
        }
        texts
            .into_iter()
            .flatten()
            .for_each(|text| packed.extend_from_slice(text));
        Said(packed.into_boxed_slice())
    }

    /// A text, if the request has it.
    pub(crate) fn get(&self, text: Text) -> Option<&[u8]> {
        let (lengths, mut texts) = self.0.split_first_chunk::<{ 2 * TEXTS }>()?;
        for (place, length) in lengths.as_chunks::<2>().0.iter().enumerate() {
            let length = usize::from(u16::from_le_bytes(*length)).checked_sub(1);
            let (this, rest) = texts.split_at_checked(length.unwrap_or(0))?;
            if place == text as usize {
                return length.map(|_| this);
            }
            texts = rest;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Text; TEXTS] = [
        Text::Uri,
        Text::OpaqueId,
        Text::RequestId,
        Text::TraceParent,
    ];

    #[test]
    fn each_text_comes_back_as_it_was_and_none_as_none() {
        assert!(Said::copied([None; TEXTS]).is_none());
        let texts: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"text")];
        for number in 0..3_usize.pow(4) {
            let text = |place: u32| texts[number / 3_usize.pow(place) % 3];
            let given = [text(0), text(1), text(2), text(3)];
            let Some(said) = Said::copied(given) else {
                assert_eq!(given, [None; TEXTS]);
                continue;
            };
            assert_eq!(ALL.map(|text| said.get(text)), given);
        }
    }

    #[test]
    fn of_a_long_text_there_is_a_beginning_and_the_next_one_is_whole() {
        let long = vec![b'x'; 10 * LONGEST];
        let said = Said::copied([Some(&long), None, Some(b"id"), None]).expect("texts");
        assert_eq!(said.get(Text::Uri), Some(&long[..LONGEST]));
        assert_eq!(said.get(Text::RequestId), Some(&b"id"[..]));
    }
}
