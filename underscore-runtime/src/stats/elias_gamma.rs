//! Elias gamma codes: a number of n bits is written as n - 1 zeros, then the number. A one takes
//! one bit, a thousand takes nineteen.
//!
//! Crates for this bring unsafe code or `std::io` along, for what takes thirty lines here.

/// Length of the code of `number` in bits.
pub(super) fn bits(number: u32) -> usize {
    number.checked_ilog2().map_or(0, |log| code(log) as usize)
}

/// Length of the code of a number with `after_first` bits after its first: at most 63.
fn code(after_first: u32) -> u32 {
    after_first.saturating_mul(2).saturating_add(1)
}

/// Writes codes. The last byte is padded with zeros.
pub(super) struct Writer<'a> {
    out: std::slice::IterMut<'a, u8>,
    /// Its last `held` bits are not written yet.
    hold: u128,
    held: u32,
}

impl<'a> Writer<'a> {
    /// Writes to `out`, which must have the size that [`bits`] adds up to. The rest is lost.
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Writer {
            out: out.iter_mut(),
            hold: 0,
            held: 0,
        }
    }

    /// Writes a number, which must not be zero.
    pub(super) fn put(&mut self, number: u32) {
        let bits = code(number.checked_ilog2().unwrap_or(0));
        self.hold = self.hold << bits | u128::from(number);
        self.held = self.held.saturating_add(bits);
        while let Some(rest) = self.held.checked_sub(8) {
            self.held = rest;
            self.put_byte(self.hold >> self.held);
        }
    }

    /// Writes the last, incomplete byte.
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

/// Reads the codes of a [`Writer`].
pub(super) struct Reader<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// Its first `held` bits are not read yet; the others are zero.
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
        // A code has at most 63 bits.
        while self.held < 64 {
            let Some(&byte) = self.bytes.next() else {
                break;
            };
            self.hold |= u128::from(byte) << 120_u32.saturating_sub(self.held);
            self.held = self.held.saturating_add(8);
        }
        let bits = code(self.hold.leading_zeros());
        // Only zeros are left: the padding.
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
    fn written_numbers_are_read_back() {
        let powers = (0..32).flat_map(|power| [1 << power, u32::MAX >> power, 1]);
        let numbers: Vec<u32> = powers.collect();
        for end in 0..numbers.len() {
            let bytes = written(&numbers[..end]);
            let read: Vec<u32> = Reader::new(&bytes).collect();
            assert_eq!(read, numbers[..end]);
        }
    }

    #[test]
    fn small_numbers_have_short_codes() {
        assert_eq!(written(&[1; 8]), [0xff]);
        assert_eq!(written(&[2, 3]), [0b0100_1100]);
        assert_eq!(bits(1_000), 19);
    }
}
