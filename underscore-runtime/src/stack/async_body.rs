//! Recognizes the future of an async function, block or closure, as opposed to a combinator that
//! polls several futures.
//!
//! An async body is at one of its own awaits at a time. Other futures that were polled in it, by a
//! `select!` that has completed, are kept but not awaited. To leave them out, a stack must know
//! which awaits are the body's own. The type name of the body's future tells.

use super::AwaitPoint;

/// An async body: its function, and its nesting depth there. The function's own body has depth 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AsyncBody<'a> {
    /// The function's path. That of a method may have the type or the trait before the last
    /// segment.
    path: &'a str,
    depth: u32,
}

/// The suffix of a body in a type name.
const BODY: &str = "::{{closure}}";

impl<'a> AsyncBody<'a> {
    /// The body of the async function with this path.
    pub(crate) fn from_function(path: &'a str) -> Self {
        AsyncBody { path, depth: 1 }
    }

    /// The body whose future has this type name, `None` if the type is not such a future. Type
    /// names are not stable: if they change, this is `None`, and kept futures are shown as
    /// branches.
    pub(crate) fn from_type_name(name: &'a str) -> Option<Self> {
        let name = inside_of_pointers(name);
        let mut path = name;
        let mut depth = 0_u32;
        while let Some(outer) = path.strip_suffix(BODY) {
            path = outer;
            depth = depth.saturating_add(1);
        }
        (depth > 0).then(|| AsyncBody {
            path: without_generics(path),
            depth,
        })
    }

    /// True if `point` is one of its own awaits.
    pub(super) fn owns(self, point: &AwaitPoint) -> bool {
        point.depth == self.depth && self.is_in(point.function())
    }

    /// True if it is in the function with this path. A method is known by its module and name, so
    /// any method with that name of a type in that module matches.
    fn is_in(self, function: &str) -> bool {
        // `module_path!` and type names write raw identifiers differently.
        let function = &*function.replace("r#", "");
        if self.path.replace("r#", "") == function {
            return true;
        }
        let Some((module, name)) = function.rsplit_once("::") else {
            return false;
        };
        let type_path = self
            .path
            .strip_suffix(name)
            .and_then(|path| path.strip_suffix("::"));
        let of_module = |path: &str| {
            let rest = path.trim_start_matches('<').strip_prefix(module);
            rest.is_some_and(|rest| rest.starts_with("::"))
        };
        type_path.is_some_and(of_module)
    }
}

/// `T` of `Pin<&mut T>` and `Pin<Box<T>>`, which await their target.
pub(crate) fn inside_of_pointers(name: &str) -> &str {
    let mut name = name;
    loop {
        let inner = ["core::pin::Pin<", "alloc::boxed::Box<"]
            .into_iter()
            .find_map(|pointer| name.strip_prefix(pointer)?.strip_suffix('>'))
            .or_else(|| name.strip_prefix("&mut "));
        match inner {
            Some(inner) => name = inner,
            None => return name,
        }
    }
}

/// `f` of `f<T>`.
fn without_generics(path: &str) -> &str {
    if !path.ends_with('>') {
        return path;
    }
    let mut open = 0_u32;
    for (at, character) in path.char_indices().rev() {
        match character {
            '>' => open = open.saturating_add(1),
            '<' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return path.get(..at).unwrap_or(path);
        }
    }
    path
}

#[cfg(test)]
#[allow(
    clippy::manual_async_fn,
    clippy::unused_async,
    reason = "only their types matter"
)]
mod tests {
    use super::*;
    use std::any::type_name_of_val;
    use std::future::{Future, ready};

    struct Holder<T>(T);

    impl<T> Holder<T> {
        async fn method(&self) {}
    }

    trait Waits {
        fn waits(&self) -> impl Future<Output = ()>;
    }

    impl<T> Waits for Holder<T> {
        async fn waits(&self) {}
    }

    async fn generic<T>(_: T) {}

    fn returning() -> impl Future<Output = ()> {
        async {}
    }

    #[test]
    fn type_names_of_async_bodies_are_recognized() {
        let holder = Holder(vec![1]);
        let block = async {};
        let closure = async || {};
        let here = "type_names_of_async_bodies_are_recognized";
        let cases = [
            (type_name_of_val(&holder.method()), "method", 1),
            (type_name_of_val(&holder.waits()), "waits", 1),
            (type_name_of_val(&generic(Holder(Some(1)))), "generic", 1),
            (type_name_of_val(&Box::pin(generic(1))), "generic", 1),
            (type_name_of_val(&std::pin::pin!(generic(1))), "generic", 1),
            (type_name_of_val(&returning()), "returning", 1),
            (type_name_of_val(&block), here, 1),
            (type_name_of_val(&closure()), here, 2),
        ];
        for (name, function, depth) in cases {
            let body = AsyncBody::from_type_name(name).expect("the future of a body");
            assert_eq!(body.depth, depth, "{name}");
            let function = format!("{}::{function}", module_path!());
            assert!(body.is_in(&function), "{function} in {name}");
            assert!(!body.is_in("another::generic"), "{name}");
        }
        assert_eq!(AsyncBody::from_type_name(type_name_of_val(&ready(1))), None);
        let boxed: Box<dyn Future<Output = ()>> = Box::new(generic(1));
        assert_eq!(AsyncBody::from_type_name(type_name_of_val(&boxed)), None);
        drop(holder.0);
    }

    #[test]
    fn functions_of_the_same_name_in_different_modules_differ() {
        let body = AsyncBody::from_function("api::get_user");
        assert!(body.is_in("api::get_user"));
        assert!(!body.is_in("repo::get_user"));
        let method =
            AsyncBody::from_type_name("<api::Users<u8> as api::Get>::get_user::{{closure}}");
        let method = method.expect("the future of a body");
        assert!(method.is_in("api::get_user"));
        assert!(!method.is_in("apis::get_user"));
    }
}
