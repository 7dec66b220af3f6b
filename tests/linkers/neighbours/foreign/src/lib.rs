//! A library with its own link-time slices, with names that others could use, too.

use linkme::distributed_slice;

/// The first name of our slice.
#[distributed_slice]
pub static ROUTES: [fn() -> &'static str];

#[distributed_slice(ROUTES)]
static ONE: fn() -> &'static str = || "one";

#[distributed_slice(ROUTES)]
static TWO: fn() -> &'static str = || "two";

/// The name of our slice: unlikely by chance, but two copies of one version of the crate share it.
#[cfg(feature = "clash")]
#[distributed_slice]
pub static UNDERSCORE_RUNTIME_0_1_0_ROUTES: [fn() -> &'static str];

#[cfg(feature = "clash")]
#[distributed_slice(UNDERSCORE_RUNTIME_0_1_0_ROUTES)]
static CLASHES: fn() -> &'static str = || "clashes";

/// The contents of the slice.
pub fn routes() -> Vec<&'static str> {
    #[cfg(feature = "clash")]
    std::hint::black_box(&UNDERSCORE_RUNTIME_0_1_0_ROUTES);
    ROUTES.iter().map(|route| route()).collect()
}
