//! Numbers as Elias gamma codes: as many zeros as a number has bits after its first, then the number. A one
//! takes one bit, a thousand takes nineteen.
//!
//! Crates that do this bring unsafe code or `std::io` along, for what are thirty lines here.

/// The bits that the code of `number` takes.
pub(super) fn bits(number: u32) -> usize {
    number.checked_ilog2().map_or(0, |log| 2 * log as usize + 1)
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
        let bits = 2 * number.checked_ilog2().unwrap_or(0) + 1;
        self.hold = self.hold << bits | u128::from(number);
        self.held += bits;
        while self.held >= 8 {
            self.held -= 8;
            self.put_byte(self.hold >> self.held);
        }
    }

    /// Writes the bits that fill no byte.
    pub(super) fn finish(mut self) {
        if self.held > 0 {
            self.put_byte(self.hold << (8 - self.held));
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
            self.hold |= u128::from(byte) << (120 - self.held);
            self.held += 8;
        }
        let bits = 2 * self.hold.leading_zeros() + 1;
        // Nothing but zeros: the end.
        if bits > self.held {
            return None;
        }
        let number = u32::try_from(self.hold >> (128 - bits)).ok()?;
        self.hold <<= bits;
        self.held -= bits;
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
