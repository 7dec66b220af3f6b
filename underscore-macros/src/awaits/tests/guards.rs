//! Bodies before and after the markers of guards.

use super::{assert_rewritten, rewritten};

/// Asserts the body with its markers and without its points.
fn assert_marked(body: &str, expected: &str) {
    let (text, _) = rewritten(body);
    let expected: String = expected.split_whitespace().collect();
    assert_eq!(without_points(&text), expected, "{body}");
}

/// Removes what the awaits became: `at_guard(0,x(),&POINTS[0]).await` is `x().await` again.
fn without_points(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(begin) = text.find("at_guard(0,").or_else(|| text.find("at(")) {
        let begin_of_base = begin + text[begin..].find(['(']).expect("a call") + 1;
        let begin_of_base = begin_of_base
            + if text[begin..].starts_with("at_guard") {
                2
            } else {
                0
            };
        let mut open = 1;
        let end = text[begin_of_base..]
            .find(|character| {
                match character {
                    '(' | '[' | '{' => open += 1,
                    ')' | ']' | '}' => open -= 1,
                    _ => {}
                }
                open == 0
            })
            .expect("the call ends")
            + begin_of_base;
        let inside = &text[begin_of_base..end];
        let base = &inside[..inside.rfind(",&POINTS").expect("a point")];
        text = format!("{}{base}{}", &text[..begin], &text[end + 1..]);
    }
    text
}

#[test]
fn a_binding_gets_a_marker_if_an_await_follows() {
    assert_rewritten(
        "{ let g = a.b().await?; c().await; g.d(); }",
        "{ let g = at_guard(0, a.b(), &POINTS[0]).await?; let hold_0 = hold(&POINTS[0..1], &g);
            at(c(), &POINTS[1]).await; g.d(); }",
        &["a.b()", "c()"],
    );
    // Nobody can look, or nothing is held.
    for body in [
        "{ let g = a().await; g.d(); }",
        "{ let g = a().await; drop(g); c().await; }",
        "{ let g = a(); c().await; g.d(); }",
        "{ let g = a().await; c().await; }",
        "{ let _ = a().await; c().await; }",
        "{ let ref g = a().await; c().await; g.d(); }",
        "{ let g: String = a().await; c().await; g.d(); }",
        "{ let g = format!(\"{}\", a().await); c().await; g.d(); }",
        "{ let g = a().await == 1; c().await; g.d(); }",
        "{ let NONE = a().await else { return }; c().await; }",
        "{ #[cfg(unix)] let g = a().await; c().await; g.d(); }",
        "{ let mut g = a().await; g = b(); c().await; g.d(); }",
    ] {
        let (text, _) = rewritten(body);
        assert!(!text.contains("hold"), "{text}");
    }
}

#[test]
fn every_kind_of_pattern_gets_a_marker() {
    assert_marked(
        "{ let Ok(g) = a().await else { return b().await }; c().await; g.d(); }",
        "{ let Ok(g) = a().await else { return b().await }; let hold_0 = hold(&POINTS[0..1], &g);
            c().await; g.d(); }",
    );
    assert_marked(
        "{ if let Some(g) = a().await && g.b() { c().await; g.d(); } else { e().await } }",
        "{ if let Some(g) = a().await && g.b() { let hold_0 = hold(&POINTS[0..1], &g);
            c().await; g.d(); } else { e().await } }",
    );
    assert_marked(
        "{ while let Some(g) = a().await { c().await; g.d(); } }",
        "{ while let Some(g) = a().await { let hold_0 = hold(&POINTS[0..1], &g);
            c().await; g.d(); } }",
    );
    assert_marked(
        "{ match a().await { Ok(g) if g.b() => g.c().await, Err(e) => return, } }",
        "{ match a().await { Ok(g) if g.b() => { let hold_0 = hold(&POINTS[0..1], &g);
            g.c().await } , Err(e) => return, } }",
    );
    assert_marked(
        "{ tokio::select! { g = a() => { c().await; g.d() } } }",
        "{ tokio::select! { g = a() => { let hold_0 = hold(&POINTS[0..1], &g);
            c().await; g.d() } } }",
    );
    assert_marked(
        "{ let (_a, b) = a().await; c().await; b.d(); }",
        "{ let (_a, b) = a().await;
            #[allow(clippy::used_underscore_binding)] let hold_0 = hold(&POINTS[0..1], &_a);
            let hold_1 = hold(&POINTS[0..1], &b); c().await; b.d(); }",
    );
}

#[test]
fn a_part_of_a_condition_that_is_moved_by_the_next_gets_none() {
    for body in [
        "{ if let Ok(g) = a().await && let Some(h) = Some(g) { c().await; h.d(); } }",
        "{ if let Ok(g) = a().await && let Some(g) = g.b() { c().await; g.d(); } }",
    ] {
        assert!(!rewritten(body).0.contains("hold("), "{body}");
    }
}

#[test]
fn only_what_gives_the_value_is_a_source() {
    assert_rewritten(
        "{ let g = { let n = *a.lock().await; b.try_lock().unwrap() }; c().await; g.d(n); }",
        "{ let g = {
                let n = *at_lock(__UnderscorePlace(&a).address(), a.lock(), &POINTS[0]).await;
                acquired(__UnderscorePlace(&b).address(), b.try_lock(), &POINTS[1]).unwrap()
            };
            let hold_0 = hold(&POINTS[1..2], &g); at(c(), &POINTS[2]).await; g.d(n); }",
        &["a.lock()", "b.try_lock()", "c()"],
    );
    // Of two, the whole is shown if it is unknown which.
    assert_rewritten(
        "{ let g = if x { a().await } else { b().await? }; c().await; g.d(); }",
        "{ let g = if x { at_guard(0, a(), &POINTS[0]).await }
                else { at_guard(0, b(), &POINTS[1]).await? };
            let hold_0 = hold(&POINTS[0..3], &g); at(c(), &POINTS[3]).await; g.d(); }",
        &[
            "a()",
            "b()",
            "if x { a().await } else { b().await? }",
            "c()",
        ],
    );
    // The value may come from elsewhere.
    assert_rewritten(
        "{ let g = if x { a().await } else { y }; c().await; g.d(); }",
        "{ let g = if x { at(a(), &POINTS[0]).await } else { y };
            let hold_0 = hold(&POINTS[1..2], &g); at(c(), &POINTS[2]).await; g.d(); }",
        &["a()", "if x { a().await } else { y }", "c()"],
    );
    assert_rewritten(
        "{ let g = f(a().await); c().await; g.d(); }",
        "{ let g = f(at(a(), &POINTS[0]).await); let hold_0 = hold(&POINTS[1..2], &g);
            at(c(), &POINTS[2]).await; g.d(); }",
        &["a()", "f(a().await)", "c()"],
    );
}

#[test]
fn a_value_is_followed_through_patterns_and_variables() {
    for (value, is_followed) in [
        ("match a().await { Ok(h) => h, Err(_) => return }", true),
        ("match a().await { (h, _) => h }", false),
        ("if let Some(h) = a().await { h } else { panic!() }", true),
        ("{ let h = a().await?; h.b(); Ok::<_, E>(h) }", true),
        ("{ let h = a().await?; h.b(); Some(h) }", true),
        ("{ let mut h = a().await; h = b(); h }", false),
        ("{ let h = a().await; let h = f(h); h }", false),
        ("loop { break a().await }", false),
        ("unsafe { a().await }.map_err(e)?", true),
    ] {
        let (text, _) = rewritten(&format!("{{ let g = {value}; c().await; g.d(); }}"));
        assert_eq!(text.contains("at_guard(0,a()"), is_followed, "{text}");
    }
}

#[test]
fn a_lock_is_known_by_the_place_that_it_is_called_on() {
    for (call, place) in [
        ("a.lock()", Some("a")),
        ("self.a[0].read()", Some("self.a[0]")),
        ("(*a).b.write_owned()", Some("(*a).b")),
        ("a.b.clone().acquire_many_owned(2)", Some("a.b")),
        ("Arc::clone(&a.b).lock_owned()", Some("a.b")),
        ("A::B.acquire()", Some("A::B")),
        ("timeout(t, a.lock())", Some("a")),
        ("tokio::time::timeout_at(t, (a.lock()))", Some("a")),
        ("a.lock(1)", None),
        ("a().lock()", None),
        ("a[f()].lock()", None),
        ("a.b(1).c.read()", None),
        ("a.b.clone().c.read()", None),
        ("lock(a)", None),
    ] {
        let (text, _) = rewritten(&format!("{{ {call}.await; }}"));
        let function = if place.is_some() { "{at_lock(" } else { "{at(" };
        assert!(text.starts_with(function), "{text}");
        if let Some(place) = place {
            let address = format!("__UnderscorePlace(&{place}).address(),");
            assert!(text.contains(&address), "{text}");
        }
    }
}

/// Asserts what is put into the statements after `let g = a().await;`, which has a marker.
fn assert_ends(scope: &str, expected: &str) {
    let body = format!("{{ let mut g = a().await; b().await; {scope} }}");
    let (text, _) = rewritten(&body);
    let text = without_points(&text);
    let mut end = text.split_once("b().await;").expect("the scope").1;
    end = end.strip_suffix('}').expect("a block");
    let expected: String = expected.split_whitespace().collect();
    assert_eq!(end, expected, "{scope}");
}

#[test]
fn a_claim_ends_before_the_statement_that_moves_the_value() {
    for (scope, end) in [
        ("drop(g);", "release"),
        ("std::mem::drop(g);", "release"),
        ("g;", "release"),
        ("g", "hand_out"),
        ("Ok(g)", "hand_out"),
        ("return Some(g);", "hand_out"),
        ("break g;", "hand_out"),
        ("f(g);", "pass_on"),
        ("let h = g;", "pass_on"),
        ("let h = &mut g;", "pass_on"),
        ("let h = S { g, n };", "pass_on"),
        ("let h = S { n, ..g };", "pass_on"),
        ("x = g;", "pass_on"),
        ("(g, n) = f();", "pass_on"),
        ("f(move || g.c());", "pass_on"),
        ("f(async move { g.c() });", "pass_on"),
        ("f(|| drop(g));", "pass_on"),
        ("f(async { drop(g) });", "pass_on"),
        ("swap(&mut g, &mut h);", "pass_on"),
        ("h.swap(&mut g);", "pass_on"),
        ("f(Some(&mut g));", "pass_on"),
        ("match g { h => h.c() }", "pass_on"),
        ("match &mut g { h => h.c() }", "pass_on"),
        ("if let Some(h) = g {}", "pass_on"),
        ("for h in g {}", "pass_on"),
        ("g?;", "pass_on"),
        ("g.into_inner();", "pass_on"),
        ("g.await;", "pass_on"),
        ("pin!(g);", "pass_on"),
        ("own!(f(g));", "pass_on"),
        ("own!(move || g.c());", "pass_on"),
        ("own!(g.into());", "pass_on"),
        ("println!(\"{:?}\", Some(g));", "pass_on"),
        ("f(c().await, g);", "pass_on"),
    ] {
        assert_ends(scope, &format!("hold_0.{end}(); {scope}"));
    }
}

#[test]
fn a_claim_lasts_while_the_value_is_only_used() {
    for scope in [
        "g.c(); f(&g); f(&mut g); *g = 1; *g += 1; g.n = 1; g[0] = 1; if g == h {}",
        "let h = &g; let h = &mut *g; let n = g.n; let _ = g; let n = *g;",
        "f(|| g.c()); f(async { g.c().await }); f(|g| drop(g));",
        "println!(\"{g} {} {g:?}\", g.n); info!(n = ?g, %g); assert_eq!(g, h); own!(g.n, &g);",
        "if let Some(g) = h { drop(g); } for g in h { drop(g); } while let Some(g) = h { f(g) }",
        "match h { Some(g) => drop(g), None => {} } fn f(g: u8) { drop(g) }",
        "let g = h; drop(g);",
        "return; drop(g);",
        "f(x.g); S { g: 1 }.g = 2; f(x::g);",
    ] {
        assert_ends(scope, scope);
    }
}

#[test]
fn a_move_in_a_branch_ends_the_claim_there() {
    assert_ends(
        "if x { drop(g); } else if y { f(g) } else { z().await }",
        "if x { hold_0.release(); drop(g); } else if y { hold_0.pass_on(); f(g) }
            else { z().await }",
    );
    assert_ends(
        "match x { 1 => drop(g), 2 => { f(g) } 3 => g.c(), _ => return Ok(g), }",
        "match x { 1 => { hold_0.release(); drop(g) } , 2 => { hold_0.pass_on(); f(g) } 3 => g.c(),
            _ => { hold_0.hand_out(); return Ok(g) }, }",
    );
    assert_ends(
        "loop { if x { drop(g); break; } }",
        "loop { if x { hold_0.release(); drop(g); break; } }",
    );
    assert_ends(
        "let n = x && { drop(g); true };",
        "let n = x && { hold_0.release(); drop(g); true };",
    );
    assert_ends(
        "let Some(h) = x else { drop(g); return };",
        "let Some(h) = x else { hold_0.release(); drop(g); return };",
    );
    assert_ends(
        "select! { _ = x() => { drop(g); } h = y(), if g.c() => f(g), g = z() => drop(g), }",
        "select! { _ = x() => { hold_0.release(); drop(g); } h = y(), if g.c() =>
            { hold_0.pass_on(); f(g) }, g = z() => drop(g), }",
    );
}

#[test]
fn some_methods_end_a_claim_if_the_type_of_the_guard_has_them() {
    assert_ends(
        "g.commit().await?; let n = g.rollback().await.map_err(e)?; g.send(1).await;",
        "g.commit().await?; hold_0.release_if_taken_by(&[\"commit\"]);
            let n = g.rollback().await.map_err(e)?; hold_0.release_if_taken_by(&[\"rollback\"]);
            hold_0.release_if_taken_by(&[\"send\"]); g.send(1).await;",
    );
    // Something else is awaited while the value is gone.
    for scope in [
        "f(g.commit().await, c().await);",
        "g.commit().await.and(c().await);",
        "let Ok(n) = g.commit().await else { return c().await };",
        "if g.commit().await.is_ok() { c().await; }",
        "g.commit();",
    ] {
        let expected = format!("hold_0.release_if_taken_by(&[\"commit\"]); {scope}");
        assert_ends(scope, &expected);
    }
}

#[test]
fn an_assigned_value_is_claimed_anew() {
    assert_ends(
        "g.e(); g = c().await?; d().await; g.e();",
        "g.e(); g = c().await?; hold_0 = hold(&POINTS[2..3], &g); d().await; g.e();",
    );
    assert_ends(
        "loop { f(g); g = c().await; }",
        "loop { hold_0.pass_on(); f(g); g = c().await; hold_0 = hold(&POINTS[2..3], &g); }",
    );
    assert_ends(
        "g = f(g).await; d().await; g.e();",
        "hold_0.pass_on(); g = f(g).await; hold_0 = hold(&POINTS[2..3], &g); d().await; g.e();",
    );
    assert_ends(
        "select! { _ = x() => { g = c(n).await; f(&g) } }",
        "select! { _ = x() => { g = c(n).await; hold_0 = hold(&POINTS[3..4], &g); f(&g) } }",
    );
    // The lint of assignments that are never read must fire.
    assert_ends(
        "g.e(); g = c().await; d().await;",
        "g.e(); g = c().await; hold_0.release(); d().await;",
    );
    assert_ends(
        "g.e(); g = f(); g.e();",
        "g.e(); g = f(); hold_0.release(); g.e();",
    );
}

#[test]
fn the_scope_of_an_inner_body_is_its_own() {
    assert_marked(
        "{ let f = async { let g = a().await; b().await; g }; f.await; }",
        "{ let f = async { let g = a().await; let mut hold_0 = hold(&POINTS[0..1], &g);
            b().await; hold_0.hand_out(); g }; f.await; }",
    );
}
