//! The order of the modules in each folder of the runtime crate.

/// The lines of modules in a folder, from the ground up.
pub(super) type Levels = &'static [&'static [&'static str]];

/// The modules of each folder from the ground up: a module imports only from lines above its own,
/// so modules on one line do not import each other. `mod` is the folder's `mod.rs`; if it is not
/// listed, it is above all others. A name that a `mod.rs` only re-exports counts as that of the
/// module that defines it.
pub(super) const ORDER: &[(&str, Levels)] = &[
    (
        "",
        &[
            &[
                "fd",
                "node",
                "hex",
                "passthrough",
                "dir_lock",
                "shell",
                "suggest",
                "sync",
                "temporary",
                "truncate",
                "units",
            ],
            &[
                "clock",
                "error_body",
                "seq_count",
                "trace_context",
                "visible",
            ],
            &["log", "json", "threads", "throttle"],
            &["stack"],
            &["guards"],
            &["stats"],
            &["connection"],
            &["settings"],
            &["route"],
            &["routes"],
            &["task"],
            &["events"],
            &["ended"],
            &["sampling"],
            &["panics"],
            &["settings_file"],
            &["workers"],
            &["waits"],
            &["health"],
            &["housekeeping"],
            &["instrument"],
            &["admin"],
            &["serve"],
            &["__private"],
        ],
    ),
    (
        "connection",
        &[
            &["drain", "http2", "info"],
            &["registry"],
            &["current", "shared"],
            &["stream"],
            &["listener"],
        ],
    ),
    (
        "instrument",
        &[
            &["interrupted", "poll"],
            &["body", "request", "upgrade"],
            &["record"],
            &["handler", "background", "layer"],
            &["blocking"],
            &["track", "mount", "typed_path"],
        ],
    ),
    (
        "instrument/poll",
        &[
            &["frame_slot", "guard", "lock_address", "scope"],
            &["acquired"],
            &["at_await", "hold", "within", "timeout", "tracked"],
        ],
    ),
    ("instrument/body", &[&["failure", "request"], &["response"]]),
    (
        "instrument/layer",
        &[
            &["prefix", "service_call"],
            &["endpoint"],
            &["future", "plain"],
            &["service"],
        ],
    ),
    (
        "instrument/request",
        &[&["begin", "delay", "protocol"], &["answer"], &["admission"]],
    ),
    (
        "instrument/handler",
        &[
            &["annotated", "argument", "erased", "extract", "kept"],
            &["begin"],
            &["run"],
            &["call", "plain_call"],
        ],
    ),
    (
        "guards",
        &[
            &["held", "resource_name", "type_path"],
            &["known"],
            &["guard_type"],
        ],
    ),
    (
        "waits",
        &[
            &["look", "passage", "verdict"],
            &["graph"],
            &["path"],
            &["judge"],
            &["build"],
            &["knots"],
        ],
    ),
    ("panics", &[&["hook"], &["report"]]),
    ("route", &[&["stable_hash"], &["id", "identity"]]),
    (
        "routes",
        &[
            &["settings_cell"],
            &["route"],
            &["mounts"],
            &["entry"],
            &["link"],
            &["layer_routes"],
            &["expiry", "lookup", "route_of"],
        ],
    ),
    (
        "settings",
        &[
            &["headers", "rate_limit"],
            &["catalogue"],
            &["stored"],
            &["effective", "section_error"],
            &["section"],
        ],
    ),
    (
        "settings_file",
        &[
            &["permissions"],
            &["disk"],
            &["document"],
            &["resolved"],
            &["change"],
            &["watcher"],
        ],
    ),
    (
        "serve",
        &[
            &["fd_reserve", "limits", "listener", "peer", "socket"],
            &["connections", "rebind"],
            &["stream"],
            &["connection"],
            &["accept"],
            &["server"],
            &["builder"],
        ],
    ),
    (
        "serve/builder",
        &[
            &["mod"],
            &[
                "access",
                "check",
                "guard_type",
                "limits",
                "panic_hook",
                "policy",
            ],
        ],
    ),
    ("clock", &[&["system"], &["tsc"], &["instant"], &["coarse"]]),
    (
        "stack",
        &[
            &["point"],
            &["async_body", "node"],
            &["inline_nodes", "keys"],
            &["frames"],
            &["paths", "tree"],
        ],
    ),
    (
        "stats",
        &[
            &["blocking", "bucket", "counts", "elias_gamma", "ring"],
            &["end"],
            &["histogram", "second"],
            &["compressed", "end_totals"],
            &["history"],
            &["window"],
            &["merged"],
            &["shard"],
            &["route_stats"],
        ],
    ),
    (
        "threads",
        &[
            &[
                "is_worker",
                "kernel",
                "new_runtimes",
                "runtime_number",
                "worker_counts",
                "worker_search",
            ],
            &["record"],
        ],
    ),
    (
        "events",
        &[&["event"], &["rings"], &["publish"], &["cursor", "limits"]],
    ),
    (
        "ended",
        &[&["record"], &["event", "kept"], &["store"], &["capture"]],
    ),
    (
        "sampling",
        &[
            &["pass", "places", "profile", "queued"],
            &["awaits", "crossing"],
            &["waiting"],
            &["watch"],
        ],
    ),
    (
        "workers",
        &[
            &["discovery", "identify", "limit", "stall", "utilization"],
            &["runtimes"],
            &["report", "view"],
            &["sampler"],
        ],
    ),
    (
        "task",
        &[
            &["id", "interrupt", "panic_note", "request_meta"],
            &["meta_buffer"],
            &["kind"],
            &["extra"],
            &["slot"],
            &[
                "cancel",
                "poller_state",
                "read_kind",
                "slot_pool",
                "slot_ref",
            ],
            &["thread"],
            &["begin", "commit", "end", "locks", "stage"],
            &["task_ref"],
            &["registry"],
        ],
    ),
    (
        "health",
        &[
            &["finding"],
            &["known", "names", "traffic"],
            &["events", "rules"],
        ],
    ),
    (
        "health/rules",
        &[
            &["look"],
            &[
                "blocked_workers",
                "blocking_pool",
                "deadlock",
                "descriptors",
                "drain",
                "routes",
                "settings_file",
                "shed",
                "stuck",
            ],
        ],
    ),
    ("sampling/profile", &[&["sample"], &["recording"]]),
    ("sampling/profile/recording", &[]),
    (
        "admin",
        &[
            // The basis of all others.
            &["words", "elasticsearch", "cancellation", "readme"],
            &["render"],
            &["error", "value"],
            &["params", "filter_path"],
            // The checks before a handler.
            &["audit"],
            &["write_access", "cross_origin", "read_body"],
            &["policy", "offload", "bad_request"],
            &["curl"],
            // The request as a handler sees it: independent of all endpoints.
            &["request"],
            &["cost"],
            &["endpoint"],
            // Shared by handlers.
            &["resources", "task_snapshot"],
            &["select"],
            &[
                "dry_run",
                "blocked_workers",
                "task_properties",
                "ended_snapshot",
                "health_snapshot",
            ],
            &["interrupt"],
            // The handlers.
            &["connections", "live"],
            &["cat", "root"],
            &[
                "routes",
                "tasks",
                "metrics",
                "ended",
                "events",
                "profile",
                "health_report",
            ],
            // The endpoints, which no handler imports.
            &["dispatch"],
            &["router"],
            &["metrics_router"],
        ],
    ),
    ("admin/audit", &[&["peer"], &["record"], &["call"]]),
    (
        "admin/cat",
        &[
            &["column"],
            &["sort"],
            &["table"],
            &[
                "audit",
                "awaits",
                "connections",
                "ended",
                "health",
                "routes",
                "stacks",
                "tasks",
                "waits",
                "workers",
            ],
        ],
    ),
    ("admin/connections", &[&["mod"], &["close", "drain"]]),
    (
        "admin/events",
        &[&["object"], &["sse", "text"], &["format"], &["stream"]],
    ),
    ("admin/filter_path", &[]),
    (
        "admin/metrics",
        &[
            &["exemplars", "process"],
            &["snapshot"],
            &["family"],
            &["families", "http", "process_families"],
            &["exposition"],
            &["accept"],
        ],
    ),
    ("admin/offload", &[&["queue"], &["lane"]]),
    (
        "admin/profile",
        &[
            &["frames", "proto", "summary"],
            &["folded", "pprof", "structure", "svg"],
        ],
    ),
    ("admin/render", &[&["output", "text"], &["json", "yaml"]]),
    ("admin/routes", &[&["settings", "interrupt"]]),
    ("admin/routes/settings", &[&["body", "edits", "shown"]]),
    ("admin/tasks", &[&["cancel", "get", "print_stack"]]),
];
