//! A buffer beside the slot for the URI and the headers of a request. Most requests fit, and need
//! no allocation. It consists of atomic words, because others may read while the poller writes.

use super::request_meta::{META_FIELDS, MetaFields};
use crate::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// Number of words of text: 184 bytes hold a URI of 64 and the three headers as proxies write them.
pub(super) const WORDS: usize = 23;

/// The lengths and the texts of the fields.
#[derive(Debug)]
pub(super) struct MetaBuffer {
    /// The length of each field plus one, zero for `None`.
    lengths: [AtomicU16; META_FIELDS],
    /// The texts, each at a word boundary.
    words: [AtomicU64; WORDS],
}

/// The fields, copied out of the buffer.
pub(crate) type OwnedMeta = [Option<Vec<u8>>; META_FIELDS];

impl MetaBuffer {
    pub(super) fn new() -> Self {
        MetaBuffer {
            lengths: std::array::from_fn(|_| AtomicU16::new(0)),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// True if these fields fit.
    #[inline]
    pub(super) fn fits(fields: &MetaFields<'_>) -> bool {
        let words = fields.iter().flatten().map(|text| text.len().div_ceil(8));
        words.sum::<usize>() <= WORDS
    }

    /// Copies fields that fit.
    #[inline]
    pub(super) fn store(&self, fields: &MetaFields<'_>) {
        let mut free = self.words.iter();
        for (text, length) in fields.iter().zip(&self.lengths) {
            let one_more = text.map_or(0, |text| text.len().saturating_add(1));
            length.store(u16::try_from(one_more).unwrap_or(0), Ordering::Relaxed);
            let Some(text) = text else { continue };
            let (chunks, rest) = text.as_chunks::<8>();
            for (chunk, word) in chunks.iter().zip(free.by_ref()) {
                word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
            }
            if !rest.is_empty()
                && let Some(word) = free.next()
            {
                word.store(last_word(text, rest), Ordering::Relaxed);
            }
        }
    }

    /// The fields that were copied last.
    pub(super) fn load(&self) -> OwnedMeta {
        let mut words = self.words.iter().map(|word| word.load(Ordering::Relaxed));
        self.lengths.each_ref().map(|length| {
            let length = usize::from(length.load(Ordering::Relaxed));
            let length = length.checked_sub(1)?;
            let mut text = Vec::with_capacity(length);
            for _ in 0..length / 8 {
                text.extend(words.next()?.to_le_bytes());
            }
            if let rest @ 1.. = length % 8 {
                let word = words.next()?.to_le_bytes();
                let first = if length < 8 {
                    0
                } else {
                    8_usize.saturating_sub(rest)
                };
                text.extend(word.get(first..first.saturating_add(rest))?);
            }
            Some(text)
        })
    }
}

/// The eight bytes up to the text's last one, or all of a shorter text. One unaligned load across
/// the last two words replaces a loop over `rest`.
#[inline]
fn last_word(text: &[u8], rest: &[u8]) -> u64 {
    match text.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}
