//! Paths and parameters of Elasticsearch that have another name here, for suggestions in errors.

/// Paths of Elasticsearch, each with the endpoint here that shows the same.
pub(super) const PATHS: [(&str, &str); 12] = [
    ("/_cat/indices", "/_cat/routes"),
    ("/_cat/nodes", "/_cat/workers"),
    ("/_cat/pending_tasks", "/_cat/tasks"),
    ("/_cat/thread_pool", "/_cat/workers"),
    ("/_cluster/health", "/_health_report"),
    ("/_cluster/pending_tasks", "/_cat/tasks"),
    ("/_cluster/settings", "/_routes/settings"),
    ("/_cluster/stats", "/_routes/stats"),
    ("/_nodes", "/_cat/workers"),
    ("/_nodes/stats", "/_metrics"),
    ("/_settings", "/_routes/settings"),
    ("/_stats", "/_routes/stats"),
];

/// Parameters of Elasticsearch, each with the one here that has the same effect.
const PARAMS: [(&str, &str); 8] = [
    ("actions", "routes"),
    ("ignore_idle_threads", "type"),
    ("index", "routes"),
    ("interval", "seconds"),
    ("master_timeout", "timeout"),
    ("parent_task_id", "group_by"),
    ("snapshots", "seconds"),
    ("threads", "routes"),
];

/// The path here for a path of Elasticsearch.
pub(super) fn path(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    find(&PATHS, path)
}

/// The parameter here for a parameter of Elasticsearch.
pub(super) fn param(param: &str) -> Option<&'static str> {
    find(&PARAMS, param)
}

/// True if `param` selects nodes of a cluster.
pub(super) fn selects_nodes(param: &str) -> bool {
    matches!(param, "nodes" | "node_id" | "nodeId")
}

fn find(words: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    let (_, here) = words.iter().find(|(there, _)| *there == word)?;
    Some(here)
}
