//! Bodies, URIs and headers above the limits.

use underscore_runtime::AdminBuilder;

use super::raw::{Answered, Raw, others_are_served, served};

const GIB: usize = 1 << 30;

/// Above the memory of the tests that run beside this one, and far below what is sent.
const MOST_MEMORY: usize = 300 << 20;

/// Peak resident memory of this process, 0 if the system does not report it.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    kib.map_or(0, |kib| kib.parse::<usize>().expect("a number") << 10)
}

fn is_too_large(answer: &Answered) {
    let expected = (
        "content_too_large".to_owned(),
        "request body must be at most 1048576 bytes".to_owned(),
    );
    assert_eq!((answer.status, answer.error()), (413, expected));
}

/// Holds 6.14, 6.22 of docs/admin-api.md.
#[tokio::test]
async fn a_gib_that_is_announced_is_refused_before_any_of_it_is_sent() {
    let service = served(&AdminBuilder::new()).await;
    for expect in ["", "expect: 100-continue\r\n"] {
        let mut client = Raw::connect(&service).await;
        let head = format!(
            "PUT /_routes/x/settings HTTP/1.1\r\nhost: .\r\n{expect}content-length: {GIB}\r\n\r\n"
        );
        assert!(client.send(head.as_bytes()).await);
        is_too_large(&client.answer().await);
        client.closed().await;
    }
}

/// Holds 6.14 of docs/admin-api.md.
#[tokio::test]
async fn a_gib_that_is_sent_anyway_is_refused_and_not_stored() {
    let service = served(&AdminBuilder::new()).await;
    let before = peak_memory();
    for chunked in [false, true] {
        let mut client = Raw::connect(&service).await;
        let (length, part) = if chunked {
            let chunk = [b"10000\r\n", &*vec![b' '; 0x10000], b"\r\n"].concat();
            ("transfer-encoding: chunked".to_owned(), chunk)
        } else {
            (format!("content-length: {GIB}"), vec![b' '; 0x10000])
        };
        let head = format!("PUT /_routes/x/settings HTTP/1.1\r\nhost: .\r\n{length}\r\n\r\n");
        assert!(client.send(head.as_bytes()).await);
        let mut parts = GIB / 0x10000;
        while parts > 0 && client.send(&part).await {
            parts -= 1;
        }
        assert!(parts > 0, "all of it was read");
        is_too_large(&client.answer().await);
        others_are_served(&service).await;
    }
    let more = peak_memory() - before;
    assert!(more < MOST_MEMORY, "{more} bytes more");
}

/// Holds 6.23, 6.25 of docs/admin-api.md.
#[tokio::test]
async fn endless_uris_and_headers_are_refused_in_the_common_shape() {
    let service = served(&AdminBuilder::new()).await;
    let long = "x".repeat(100 << 10);
    let many: Vec<String> = (0..200)
        .map(|number| format!("x-{number}: x\r\n"))
        .collect();
    let many = many.concat();
    for (request, status, kind) in [
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 414, "uri_too_long"),
        (
            format!("GET /_cat/routes?h={long} HTTP/1.1\r\n\r\n"),
            414,
            "uri_too_long",
        ),
        (
            format!("GET / HTTP/1.1\r\nx: {long}{long}{long}\r\n\r\n"),
            431,
            "request_header_fields_too_large",
        ),
        (
            format!("GET / HTTP/1.1\r\n{many}\r\n"),
            431,
            "request_header_fields_too_large",
        ),
    ] {
        let mut client = Raw::connect(&service).await;
        // The server may close the connection before all of it is written.
        client.send(request.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, &*answer.error().0),
            (status, kind),
            "{answer:?}"
        );
        client.closed().await;
    }
    others_are_served(&service).await;
}

/// A URI of the maximum length, in an error that quotes its beginning.
///
/// Holds 6.29 of docs/admin-api.md.
#[tokio::test]
async fn a_uri_of_sixty_kib_is_read() {
    let service = served(&AdminBuilder::new()).await;
    let long = "x".repeat(60 << 10);
    let mut client = Raw::connect(&service).await;
    let request = format!("GET /_cat/routes?{long} HTTP/1.1\r\nhost: .\r\n\r\n");
    assert!(client.send(request.as_bytes()).await);
    let answer = client.answer().await;
    assert_eq!(answer.status, 400);
    let repeated = answer.error().1.matches('x').count();
    assert!((100..=201).contains(&repeated), "{repeated}");
    others_are_served(&service).await;
}
