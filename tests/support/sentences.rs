//! Error sentences that several tests quote, so that a new wording is one edit here. Those that
//! stand inside other literals are macros.

/// Suggestion for an unknown name.
macro_rules! did_you_mean {
    ($name:literal) => {
        concat!("did you mean [", $name, "]?")
    };
}
pub(crate) use did_you_mean;

/// Refusal of a method.
macro_rules! use_method {
    ($method:literal, $allowed:literal) => {
        concat!("does not accept ", $method, "; use ", $allowed)
    };
}
pub(crate) use use_method;

/// Identity of a client that may not make changes. Both arguments are literals or placeholders of
/// `format!`.
macro_rules! this_is_user {
    ($user:literal, $group:literal) => {
        concat!("this is user [", $user, "] of group [", $group, "]")
    };
}
pub(crate) use this_is_user;

/// Refusal of a change that cannot be written to the settings file.
pub const NOTHING_WAS_CHANGED: &str = "nothing was changed";
pub const USE_TRANSIENT: &str = "use [transient]";

/// Refusal of a persistent change by a service without a settings file.
pub const NEEDS_A_SETTINGS_FILE: &str = "[persistent] needs a settings file";

/// Refusal of a change without a selector.
pub const BEGIN_WITH_ALL: &str = "begin with _all";

/// Error of `serve` for a socket that another process listens on.
pub const ANOTHER_SERVER: &str = "another server answers there";
