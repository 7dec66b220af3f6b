//! The buffer that answers are written to. A write fails if the read is cancelled.

use std::io::{self, ErrorKind, Write};

use crate::admin::cancellation::Cancellation;

/// Number of bytes between two checks for cancellation.
const CHECK_EVERY: usize = 4096;

/// The bytes of an answer.
#[derive(Debug)]
pub(super) struct Output<'a> {
    bytes: Vec<u8>,
    cancellation: &'a Cancellation,
    /// The length at which the next check is due.
    check_at: usize,
}

impl<'a> Output<'a> {
    pub(super) fn new(cancellation: &'a Cancellation) -> Self {
        Output {
            bytes: Vec::new(),
            cancellation,
            check_at: CHECK_EVERY,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() >= self.check_at {
            if self.cancellation.is_requested() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            self.check_at = self.bytes.len().saturating_add(CHECK_EVERY);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Format, Node, Style};
    use super::*;

    /// Holds 1.43 of docs/admin-api.md.
    #[test]
    fn writing_stops_after_the_client_has_left() {
        let list = || Node::List(vec![Node::text("some text"); 10_000]);
        for format in [Format::Json, Format::Yaml, Format::Cbor] {
            let length = |cancellation: &Cancellation| {
                let style = Style {
                    format: Some(format),
                    pretty: false,
                };
                let (_, bytes) = Answer::Node(list()).into_body(style, cancellation);
                bytes.len()
            };
            let whole = length(&Cancellation::default());
            let partial = length(&Cancellation::for_client_that_left());
            assert!(whole > 10 * CHECK_EVERY, "{format:?}: {whole}");
            assert!(
                partial < 2 * CHECK_EVERY,
                "{format:?}: {partial} of {whole}"
            );
        }
    }
}
