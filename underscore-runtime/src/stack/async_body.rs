//! Which body of the source a future is the run of, if it is one at all: an async function's, a block's or a
//! closure's, and not a combinator that polls several.
//!
//! A body is at one of its own awaits at a time. What else was polled in it, by a `select!` that is over, is
//! kept somewhere and waited for by nobody. To leave that out, a stack must know what a body's own awaits
//! are, and the compiler says it in the name of the future's type.

use super::AwaitPoint;

/// A body: the function it stands in, and how many blocks and closures are around its statements, that
/// function's own future being the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AsyncBody<'a> {
    /// The function's path: of a method it may have the type, or the trait, before the last part.
    path: &'a str,
    depth: u32,
}

/// What the compiler calls a body.
const BODY: &str = "::{{closure}}";

impl<'a> AsyncBody<'a> {
    /// The own body of an async function with this path.
    pub(crate) fn from_function(path: &'a str) -> Self {
        AsyncBody { path, depth: 1 }
    }

    /// The body whose run is a future of the type with this name; nothing if the type is another one. Names of
    /// types are for people and may change: then nothing is known, and branches are shown that are none.
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

    /// Whether `point` is one of its own awaits.
    pub(super) fn owns(self, point: &AwaitPoint) -> bool {
        point.depth == self.depth && self.is_run_of(point.function())
    }

    /// Whether it is the function with this path: of methods, which are known by their module, any that has
    /// the name and a type of that module.
    fn is_run_of(self, function: &str) -> bool {
        // `module_path!` writes a name that is a keyword in another way than the name of a type does.
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

/// `Pin<&mut T>` and `Pin<Box<T>>` await what they point to.
fn inside_of_pointers(name: &str) -> &str {
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
    reason = "only their types are looked at"
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
    fn the_compilers_names_are_understood() {
        let holder = Holder(vec![1]);
        let block = async {};
        let closure = async || {};
        let here = "the_compilers_names_are_understood";
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
            let body = AsyncBody::from_type_name(name).expect("the run of a body");
            assert_eq!(body.depth, depth, "{name}");
            let function = format!("{}::{function}", module_path!());
            assert!(body.is_run_of(&function), "{function} in {name}");
            assert!(!body.is_run_of("another::generic"), "{name}");
        }
        assert_eq!(AsyncBody::from_type_name(type_name_of_val(&ready(1))), None);
        let boxed: Box<dyn Future<Output = ()>> = Box::new(generic(1));
        assert_eq!(AsyncBody::from_type_name(type_name_of_val(&boxed)), None);
        drop(holder.0);
    }

    #[test]
    fn a_function_of_the_same_name_in_another_module_is_another_one() {
        let body = AsyncBody::from_function("api::get_user");
        assert!(body.is_run_of("api::get_user"));
        assert!(!body.is_run_of("repo::get_user"));
        let method =
            AsyncBody::from_type_name("<api::Users<u8> as api::Get>::get_user::{{closure}}");
        let method = method.expect("the run of a body");
        assert!(method.is_run_of("api::get_user"));
        assert!(!method.is_run_of("apis::get_user"));
    }
}
