//! Handlers that a library exports: with a return type from a private module, and with one name
//! from two modules. Both are taken without a warning, as those of plain functions are.

#![deny(warnings)]

mod page {
    use axum::response::{IntoResponse, Response};

    /// What a handler returns: it is reachable through that, and so is what it can do.
    #[derive(Clone, Copy, Debug)]
    pub struct Page(pub u8);

    impl Page {
        /// Nobody in this crate calls it.
        #[must_use]
        #[inline]
        pub const fn number(self) -> u8 {
            self.0
        }
    }

    impl IntoResponse for Page {
        #[inline]
        fn into_response(self) -> Response {
            "page".into_response()
        }
    }
}

mod one {
    use underscore_runtime::underscore_route;

    /// A handler.
    #[underscore_route]
    pub async fn same() -> &'static str {
        "one"
    }

    /// Another one.
    #[underscore_route]
    pub async fn page() -> super::page::Page {
        super::page::Page(1)
    }

    /// One more.
    #[underscore_route]
    pub async fn pages() -> Result<super::page::Page, axum::http::StatusCode> {
        Ok(super::page::Page(2))
    }
}

mod two {
    use underscore_runtime::underscore_route;

    /// A handler with the name of the other module's.
    #[underscore_route]
    pub async fn same() -> &'static str {
        "two"
    }
}

pub use one::same;
pub use one::*;
pub use two::*;
