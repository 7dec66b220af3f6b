//! Takes the names of types apart, as `std::any::type_name` writes them. They are not stable: a
//! name that does not parse is that of no guard.

/// A type without its generic arguments, and these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypePath<'a> {
    pub(super) path: &'a str,
    pub(super) arguments: &'a str,
}

impl<'a> TypePath<'a> {
    /// The parts of a path with arguments, `None` for any other kind of type: a reference, a tuple,
    /// a slice, a closure, a trait object.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let name = name.trim();
        let (path, arguments) = match name.split_once('<') {
            Some((path, arguments)) => (path, arguments.strip_suffix('>')?),
            None => (name, ""),
        };
        // Braces are in the paths of types that are declared in a function.
        let is_path = |part: char| part.is_alphanumeric() || matches!(part, '_' | ':' | '{' | '}');
        path.chars()
            .all(is_path)
            .then_some(TypePath { path, arguments })
    }

    /// The module and the name of the type.
    pub(super) fn split(self) -> Option<(&'a str, &'a str)> {
        self.path.rsplit_once("::")
    }

    /// The crate, or the family of crates that share their types.
    pub(super) fn family(self) -> &'a str {
        family(self.path)
    }

    /// The type arguments without the lifetimes, which come first and are written by some versions
    /// of the compiler only.
    pub(super) fn type_arguments(self) -> &'a str {
        let mut arguments = self.arguments.trim();
        while arguments.starts_with('\'') {
            arguments = match arguments.split_once(',') {
                Some((_, rest)) => rest.trim_start(),
                None => "",
            };
        }
        arguments
    }

    /// The first type argument.
    pub(super) fn first_argument(self) -> &'a str {
        split_first(self.type_arguments()).0
    }

    /// The type arguments after the first one.
    pub(super) fn other_arguments(self) -> &'a str {
        split_first(self.type_arguments()).1
    }
}

/// The first segment of a path, the same for all crates of one project.
pub(super) fn family(path: &str) -> &str {
    let first = path.split("::").next().unwrap_or(path);
    match first {
        "lock_api" => "parking_lot",
        _ => ["sqlx", "deadpool", "diesel_async", "sea_orm"]
            .into_iter()
            .find(|family| first.starts_with(family))
            .unwrap_or(first),
    }
}

/// The part before the first comma that is in no brackets, and the part after it.
fn split_first(arguments: &str) -> (&str, &str) {
    let mut open = 0_u32;
    for (at, character) in arguments.char_indices() {
        match character {
            '<' | '(' | '[' => open = open.saturating_add(1),
            '>' | ')' | ']' => open = open.saturating_sub(1),
            ',' if open == 0 => {
                let (first, rest) = arguments.split_at(at);
                return (first, rest.trim_start_matches([',', ' ']));
            }
            _ => {}
        }
    }
    (arguments, "")
}

/// A type name with paths cut to their last segments, as in `Vec<Option<Item>>`.
pub(super) fn short(name: &str) -> String {
    let mut text = String::new();
    let mut word = String::new();
    for character in name.chars() {
        match character {
            ':' => word.clear(),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '{' | '}' => word.push(character),
            other => {
                text.push_str(&word);
                word.clear();
                text.push(other);
            }
        }
    }
    text + &word
}
