//! The name of a resource in the source text of an await: the last part of the expression that the
//! method is called on.

/// The name of the resource that `source` acquires: `stock` of `timeout(LIMIT, app.stock.lock())`,
/// `pool` of `app.pool().get()`. Text without a method call is its own name.
pub(crate) fn resource_name(source: &str) -> &str {
    let source = strip_wrappers(source);
    let Some((callee, arguments)) = split_call(source) else {
        return last_segment(source);
    };
    if is_timeout(callee)
        && let Some(future) = last_argument(arguments)
    {
        return resource_name(future);
    }
    match split_method(callee) {
        Some((receiver, method)) => match place_name(receiver) {
            "" | "self" => method,
            name => name,
        },
        None => last_segment(callee),
    }
}

/// Without `?`, `.unwrap()` and parentheses.
fn strip_wrappers(source: &str) -> &str {
    let mut source = source.trim();
    loop {
        let stripped = source
            .strip_suffix('?')
            .or_else(|| source.strip_suffix(".unwrap()"))
            .or_else(|| source.strip_suffix(".await"))
            .map(str::trim_end);
        match stripped {
            Some(stripped) => source = stripped,
            None => return source,
        }
    }
}

fn is_timeout(callee: &str) -> bool {
    matches!(last_segment(callee), "timeout" | "timeout_at")
}

/// The name of a place: `sem` of `&app.sem`, `app.sem.clone()` and `Arc::clone(&sem)`.
fn place_name(place: &str) -> &str {
    let place = place.trim().trim_start_matches(['&', '*', '(']);
    let place = place.trim_start_matches("mut ");
    let Some((callee, arguments)) = split_call(place) else {
        return last_segment(place);
    };
    match split_method(callee) {
        Some((receiver, "clone")) => place_name(receiver),
        Some((_, method)) => method,
        None if last_segment(callee) == "clone" => place_name(arguments),
        None => place,
    }
}

/// `b` of `a.b` and of `a::b`.
fn last_segment(place: &str) -> &str {
    let place = place.trim().trim_end_matches(')');
    place.rsplit(['.', ':']).next().unwrap_or(place)
}

/// The callee and the arguments if `text` is one call.
fn split_call(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_suffix(')')?;
    let open = matching_open(inside)?;
    let callee = text.get(..open).filter(|callee| !callee.is_empty())?;
    Some((callee, inside.get(open.saturating_add(1)..)?))
}

/// The position of the bracket that is closed behind `inside`.
fn matching_open(inside: &str) -> Option<usize> {
    let mut open = 1_u32;
    for (at, character) in inside.char_indices().rev() {
        match character {
            ')' | ']' | '}' => open = open.saturating_add(1),
            '(' | '[' | '{' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

fn last_argument(arguments: &str) -> Option<&str> {
    let arguments = arguments.trim().trim_end_matches(',');
    let mut open = 0_u32;
    let mut begin = 0;
    for (at, character) in arguments.char_indices() {
        match character {
            '(' | '[' | '{' => open = open.saturating_add(1),
            ')' | ']' | '}' => open = open.saturating_sub(1),
            ',' if open == 0 => begin = at.saturating_add(1),
            _ => {}
        }
    }
    let last = arguments.get(begin..)?.trim();
    (!last.is_empty()).then_some(last)
}

/// The receiver and the method of `a.b` or `a.b::<T>`, split at the last dot that is in no
/// brackets.
fn split_method(callee: &str) -> Option<(&str, &str)> {
    let mut open = 0_u32;
    for (at, character) in callee.char_indices().rev() {
        match character {
            ')' | ']' | '}' | '>' => open = open.saturating_add(1),
            '(' | '[' | '{' | '<' => open = open.saturating_sub(1),
            '.' if open == 0 => {
                let method = callee.get(at.saturating_add(1)..)?;
                let method = method.split("::").next().unwrap_or(method);
                return Some((callee.get(..at)?, method));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_named_after_the_receiver() {
        for (source, name) in [
            ("permits.acquire()", "permits"),
            ("state.stock.lock()", "stock"),
            ("self.pools[0].get()", "pools[0]"),
            ("self.acquire()", "acquire"),
            ("timeout(LIMIT, state.stock.lock())", "stock"),
            (
                "tokio::time::timeout(Duration::from_secs(1), app.db.acquire())",
                "db",
            ),
            ("Arc::clone(&permits).acquire_owned()", "permits"),
            ("state.sem.clone().acquire_many_owned(3)", "sem"),
            ("app.pool().get()", "pool"),
            ("take(&state)", "take"),
            ("db::take(&state)", "take"),
            ("LOCK.lock()", "LOCK"),
            ("crate::LOCK.lock()", "LOCK"),
            ("app.stock.try_lock().unwrap()", "stock"),
            ("future", "future"),
            ("", ""),
        ] {
            assert_eq!(resource_name(source), name, "{source}");
        }
    }
}
