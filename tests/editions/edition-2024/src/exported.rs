//! Handlers that a library exports: with a return type of a private module, and under one name from
//! two modules. Neither causes a warning, as with plain functions.

#![deny(warnings)]

mod page {
    use axum::response::{IntoResponse, Response};

    /// The return type of a handler, through which it and its methods are reachable.
    #[derive(Clone, Copy, Debug)]
    pub struct Page(pub u8);

    impl Page {
        /// Not called in this crate.
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

    /// A handler with the same name as that of the other module.
    #[underscore_route]
    pub async fn same() -> &'static str {
        "two"
    }
}

pub use one::same;
pub use one::*;
pub use two::*;
