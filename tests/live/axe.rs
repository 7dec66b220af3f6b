//! axe-core, which finds what keeps people from using a page: missing names, low contrast, wrong
//! roles. It is installed by `npm` below `target` and run by the driver, not by the page, whose CSP
//! forbids it.

use std::fmt::{self, Display, Formatter};
use std::fs;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::files::of_project;
use crate::support::tools;

/// A rule that the page breaks.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: String,
    pub(crate) impact: String,
    /// Selectors of the elements that break it.
    pub(crate) targets: Vec<String>,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Violation {
            rule,
            impact,
            targets,
        } = self;
        write!(f, "{rule} ({impact}): {}", targets.join(" | "))
    }
}

/// The source of axe-core, `None` if the test is skipped because it is missing.
pub(crate) fn source() -> Option<String> {
    let file = of_project("target/axe/node_modules/axe-core/axe.min.js");
    let cure = "npm install --prefix target/axe --no-save axe-core@4";
    let is_there = tools::have_file(&file, cure);
    is_there.then(|| fs::read_to_string(file).expect("it is text"))
}

impl Browser {
    /// The rules that the page breaks, of impact serious or critical.
    pub(crate) async fn axe(&self, source: &str) -> Vec<Violation> {
        self.execute(source, json!([])).await;
        let script = "
            const found = await axe.run(document, { resultTypes: ['violations'] });
            return found.violations.map(({ id, impact, nodes }) => ({
                rule: id,
                impact,
                targets: nodes.map(node => node.target.join(' ')),
            }));";
        let script = format!("return (async () => {{ {script} }})();");
        let found = self.execute(&script, json!([])).await;
        let found = found.as_array().expect("a list").iter().map(violation);
        found
            .filter(|violation| matches!(&*violation.impact, "serious" | "critical"))
            .collect()
    }

    /// Asserts that the page breaks no rule of impact serious or critical.
    pub(crate) async fn assert_accessible(&self, source: &str, what: &str) {
        let found = self.axe(source).await;
        let found: Vec<String> = found.iter().map(Violation::to_string).collect();
        assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
    }
}

fn violation(found: &Value) -> Violation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let targets = found["targets"].as_array().expect("a list").iter();
    Violation {
        rule: text(&found["rule"]),
        impact: text(&found["impact"]),
        targets: targets.map(text).collect(),
    }
}
