//! Sentences of errors that more than one test quotes: to reword one is an edit of the library and
//! of this file. Macros, because they stand inside of literals, too.

/// The end of an error about a name that is almost one of those that there are.
macro_rules! did_you_mean {
    ($name:literal) => {
        concat!("did you mean [", $name, "]?")
    };
}
pub(crate) use did_you_mean;

/// The end of an error about a method that a path does not take.
macro_rules! use_method {
    ($method:literal, $allowed:literal) => {
        concat!("cannot be asked with ", $method, "; use ", $allowed)
    };
}
pub(crate) use use_method;

/// Why a client may not change anything. Both numbers are placeholders of `format!` or literals.
macro_rules! this_is_user {
    ($user:literal, $group:literal) => {
        concat!("this is user [", $user, "] of group [", $group, "]")
    };
}
pub(crate) use this_is_user;

/// A change that cannot be written to the settings file.
pub const NOTHING_WAS_CHANGED: &str = "nothing was changed";
pub const USE_TRANSIENT: &str = "use [transient]";

/// A persistent change of a service without a settings file.
pub const NEEDS_A_SETTINGS_FILE: &str = "[persistent] needs a settings file";

/// A change of all routes or tasks that does not say so.
pub const BEGIN_WITH_ALL: &str = "begin with _all";

/// A socket that another process listens on.
pub const ANOTHER_SERVER: &str = "another server answers there";
