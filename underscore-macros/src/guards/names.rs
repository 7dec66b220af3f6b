//! Names of methods and macros. A name is a hint, the types are only known at run time.

/// Methods of locks and semaphores that are awaited and give a guard.
const LOCKS: [&str; 8] = [
    "acquire",
    "acquire_owned",
    "lock",
    "lock_owned",
    "read",
    "read_owned",
    "write",
    "write_owned",
];

/// The same, with a number of permits.
const LOCKS_OF_MANY: [&str; 2] = ["acquire_many", "acquire_many_owned"];

/// Further methods that give a guard, some without an await.
const GIVERS: [&str; 28] = [
    "acquire_arc",
    "blocking_lock",
    "blocking_lock_owned",
    "blocking_read",
    "blocking_write",
    "lock_arc",
    "read_arc",
    "try_acquire",
    "try_acquire_arc",
    "try_acquire_owned",
    "try_get",
    "try_lock",
    "try_lock_arc",
    "try_lock_owned",
    "try_read",
    "try_read_arc",
    "try_read_owned",
    "try_reserve",
    "try_reserve_owned",
    "try_upgradable_read",
    "try_write",
    "try_write_arc",
    "try_write_owned",
    "upgradable_read",
    "upgradable_read_arc",
    "write_arc",
    "reserve",
    "reserve_owned",
];

/// Further givers with one argument.
const GIVERS_OF_ONE: [&str; 8] = [
    "try_acquire_many",
    "try_acquire_many_owned",
    "try_lock_for",
    "try_lock_until",
    "try_read_for",
    "try_read_until",
    "try_write_for",
    "try_write_until",
];

/// Methods that take any value by value.
const TAKERS: [&str; 12] = [
    "boxed", "either", "finally", "pin", "pipe", "tap", "tap_dbg", "tap_mut", "then", "try_into",
    "wrap", "yoke",
];

/// Methods that some guards have by value, and others, or what they guard, by reference.
const GUARD_TAKERS: [&str; 18] = [
    "close",
    "close_hard",
    "commit",
    "detach",
    "downgrade",
    "forget",
    "leak",
    "map",
    "merge",
    "release",
    "rollback",
    "send",
    "split",
    "try_map",
    "try_upgrade",
    "unlock",
    "unlock_fair",
    "upgrade",
];

/// Methods that pass the value of their receiver on, or return early or panic.
const WRAPPERS: [&str; 14] = [
    "context",
    "expect",
    "flatten",
    "inspect",
    "inspect_err",
    "map_err",
    "ok",
    "ok_or",
    "ok_or_else",
    "unwrap",
    "unwrap_or_else",
    "with_context",
    "wrap_err",
    "wrap_err_with",
];

/// Macros that only use references to their arguments, as `format!` does.
const FORMATS: [&str; 26] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "error",
    "event",
    "format",
    "format_args",
    "info",
    "log",
    "panic",
    "print",
    "println",
    "span",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "warn",
    "write",
    "writeln",
];

/// Macros that do not return.
const PANICS: [&str; 5] = ["bail", "panic", "todo", "unimplemented", "unreachable"];

fn is_one_of(names: &[&str], name: &syn::Ident) -> bool {
    names.iter().any(|known| name == known)
}

/// True for a method that is awaited and gives a guard of its receiver.
pub(super) fn is_lock(method: &syn::Ident, arguments: usize) -> bool {
    match arguments {
        0 => is_one_of(&LOCKS, method),
        1 => is_one_of(&LOCKS_OF_MANY, method),
        _ => false,
    }
}

/// True for a method that gives a guard, with or without an await.
pub(super) fn is_giver(method: &syn::Ident, arguments: usize) -> bool {
    let further = match arguments {
        0 => is_one_of(&GIVERS, method),
        1 => is_one_of(&GIVERS_OF_ONE, method),
        _ => false,
    };
    further || is_lock(method, arguments)
}

/// True for a method that takes a connection or begins a transaction.
pub(super) fn is_pool(method: &syn::Ident) -> bool {
    is_one_of(
        &[
            "begin",
            "checkout",
            "get",
            "get_conn",
            "get_owned",
            "get_timeout",
        ],
        method,
    )
}

/// True for a method that takes any receiver by value.
pub(super) fn is_taker(method: &syn::Ident) -> bool {
    is_one_of(&TAKERS, method) || method.to_string().starts_with("into")
}

/// The method if some guards have it by value.
pub(super) fn guard_taker(method: &syn::Ident) -> Option<&'static str> {
    let mut takers = GUARD_TAKERS.iter();
    takers.find(|taker| method == *taker).copied()
}

/// True for a method whose future owns the guard until it completes.
pub(super) fn is_kept_until_completion(method: &syn::Ident) -> bool {
    is_one_of(&["close", "commit", "rollback"], method)
}

/// True for a method that returns the guard in its receiver.
pub(super) fn is_wrapper(method: &syn::Ident) -> bool {
    is_one_of(&WRAPPERS, method)
}

/// True for a macro that only uses references to its arguments.
pub(super) fn is_format(mac: &syn::Macro) -> bool {
    is_called(mac, &FORMATS)
}

/// True for a macro that does not return.
pub(super) fn is_panic(mac: &syn::Macro) -> bool {
    is_called(mac, &PANICS)
}

/// True for a macro that awaits its arguments.
pub(super) fn is_awaiting(mac: &syn::Macro) -> bool {
    is_called(mac, &["join", "try_join", "select", "select_biased"])
}

/// True for a macro whose value is not what one of its arguments gives.
pub(super) fn is_plain(mac: &syn::Macro) -> bool {
    is_format(mac) || is_called(mac, &["vec", "matches", "json"])
}

fn is_called(mac: &syn::Macro, names: &[&str]) -> bool {
    let last = mac.path.segments.last();
    last.is_some_and(|last| is_one_of(names, &last.ident))
}

/// True for an exchange of the value behind a `&mut`.
pub(super) fn is_exchange(function: &syn::Ident) -> bool {
    is_one_of(&["replace", "swap", "take"], function)
}
