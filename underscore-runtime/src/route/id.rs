//! The id of a route: its grammar is written and read here only.

use std::fmt;
use std::str::FromStr;

use crate::hex::is_lower_hex;

/// The id of a route: the handler's, followed by the mount's if the handler has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RouteId {
    pub(crate) handler: u32,
    pub(crate) mount: Option<u16>,
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.handler)?;
        match self.mount {
            Some(mount) => write!(f, "-{mount:04x}"),
            None => Ok(()),
        }
    }
}

/// The part of a text that is no route id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidRouteId {
    /// The text does not begin with the eight digits of a handler.
    Handler,
    /// The text after the handler is not `-` and four digits.
    Mount,
}

impl fmt::Display for InvalidRouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidRouteId::Handler => {
                "route id must begin with 8 lower-case hexadecimal digits; copy one from GET /_cat/routes"
            }
            InvalidRouteId::Mount => {
                "route id must end after 8 digits or with `-` and 4 lower-case hexadecimal digits; \
                 copy one from GET /_cat/routes"
            }
        })
    }
}

impl std::error::Error for InvalidRouteId {}

impl FromStr for RouteId {
    type Err = InvalidRouteId;

    /// Accepts exactly what [`Display`](fmt::Display) writes: each id has one spelling.
    fn from_str(text: &str) -> Result<Self, InvalidRouteId> {
        let (handler, mount) = match text.split_once('-') {
            Some((handler, mount)) => (handler, Some(mount)),
            None => (text, None),
        };
        let handler = hex::<8>(handler).ok_or(InvalidRouteId::Handler)?;
        let mount = mount
            .map(|mount| {
                let digits = hex::<4>(mount).ok_or(InvalidRouteId::Mount)?;
                u16::try_from(digits).map_err(|_| InvalidRouteId::Mount)
            })
            .transpose()?;
        Ok(RouteId { handler, mount })
    }
}

/// The number that `DIGITS` lower-case hexadecimal digits stand for.
fn hex<const DIGITS: usize>(text: &str) -> Option<u32> {
    let number = u32::from_str_radix(text, 16).ok();
    number.filter(|_| is_lower_hex(text, DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        for id in [
            RouteId {
                handler: 0,
                mount: None,
            },
            RouteId {
                handler: 0xdead_beef,
                mount: None,
            },
            RouteId {
                handler: 0x12,
                mount: Some(0),
            },
            RouteId {
                handler: u32::MAX,
                mount: Some(0xa0b),
            },
        ] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn another_spelling_is_no_id_and_the_error_names_the_part() {
        for (text, part) in [
            ("", InvalidRouteId::Handler),
            ("1234567", InvalidRouteId::Handler),
            ("123456789", InvalidRouteId::Handler),
            ("1234567g", InvalidRouteId::Handler),
            ("1234567A", InvalidRouteId::Handler),
            ("+1234567", InvalidRouteId::Handler),
            ("1234-5678", InvalidRouteId::Handler),
            ("12345678-", InvalidRouteId::Mount),
            ("12345678-123", InvalidRouteId::Mount),
            ("12345678-123A", InvalidRouteId::Mount),
            ("12345678-+123", InvalidRouteId::Mount),
            ("12345678-1234-", InvalidRouteId::Mount),
        ] {
            assert_eq!(text.parse::<RouteId>(), Err(part), "{text}");
            assert!(part.to_string().contains("GET /_cat/routes"));
        }
    }
}
