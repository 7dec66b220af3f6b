//! What users of Elasticsearch type that is called otherwise here, and what it is called.

/// Paths of Elasticsearch, and the endpoint that answers the same question.
const PATHS: [(&str, &str); 14] = [
    ("/_cat/health", "/_cat/workers"),
    ("/_cat/indices", "/_cat/routes"),
    ("/_cat/nodes", "/_cat/workers"),
    ("/_cat/pending_tasks", "/_cat/tasks"),
    ("/_cat/thread_pool", "/_cat/workers"),
    ("/_cluster/health", "/_cat/workers"),
    ("/_cluster/pending_tasks", "/_cat/tasks"),
    ("/_cluster/settings", "/_routes/settings"),
    ("/_cluster/stats", "/_routes/stats"),
    ("/_nodes", "/_cat/workers"),
    ("/_nodes/hot_threads", "/_cat/stacks"),
    ("/_nodes/stats", "/_metrics"),
    ("/_settings", "/_routes/settings"),
    ("/_stats", "/_routes/stats"),
];

/// Parameters of Elasticsearch, and the one that says the same.
const PARAMS: [(&str, &str); 4] = [
    ("actions", "routes"),
    ("index", "routes"),
    ("master_timeout", "timeout"),
    ("parent_task_id", "group_by"),
];

/// What is asked for here in place of `path`.
pub(super) fn path(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    find(&PATHS, path)
}

/// What says here what `param` says there.
pub(super) fn param(param: &str) -> Option<&'static str> {
    find(&PARAMS, param)
}

/// True if `param` chooses among the nodes of a cluster.
pub(super) fn is_of_nodes(param: &str) -> bool {
    matches!(param, "nodes" | "node_id" | "nodeId")
}

fn find(words: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    let (_, here) = words.iter().find(|(there, _)| *there == word)?;
    Some(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::endpoints;

    #[test]
    fn what_is_named_is_here_and_what_it_stands_for_is_not() {
        let known = endpoints::paths();
        for (there, here) in PATHS {
            assert!(known.contains(&here), "{here}");
            assert!(!known.contains(&there), "{there}");
        }
    }
}
