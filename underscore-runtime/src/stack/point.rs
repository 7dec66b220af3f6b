//! A place in the source where a future is awaited.

use std::fmt;

/// A place in the source where a future is awaited.
#[derive(Debug)]
pub struct AwaitPoint {
    function: &'static str,
    pub(super) file: &'static str,
    pub(super) line: u32,
    pub(super) column: u32,
    source: &'static str,
    /// Of how many bodies it is in the innermost, the function's own future being the first: see `AsyncBody`.
    pub(super) depth: u32,
}

impl AwaitPoint {
    /// A point in `function`, written there as `source`. Generated code is the only caller.
    pub const fn new(
        function: &'static str,
        file: &'static str,
        line: u32,
        column: u32,
        source: &'static str,
    ) -> Self {
        AwaitPoint {
            function,
            file,
            line,
            column,
            source,
            depth: 1,
        }
    }

    /// The same in another body than the function's own: a block's or a closure's, whose future the function
    /// may await, keep or give away.
    #[must_use]
    pub const fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// A number that no other point has: half of its address, for statics are never that far apart.
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the other half is the same everywhere"
    )]
    pub(super) fn tag(&'static self) -> u32 {
        std::ptr::from_ref(self).addr() as u32
    }

    /// The function that it stands in.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// The source text of what is awaited.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }
}

/// `file:line`, as compilers write it.
impl fmt::Display for AwaitPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
