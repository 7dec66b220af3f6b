//! The buffer that answers are written to, which fails once their look is to end.

use std::io::{self, ErrorKind, Write};

use crate::admin::cancellation::Cancellation;

/// The number of bytes between two checks.
const ASK_EVERY: usize = 4096;

/// The bytes of an answer.
#[derive(Debug)]
pub(super) struct Output<'a> {
    bytes: Vec<u8>,
    cancellation: &'a Cancellation,
    /// The length at which the next check is made.
    ask_at: usize,
}

impl<'a> Output<'a> {
    pub(super) fn new(cancellation: &'a Cancellation) -> Self {
        Output {
            bytes: Vec::new(),
            cancellation,
            ask_at: ASK_EVERY,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() >= self.ask_at {
            if self.cancellation.is_requested() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            self.ask_at = self.bytes.len().saturating_add(ASK_EVERY);
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
    fn an_answer_that_nobody_waits_for_is_not_written_to_its_end() {
        let list = || Node::List(vec![Node::text("some text"); 10_000]);
        for format in [Format::Json, Format::Yaml, Format::Cbor] {
            let length = |cancellation: &Cancellation| {
                let style = Style {
                    format: Some(format),
                    pretty: false,
                };
                let (_, bytes) = Answer::Node(list()).written(style, cancellation);
                bytes.len()
            };
            let whole = length(&Cancellation::default());
            let begun = length(&Cancellation::for_client_that_left());
            assert!(whole > 10 * ASK_EVERY, "{format:?}: {whole}");
            assert!(begun < 2 * ASK_EVERY, "{format:?}: {begun} of {whole}");
        }
    }
}
