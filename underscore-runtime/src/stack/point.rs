//! Await points.

use std::fmt;

/// A place in the source where a future is awaited.
#[derive(Debug)]
pub struct AwaitPoint {
    function: &'static str,
    pub(super) file: &'static str,
    pub(super) line: u32,
    pub(super) column: u32,
    source: &'static str,
    /// Number of async bodies around it, the function's own included: see `AsyncBody`.
    pub(super) depth: u32,
}

impl AwaitPoint {
    /// A point in `function` with the source text `source`. Only generated code calls this.
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

    /// Sets the nesting depth of a point in an async block or closure, whose future the function
    /// may await, keep or pass on.
    #[must_use]
    pub const fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// Its address, which identifies it.
    #[inline]
    pub(crate) fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Identifies the point: the lower half of its address. The addresses of statics do not differ
    /// in the upper half.
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the upper half is the same for all statics"
    )]
    pub(super) fn tag(&'static self) -> u32 {
        self.address() as u32
    }

    /// True if both are in the same body of the source.
    pub(crate) fn is_in_body_of(&self, other: &AwaitPoint) -> bool {
        self.depth == other.depth && self.function == other.function
    }

    /// True if futures may be pending beside it that have no point, as in a macro that cannot be
    /// parsed.
    pub(crate) fn has_unknown_siblings(&self) -> bool {
        self.depth == 0
    }

    /// The path of the enclosing function.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// The file of the source.
    pub(crate) fn file(&self) -> &'static str {
        self.file
    }

    /// The line in [`file`](Self::file).
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// The source text of the awaited expression.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }
}

/// Writes `file:line`, as the compiler does.
impl fmt::Display for AwaitPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
