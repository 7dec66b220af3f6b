//! The URI and the headers of a request, copied: sharing the request's bytes would keep the whole
//! read buffer of its connection alive while a response streams. `RequestMeta` is one allocation,
//! for fields that do not fit into the slot's `MetaBuffer`.

/// A field that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaField {
    /// Path and query as sent, `None` if they equal the route's path.
    Uri,
    /// `X-Opaque-Id`.
    OpaqueId,
    /// `X-Request-Id`.
    RequestId,
    /// `traceparent`.
    TraceParent,
}

/// Number of fields.
pub(crate) const META_FIELDS: usize = 4;

/// The fields in the order of [`MetaField`], as sent.
pub(crate) type MetaFields<'a> = [Option<&'a [u8]>; META_FIELDS];

/// Maximum length of a stored field, in bytes: more than is ever shown, and it fits in two bytes.
const MAX_FIELD_LEN: usize = 8 << 10;

/// The lengths of the fields, each two bytes, then the texts. A length is stored plus one, zero for
/// `None`.
#[derive(Debug)]
pub(crate) struct RequestMeta(Box<[u8]>);

impl RequestMeta {
    /// Copies the fields.
    pub(super) fn new(fields: MetaFields<'_>) -> Self {
        let fields =
            fields.map(|field| field.map(|text| text.get(..MAX_FIELD_LEN).unwrap_or(text)));
        let length: usize = fields.iter().flatten().map(|text| text.len()).sum();
        let mut packed = Vec::with_capacity(length.saturating_add(2 * META_FIELDS));
        for field in fields {
            let length = field.map_or(0, |text| text.len().saturating_add(1));
            packed.extend(u16::try_from(length).unwrap_or(0).to_le_bytes());
        }
        for text in fields.into_iter().flatten() {
            packed.extend_from_slice(text);
        }
        RequestMeta(packed.into_boxed_slice())
    }

    /// The fields.
    pub(super) fn fields(&self) -> MetaFields<'_> {
        let mut fields = [None; META_FIELDS];
        let Some((lengths, mut texts)) = self.0.split_first_chunk::<{ 2 * META_FIELDS }>() else {
            return fields;
        };
        for (field, length) in fields.iter_mut().zip(lengths.as_chunks::<2>().0) {
            let length = usize::from(u16::from_le_bytes(*length)).checked_sub(1);
            if let Some((text, rest)) = texts.split_at_checked(length.unwrap_or(0)) {
                *field = length.map(|_| text);
                texts = rest;
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_fields_is_read_back() {
        let texts: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"text")];
        for number in 0..3_usize.pow(4) {
            let text = |field: u32| texts[number / 3_usize.pow(field) % 3];
            let given = [text(0), text(1), text(2), text(3)];
            assert_eq!(RequestMeta::new(given).fields(), given);
        }
    }

    #[test]
    fn a_long_field_is_truncated_and_the_next_one_is_whole() {
        let long = vec![b'x'; 10 * MAX_FIELD_LEN];
        let meta = RequestMeta::new([Some(&long), None, Some(b"id"), None]);
        let cut = &long[..MAX_FIELD_LEN];
        assert_eq!(meta.fields(), [Some(cut), None, Some(&b"id"[..]), None]);
    }
}
