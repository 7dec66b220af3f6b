//! The columns of tables.

use std::fmt::Write;

use super::Service;

/// The documentation of a table's columns, as it must stand on the page.
pub async fn columns(service: &Service, table: &str) -> String {
    let help = service.admin(&format!("{table}?help")).await.text;
    let heading = service.admin(&format!("{table}?v&size=0")).await.text;
    let shown: Vec<&str> = heading.split_whitespace().collect();
    let mut expected = String::from("| column | aliases | by default | |\n|---|---|---|---|\n");
    for line in help.lines() {
        let mut cells = line.splitn(3, " | ").map(str::trim);
        let mut cell = || cells.next().expect("three of them");
        let (name, aliases, about) = (cell(), cell(), cell());
        let aliases = match aliases {
            "-" => String::new(),
            aliases => format!(" `{}`", aliases.replace(',', "`, `")),
        };
        let default = if shown.contains(&name) { " yes" } else { "" };
        writeln!(expected, "| `{name}` |{aliases} |{default} | {about} |").expect("a string");
    }
    expected
}
