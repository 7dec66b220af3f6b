//! Numbers as Elias gamma codes: as many zeros as a number has bits after its first, then the number. A one
//! takes one bit, a thousand takes nineteen.
//!
//! Crates that do this bring unsafe code or `std::io` along, for what are thirty lines here.

/// The bits that the code of `number` takes.
pub(super) fn bits(number: u32) -> usize {
    number.checked_ilog2().map_or(0, |log| code(log) as usize)
}

/// The bits of the code of a number that has so many bits after its first: at most 63.
fn code(after_first: u32) -> u32 {
    after_first.saturating_mul(2).saturating_add(1)
}

/// Writes codes; the last byte is filled up with zeros.
pub(super) struct Writer<'a> {
    out: std::slice::IterMut<'a, u8>,
    /// The last `held` bits of this are still to be written.
    hold: u128,
    held: u32,
}

impl<'a> Writer<'a> {
    /// Writes to `out`; what does not fit is lost, so it has to be measured with [`bits`] before.
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Writer {
            out: out.iter_mut(),
            hold: 0,
            held: 0,
        }
    }

    /// Writes a number, which is not zero.
    pub(super) fn put(&mut self, number: u32) {
        let bits = code(number.checked_ilog2().unwrap_or(0));
        self.hold = self.hold << bits | u128::from(number);
        self.held = self.held.saturating_add(bits);
        while let Some(rest) = self.held.checked_sub(8) {
            self.held = rest;
            self.put_byte(self.hold >> self.held);
        }
    }

    /// Writes the bits that fill no byte.
    pub(super) fn finish(mut self) {
        if self.held > 0 {
            self.put_byte(self.hold << 8_u32.saturating_sub(self.held));
        }
    }

    fn put_byte(&mut self, bits: u128) {
        if let (Some(byte), [low, ..]) = (self.out.next(), bits.to_le_bytes()) {
            *byte = low;
        }
    }
}

/// Reads the codes that a [`Writer`] wrote.
pub(super) struct Reader<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// The first `held` bits of this were taken from the bytes and not read yet; the others are zero.
    hold: u128,
    held: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader {
            bytes: bytes.iter(),
            hold: 0,
            held: 0,
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        // No code has more than 63 bits.
        while self.held < 64 {
            let Some(&byte) = self.bytes.next() else {
                break;
            };
            self.hold |= u128::from(byte) << 120_u32.saturating_sub(self.held);
            self.held = self.held.saturating_add(8);
        }
        let bits = code(self.hold.leading_zeros());
        // Nothing but zeros: the end.
        let rest = self.held.checked_sub(bits)?;
        let number = u32::try_from(self.hold >> 128_u32.saturating_sub(bits)).ok()?;
        self.hold <<= bits;
        self.held = rest;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(numbers: &[u32]) -> Vec<u8> {
        let size: usize = numbers.iter().map(|&number| bits(number)).sum();
        let mut bytes = vec![0xff; size.div_ceil(8)];
        let mut writer = Writer::new(&mut bytes);
        for &number in numbers {
            writer.put(number);
        }
        writer.finish();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let powers = (0..32).flat_map(|power| [1 << power, u32::MAX >> power, 1]);
        let numbers: Vec<u32> = powers.collect();
        for end in 0..numbers.len() {
            let bytes = written(&numbers[..end]);
            let read: Vec<u32> = Reader::new(&bytes).collect();
            assert_eq!(read, numbers[..end]);
        }
    }

    #[test]
    fn small_numbers_take_little() {
        assert_eq!(written(&[1; 8]), [0xff]);
        assert_eq!(written(&[2, 3]), [0b0100_1100]);
        assert_eq!(bits(1_000), 19);
    }
}
