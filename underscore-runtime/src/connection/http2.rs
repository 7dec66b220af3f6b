//! The open streams of an HTTP/2 connection, read from its frame headers (RFC 9113, sections 4.1
//! and 6). hyper polls each stream in its own tokio task, without a reference to the connection, so
//! only the frames show which streams belong to it.

use std::collections::BTreeSet;

/// The connection preface of a client (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Maximum number of streams that are tracked. Servers have lower limits: hyper 200.
const MAX_STREAMS: usize = 4096;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const END_STREAM: u8 = 0x1;

/// The streams of one connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeSet<u32>,
    /// The highest stream id that the client used.
    last: u32,
    opened: u64,
    from_client: FrameReader,
    from_server: FrameReader,
}

/// Finds the frame headers in the bytes of one direction.
#[derive(Debug, Default)]
struct FrameReader {
    header: [u8; 9],
    /// Number of bytes of `header` that were read.
    filled: usize,
    /// Number of bytes left in the payload of the current frame.
    payload_left: usize,
}

struct FrameHeader {
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Streams {
    /// Parses bytes that the client sent after the preface.
    pub(super) fn read_from_client(&mut self, bytes: &[u8]) {
        let Streams {
            open,
            last,
            opened,
            from_client,
            ..
        } = self;
        from_client.read(bytes, |frame| match frame.kind {
            HEADERS if frame.stream > *last => {
                *last = frame.stream;
                *opened = opened.saturating_add(1);
                if open.len() < MAX_STREAMS {
                    open.insert(frame.stream);
                }
            }
            RST_STREAM => {
                open.remove(&frame.stream);
            }
            _ => {}
        });
    }

    /// Parses bytes that the server sent.
    pub(super) fn read_from_server(&mut self, bytes: &[u8]) {
        let Streams {
            open, from_server, ..
        } = self;
        from_server.read(bytes, |frame| {
            let is_last = match frame.kind {
                DATA | HEADERS => frame.flags & END_STREAM != 0,
                kind => kind == RST_STREAM,
            };
            if is_last {
                open.remove(&frame.stream);
            }
        });
    }

    /// Number of streams with an incomplete response.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Number of streams that the client has opened so far.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }
}

impl FrameReader {
    fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(FrameHeader)) {
        loop {
            let skipped = self.payload_left.min(bytes.len());
            self.payload_left = self.payload_left.saturating_sub(skipped);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some(byte) = bytes.split_off_first() else {
                return;
            };
            if let Some(next) = self.header.get_mut(self.filled) {
                *next = *byte;
                self.filled = self.filled.saturating_add(1);
            }
            if self.filled == self.header.len() {
                self.filled = 0;
                each(self.frame());
            }
        }
    }

    /// Decodes the complete header, and expects its payload next.
    fn frame(&mut self) -> FrameHeader {
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.payload_left = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(0);
        FrameHeader {
            kind,
            flags,
            // Without the reserved bit.
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(vec![0; payload]);
        bytes
    }

    #[test]
    fn a_stream_is_open_from_its_head_to_the_end_of_its_response() {
        let mut streams = Streams::default();
        streams.read_from_client(&frame(4, 0, 0, 18));
        streams.read_from_client(&frame(HEADERS, END_STREAM | 4, 1, 30));
        streams.read_from_client(&frame(HEADERS, 4, 3, 30));
        assert_eq!((streams.open(), streams.opened()), (2, 2));
        streams.read_from_server(&frame(HEADERS, 4, 1, 10));
        assert_eq!(streams.open(), 2);
        streams.read_from_server(&frame(DATA, END_STREAM, 1, 5));
        assert_eq!(streams.open(), 1);
        // Trailers of a request do not open a stream.
        streams.read_from_client(&frame(HEADERS, END_STREAM | 4, 3, 5));
        assert_eq!((streams.open(), streams.opened()), (1, 2));
        streams.read_from_client(&frame(RST_STREAM, 0, 3, 4));
        assert_eq!((streams.open(), streams.opened()), (0, 2));
    }

    #[test]
    fn a_stream_that_the_server_resets_is_closed() {
        let mut streams = Streams::default();
        streams.read_from_client(&frame(HEADERS, 4, 5, 1));
        streams.read_from_server(&frame(RST_STREAM, 0, 5, 4));
        assert_eq!(streams.open(), 0);
    }

    #[test]
    fn more_streams_than_are_told_apart_are_counted_and_not_kept() {
        let mut streams = Streams::default();
        for stream in 0..10_000_u32 {
            streams.read_from_client(&frame(HEADERS, 4, 2 * stream + 1, 0));
        }
        assert_eq!((streams.open(), streams.opened()), (MAX_STREAMS, 10_000));
    }

    proptest! {
        #[test]
        fn frames_are_found_however_the_bytes_are_cut(
            payloads in prop::collection::vec(0_usize..40, 1..20),
            cuts in prop::collection::vec(1_usize..17, 1..40),
        ) {
            let mut bytes = Vec::new();
            for (index, payload) in payloads.iter().enumerate() {
                let stream = 2 * u32::try_from(index).unwrap() + 1;
                bytes.extend(frame(HEADERS, 4, stream, *payload));
            }
            let mut streams = Streams::default();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                streams.read_from_client(piece);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(streams.opened(), payloads.len() as u64);
        }
    }
}
