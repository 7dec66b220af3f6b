//! Splits the README into commands of its sessions, their outputs, and other lines.

/// A part of the text.
pub enum Part {
    /// A line outside of sessions.
    Line(String),
    Step(Step),
}

/// A command and its output.
pub struct Step {
    /// Line number of the command, from 1.
    pub line: usize,
    /// The command with its prompt and continuations.
    typed: Vec<String>,
    /// The output, without the empty lines before the next prompt.
    pub shown: Vec<String>,
}

impl Step {
    /// The command on one line.
    pub fn command(&self) -> String {
        let lines = self.typed.iter().map(|line| line.trim_end_matches('\\'));
        let command = lines.map(str::trim).collect::<Vec<_>>().join(" ");
        command.trim_start_matches("$ ").to_owned()
    }
}

/// The parts of a text.
pub fn parts(readme: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut in_session, mut in_command) = (false, false);
    for (index, text) in readme.lines().enumerate() {
        let is_fence = text.starts_with("```");
        if in_session && !is_fence {
            match parts.last_mut() {
                _ if text.starts_with("$ ") => parts.push(Part::Step(Step {
                    line: index + 1,
                    typed: vec![text.to_owned()],
                    shown: Vec::new(),
                })),
                Some(Part::Step(step)) if in_command => step.typed.push(text.to_owned()),
                Some(Part::Step(step)) if !text.is_empty() => step.shown.push(text.to_owned()),
                _ => parts.push(Part::Line(text.to_owned())),
            }
            in_command = (in_command || text.starts_with("$ ")) && text.ends_with('\\');
            continue;
        }
        if is_fence {
            in_session = !in_session && text == "```console";
        }
        parts.push(Part::Line(text.to_owned()));
    }
    parts
}

/// Joins parts to a text.
pub fn written(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let lines: Vec<&String> = match part {
            Part::Line(line) => vec![line],
            Part::Step(step) => step.typed.iter().chain(&step.shown).collect(),
        };
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# x\n```shell\n$ no\n```\n```console\n$ a \\\n    b\n1\n2\n\n$ c\n```\ny\n";

    #[test]
    fn commands_and_outputs_are_separated_from_the_rest() {
        let parts = parts(TEXT);
        let steps = parts.iter().filter_map(|part| match part {
            Part::Step(step) => Some((step.line, step.command(), step.shown.len())),
            Part::Line(_) => None,
        });
        let expected = [(6, "a b".to_owned(), 2), (11, "c".to_owned(), 0)];
        assert_eq!(steps.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn parts_join_to_the_original_text() {
        assert_eq!(written(&parts(TEXT)), TEXT);
        let readme = include_str!("../../README.md");
        assert_eq!(written(&parts(readme)), readme);
    }
}
