//! Tests that a slot returns what was stored. Not in the files of its parts: those are included in
//! `tests/loom`, where no code runs outside of a model.

use std::net::SocketAddrV6;

use super::meta_buffer::{MetaBuffer, WORDS};
use super::slot::Slot;
use crate::sync::atomic::Ordering;

#[test]
fn an_address_is_read_back() {
    let slot = Slot::new();
    assert_eq!(slot.remote(), None);
    let v6 = SocketAddrV6::new("2001:db8::1:2".parse().expect("valid"), 443, 7, 9);
    for address in ["203.0.113.7:65535".parse().expect("valid"), v6.into()] {
        let info = slot.set_remote(&address);
        slot.info.store(info, Ordering::Relaxed);
        assert_eq!(slot.remote(), Some(address));
    }
}

#[test]
fn fields_of_every_length_are_read_back() {
    let buffer = MetaBuffer::new();
    let text: Vec<u8> = (0..=255).collect();
    for length in 0..=8 * WORDS {
        for other in [0, 1, 7, 8, 9, 64] {
            let fields = [
                Some(&text[..length]),
                None,
                Some(&text[100..100 + other]),
                Some(&text[1..2]),
            ];
            if MetaBuffer::fits(&fields) {
                buffer.store(&fields);
                let expected = fields.map(|field| field.map(<[u8]>::to_vec));
                assert_eq!(buffer.load(), expected);
            } else {
                assert!(length.div_ceil(8) + other.div_ceil(8) + 1 > WORDS);
            }
        }
    }
}
