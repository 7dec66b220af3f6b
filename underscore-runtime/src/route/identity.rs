//! A handler as its attribute declares it, and the method and path at which a router mounts it.

use axum::extract::MatchedPath;
use axum::http::Method;

use super::stable_hash;
use crate::stack::AwaitPoint;
use crate::sync::AtomicCell;

/// A handler as its attribute declares it.
#[derive(Debug)]
pub(crate) struct Declaration {
    /// `crate::module::function`.
    pub(crate) handler: &'static str,
    pub(crate) name: Option<&'static str>,
    /// The declared method in upper case, or `ANY`.
    pub(crate) method: Option<&'static str>,
    pub(crate) path: Option<&'static str>,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// The positions of its arguments in the source.
    pub(crate) arguments: &'static [AwaitPoint],
    /// Set in place of a handler for a route of a layer: its method and path, as in `GET /ping`, or
    /// its name.
    pub(crate) layer: Option<&'static str>,
    /// True if the function keeps its signature: it has no call of its own, so a layer begins its
    /// requests.
    pub(crate) is_kept: bool,
}

impl Declaration {
    /// The declaration that stands for the handler of a layer's route.
    pub(crate) fn of_layer(text: &'static str, name: Option<&'static str>) -> Self {
        Declaration {
            handler: "-",
            name,
            method: None,
            path: None,
            file: "-",
            line: 0,
            column: 0,
            arguments: &[],
            layer: Some(text),
            is_kept: false,
        }
    }

    /// The path of the handler, `None` on a layer's route.
    pub(crate) fn function(&self) -> Option<&'static str> {
        self.layer.is_none().then_some(self.handler)
    }

    /// The text that its id is the hash of, and by which records name it.
    pub(crate) fn id_text(&self) -> &'static str {
        self.layer.unwrap_or(self.handler)
    }

    /// The method under which a request is listed.
    pub(crate) fn listed_method(&self, method: &Method) -> Method {
        listed_method(method, self.method)
    }
}

/// The method under which a request is listed, on a route with a declared method or without one.
///
/// axum routes HEAD to the handler of GET unless the route is declared for HEAD. Unknown methods
/// share one route, or a client could add routes at will.
pub(crate) fn listed_method(method: &Method, declared: Option<&str>) -> Method {
    match *method {
        Method::HEAD if declared != Some("HEAD") => Method::GET,
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::PATCH
        | Method::OPTIONS
        | Method::TRACE
        | Method::CONNECT => method.clone(),
        _ => Method::from_bytes(b"OTHER").unwrap_or(Method::GET),
    }
}

/// A handler at one method and one path of a router.
#[derive(Debug)]
pub(crate) struct RouteIdentity {
    declaration: AtomicCell<&'static Declaration>,
    pub(crate) method: Method,
    /// The path as the router matched it, including the nest prefix; `None` for a fallback.
    pub(crate) path: Option<Box<str>>,
    /// The router's own copy of the path. Holding it keeps its address unique.
    matched: Option<MatchedPath>,
    /// Distinguishes this mount from the handler's others in its id.
    pub(crate) mount: u16,
}

impl RouteIdentity {
    /// `reserve` returns false for mount digits that another mount of the handler has.
    pub(crate) fn new(
        declaration: &'static Declaration,
        method: Method,
        path: Option<&str>,
        matched: Option<MatchedPath>,
        reserve: impl Fn(u16) -> bool,
    ) -> Self {
        RouteIdentity {
            mount: mount_digits(&method, path, reserve),
            declaration: AtomicCell::new(declaration),
            method,
            path: path.map(Box::from),
            matched,
        }
    }

    /// The handler's declaration, or the one that stands for it on a layer's route.
    #[inline]
    pub(crate) fn declaration(&self) -> &'static Declaration {
        self.declaration.load()
    }

    /// The router's own copy of the path.
    pub(crate) fn matched(&self) -> Option<&MatchedPath> {
        self.matched.as_ref()
    }

    /// Sets the handler of what was a layer's route.
    pub(crate) fn set_declaration(&self, declaration: &'static Declaration) {
        self.declaration.store(declaration);
    }

    /// True if no annotated handler is known: the route is a layer's.
    #[inline]
    pub(crate) fn is_of_layer(&self) -> bool {
        self.declaration().layer.is_some()
    }

    /// True if this is the route of a request with `method` that a router matched to `path`.
    #[inline]
    pub(crate) fn matches(&self, method: &Method, path: Option<&MatchedPath>) -> bool {
        self.method == *method && self.is_at(path)
    }

    #[inline]
    fn is_at(&self, path: Option<&MatchedPath>) -> bool {
        match (path, &self.matched) {
            // The router's own copy, unless it is nested: then the path is built per request.
            (Some(path), Some(matched)) => {
                let (path, matched) = (path.as_str(), matched.as_str());
                std::ptr::eq(path, matched) || path == matched
            }
            (None, None) => self.path.is_none(),
            _ => false,
        }
    }

    /// True for the same listed method and the same path.
    pub(crate) fn is(&self, method: &Method, path: Option<&str>) -> bool {
        self.method == *method && self.path.as_deref() == path
    }
}

/// The digits of a new mount. Two mounts of a handler collide once in 65 536; then the later one is
/// hashed again.
#[allow(clippy::cast_possible_truncation, reason = "the halves of a hash")]
fn mount_digits(method: &Method, path: Option<&str>, reserve: impl Fn(u16) -> bool) -> u16 {
    let path = path.unwrap_or("-").as_bytes();
    let mut attempt = 0_u8;
    loop {
        let hash = stable_hash(&[method.as_str().as_bytes(), b" ", path, &[attempt]]);
        let digits = (hash >> 16) as u16 ^ hash as u16;
        attempt = attempt.wrapping_add(1);
        if reserve(digits) || attempt == 0 {
            return digits;
        }
    }
}
