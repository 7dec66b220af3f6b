//! What a client says of its request, copied: to share the request's bytes would keep its
//! connection's whole read buffer for as long as a stream lasts. Here in one allocation, for what
//! does not fit into the slot's `MetaBuffer`.

/// A field that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaField {
    /// Path and query as the client sent them, if they are not the route's path itself.
    Uri,
    /// `X-Opaque-Id`.
    OpaqueId,
    /// `X-Request-Id`.
    RequestId,
    /// `traceparent`.
    TraceParent,
}

/// How many fields there are.
pub(crate) const META_FIELDS: usize = 4;

/// The fields in the order of [`MetaField`], as the client sent them.
pub(crate) type MetaFields<'a> = [Option<&'a [u8]>; META_FIELDS];

/// The most that is kept of a field, in bytes: more than is ever shown, and the length fits in two
/// bytes.
const LONGEST: usize = 8 << 10;

/// The fields behind their lengths: two bytes each, and one more than the length of a field that is
/// there.
#[derive(Debug)]
pub(crate) struct RequestMeta(Box<[u8]>);

impl RequestMeta {
    /// Copies the fields.
    pub(super) fn new(fields: MetaFields<'_>) -> Self {
        let fields = fields.map(|field| field.map(|text| text.get(..LONGEST).unwrap_or(text)));
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
    fn each_field_comes_back_as_it_was_and_none_as_none() {
        let texts: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"text")];
        for number in 0..3_usize.pow(4) {
            let text = |place: u32| texts[number / 3_usize.pow(place) % 3];
            let given = [text(0), text(1), text(2), text(3)];
            assert_eq!(RequestMeta::new(given).fields(), given);
        }
    }

    #[test]
    fn of_a_long_field_there_is_a_beginning_and_the_next_one_is_whole() {
        let long = vec![b'x'; 10 * LONGEST];
        let meta = RequestMeta::new([Some(&long), None, Some(b"id"), None]);
        let cut = &long[..LONGEST];
        assert_eq!(meta.fields(), [Some(cut), None, Some(&b"id"[..]), None]);
    }
}
