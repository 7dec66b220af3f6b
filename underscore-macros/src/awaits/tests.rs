//! Bodies before and after the rewriting of their awaits.

mod guards;

use super::*;

/// The body with its awaits rewritten, without spaces, and the text of each point.
fn rewritten(body: &str) -> (String, Vec<String>) {
    let mut block: Block = syn::parse_str(body).expect("the case parses");
    let AwaitRewriter { found, .. } = rewrite_block(&mut block, true);
    let text = block.to_token_stream().to_string().replace(' ', "");
    let text = text
        .replace("__underscore_", "")
        .replace("__UNDERSCORE_", "");
    (text, found.into_iter().map(|point| point.source).collect())
}

#[test]
fn an_await_is_wrapped_with_its_own_point() {
    let (text, sources) = rewritten("{ a.b().await; c.await }");
    assert_eq!(text, "{at(a.b(),&POINTS[0]).await;at(c,&POINTS[1]).await}");
    assert_eq!(sources.len(), 2);
}

#[test]
fn an_inner_await_comes_first_and_the_text_is_the_users() {
    let (text, sources) = rewritten("{ f(g().await).await }");
    assert_eq!(text, "{at(f(at(g(),&POINTS[0]).await),&POINTS[1]).await}");
    assert_eq!(sources[1], "f(g().await)");
}

#[test]
fn parentheses_that_only_await_needs_are_removed() {
    let (text, _) = rewritten("{ (&mut x).await }");
    assert_eq!(text, "{at(&mutx,&POINTS[0]).await}");
}

#[test]
fn blocks_and_closures_are_rewritten_but_items_are_not() {
    let (_, sources) =
        rewritten("{ async { a.await }; || async move { b.await }; async fn item() { c.await } }");
    assert_eq!(sources, ["a", "b"]);
}

#[test]
fn the_depth_of_a_point_is_the_number_of_bodies_around_it() {
    let body = "{ a.await; async { b.await; async || c.await }; || async { d.await }; e.await }";
    for (is_async, depths) in [(true, [1, 2, 4, 3, 1]), (false, [0, 1, 3, 2, 0])] {
        let mut block: Block = syn::parse_str(body).expect("the case parses");
        let points = rewrite_block(&mut block, is_async).found;
        let found: Vec<_> = points.iter().map(|point| point.depth).collect();
        assert_eq!(found, depths);
    }
}

/// Asserts the body with its awaits rewritten, and the text of each point.
fn assert_rewritten(body: &str, expected: &str, sources: &[&str]) {
    let (text, found) = rewritten(body);
    let expected: String = expected.split_whitespace().collect();
    assert_eq!(text, expected);
    assert_eq!(found, sources, "{body}");
}

#[test]
fn awaits_in_arguments_are_points() {
    assert_rewritten(
        r#"{ format!("{} {y}", a.await, y = b(1, c).await); }"#,
        r#"{ format!("{} {y}", at(a, &POINTS[0]).await, y = at(b(1, c), &POINTS[1]).await); }"#,
        &["a", "b(1, c)"],
    );
    assert_rewritten(
        "{ vec![a.await; 3]; matches!(b.await, Some(1 | 2) if x == 3); }",
        "{ vec![at(a, &POINTS[0]).await; 3];
            matches!(at(b, &POINTS[1]).await, Some(1 | 2) if x == 3); }",
        &["a", "b"],
    );
    assert_rewritten(
        r#"{ tracing::info!(target: "t", x = %a.await, y.z = ?b.await, c, "{}", d.await); }"#,
        r#"{ tracing::info!(target: "t", x = %at(a, &POINTS[0]).await,
            y.z = ?at(b, &POINTS[1]).await, c, "{}", at(d, &POINTS[2]).await); }"#,
        &["a", "b", "d"],
    );
    assert_rewritten(
        r#"{ json!({"a": [x.await, {"b": y.await}], "c": null, (k): z.await == 1}); }"#,
        r#"{ json!({"a": [at(x, &POINTS[0]).await, {"b": at(y, &POINTS[1]).await}], "c": null,
            (k): at(z, &POINTS[2]).await == 1}); }"#,
        &["x", "y", "z"],
    );
    assert_rewritten(
        "{ json!([a::b(1).await, {c::D: e::f().await}]); info!(x = %a::b(y <= 1).await); }",
        "{ json!([at(a::b(1), &POINTS[0]).await, {c::D: at(e::f(), &POINTS[1]).await}]);
            info!(x = %at(a::b(y <= 1), &POINTS[2]).await); }",
        &["a::b(1)", "e::f()", "a::b(y <= 1)"],
    );
}

#[test]
fn an_argument_may_contain_commas() {
    assert_rewritten(
        r#"{ format!("{} {}", a::<B, C>().await, d); vec![e::<F, G>(1).await; 2]; }"#,
        r#"{ format!("{} {}", at(a::<B, C>(), &POINTS[0]).await, d);
            vec![at(e::<F, G>(1), &POINTS[1]).await; 2]; }"#,
        &["a::<B, C>()", "e::<F, G>(1)"],
    );
    assert_rewritten(
        "{ tokio::join!(a::<B, C>(), d); json!({k: e::<F, G>().await, l: 1}); }",
        "{ tokio::join!(at(a::<B, C>(), &POINTS[0]), at(d, &POINTS[1]));
            json!({k: at(e::<F, G>(), &POINTS[2]).await, l: 1}); }",
        &["a::<B, C>()", "d", "e::<F, G>()"],
    );
    // After an argument that does not parse, it is unknown where the next one begins.
    assert_rewritten(
        "{ info!(a.await, b: => c::<D, E>().await); }",
        "{ info!(at(a, &POINTS[0]).await, b: => c::<D, E>().await); }",
        &["a"],
    );
}

#[test]
fn an_assertion_that_fails_shows_the_condition_as_it_was_written() {
    assert_rewritten(
        "{ assert!(a.await > 1); assert!(b.await, \"no {}\", 1); }",
        "{ assert!(at(a, &POINTS[0]).await > 1, \"{}\",
            \"assertionfailed:a.await>1\");
            assert!(at(b, &POINTS[1]).await, \"no {}\", 1); }",
        &["a", "b"],
    );
    assert_rewritten(
        "{ assert!(a::<B, C>().await,); }",
        "{ assert!(at(a::<B, C>(), &POINTS[0]).await, \"{}\",
                \"assertionfailed:a::<B,C>().await\"); }",
        &["a::<B, C>()"],
    );
}

#[test]
fn futures_that_a_macro_awaits_are_points() {
    assert_rewritten(
        "{ tokio::join!(biased; a(b.await), c); }",
        "{ tokio::join!(biased; at(a(at(b, &POINTS[0]).await), &POINTS[1]), at(c, &POINTS[2])); }",
        &["b", "a(b.await)", "c"],
    );
    assert_rewritten(
        "{ tokio::select! { biased; Some(x) = a(), if b => c.await,
            y = z => { d.await } else => e, } }",
        "{ tokio::select! { biased; Some(x) = at(a(), &POINTS[0]), if b => at(c, &POINTS[1]).await,
            y = at(z, &POINTS[2]) => { at(d, &POINTS[3]).await } else => e, } }",
        &["a()", "c", "z", "d"],
    );
    // The `select!` of futures borrows a named future, which is used again.
    assert_rewritten(
        "{ select! { x = a => 1, y = b.next() => 2, complete => 3 } }",
        "{ select! { x = a => 1, y = at(b.next(), &POINTS[0]) => 2, complete => 3 } }",
        &["b.next()"],
    );
}

#[test]
fn an_opaque_macro_is_unchanged_and_shown_by_its_name() {
    assert_rewritten(
        "{ own!(a.await); let x = own::mac! { b.await }; select! { recv(r) -> m => m } }",
        "{ let macro = within(&POINTS[0]); own!(a.await);
            #[allow(unreachable_code)] ::core::mem::drop(macro);
            let macro = within(&POINTS[1]); let x = own::mac! { b.await };
            #[allow(unreachable_code)] ::core::mem::drop(macro);
            let macro = within(&POINTS[2]);
            select! { recv(r) -> m => m } }",
        &["own!", "own::mac!", "select!"],
    );
    // This may be another macro of that name.
    assert_rewritten(
        r#"{ f(join!("a", b)); f(own!(a.b.await.c)); }"#,
        r#"{ f(join!("a", b)); f(own!(a.b.await.c)); }"#,
        &[],
    );
    assert_rewritten("{ own!(a, awaits, .b) }", "{ own!(a, awaits, .b) }", &[]);
}
