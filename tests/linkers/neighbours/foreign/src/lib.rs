//! A library with link-time slices of its own, which have names that others could have, too.

use linkme::distributed_slice;

/// The name that ours had first.
#[distributed_slice]
pub static ROUTES: [fn() -> &'static str];

#[distributed_slice(ROUTES)]
static ONE: fn() -> &'static str = || "one";

#[distributed_slice(ROUTES)]
static TWO: fn() -> &'static str = || "two";

/// The name of ours: nobody takes it by chance, but two copies of one version of the crate do.
#[cfg(feature = "clash")]
#[distributed_slice]
pub static UNDERSCORE_RUNTIME_0_1_0_ROUTES: [fn() -> &'static str];

#[cfg(feature = "clash")]
#[distributed_slice(UNDERSCORE_RUNTIME_0_1_0_ROUTES)]
static CLASHES: fn() -> &'static str = || "clashes";

/// What is in the slice.
pub fn routes() -> Vec<&'static str> {
    #[cfg(feature = "clash")]
    std::hint::black_box(&UNDERSCORE_RUNTIME_0_1_0_ROUTES);
    ROUTES.iter().map(|route| route()).collect()
}
