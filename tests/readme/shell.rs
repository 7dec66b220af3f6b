//! Parses the commands that the README and the examples use: assignments, `cargo run --example`,
//! `sleep`, `curl`, and `curl` run by `seq` and `xargs`. Others are errors.

use std::collections::HashMap;

/// A command of a session.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// `NAME=value`
    Set(String, String),
    /// `cargo run --example NAME &`
    Serve(String),
    /// `curl ...`, with `| head -1` if `first_line`.
    Curl { curl: Curl, first_line: bool },
    /// `curl ... &`, or `seq N | xargs -P N -I{} curl ... &`: one call per element, concurrently.
    Background(Vec<Curl>),
    /// `seq N | xargs -P M -I{} curl ...`
    Together(Vec<Curl>),
    /// `NAME=$(curl ...)`, followed by `| grep WORD | cut -f1 -d' '` if there is a `word`.
    Take {
        name: String,
        curl: Curl,
        word: Option<String>,
    },
    /// `sleep 1` or `2`, time for calls to reach their await.
    Sleep,
}

/// A call of `curl`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curl {
    pub url: String,
    /// The socket of `--unix-socket`.
    pub socket: Option<String>,
    pub method: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// `-i`: print the response head.
    pub head: bool,
}

impl Curl {
    /// The call for one line of `xargs`.
    fn numbered(mut self, number: u32) -> Self {
        let number = number.to_string();
        self.url = self.url.replace("{}", &number);
        self.body = self.body.map(|body| body.replace("{}", &number));
        self
    }
}

/// Parses a line with the variables set before it.
///
/// # Errors
///
/// The part of the line that is not supported.
pub fn read(line: &str, variables: &HashMap<String, String>) -> Result<Command, String> {
    if let Some((name, taken)) = line.split_once("=$(") {
        let taken = taken.strip_suffix(')').ok_or_else(|| unknown(line))?;
        return take(name, taken, variables);
    }
    let words = words(line, variables)?;
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let background = words.last() == Some(&"&");
    if background {
        words.pop();
    }
    let commands: Vec<&[&str]> = words.split(|word| *word == "|").collect();
    match (commands.as_slice(), background) {
        ([[set]], false) if set.contains('=') => {
            let (name, value) = set.split_once('=').unwrap_or_default();
            Ok(Command::Set(name.to_owned(), value.to_owned()))
        }
        ([["cargo", "run", "--example", name]], true) => Ok(Command::Serve((*name).to_owned())),
        ([["sleep", "1" | "2"]], false) => Ok(Command::Sleep),
        ([["curl", args @ ..]], true) => Ok(Command::Background(vec![curl(args)?])),
        ([["curl", args @ ..]], false) => Ok(Command::Curl {
            curl: curl(args)?,
            first_line: false,
        }),
        ([["curl", args @ ..], ["head", "-1"]], false) => Ok(Command::Curl {
            curl: curl(args)?,
            first_line: true,
        }),
        (
            [
                ["seq", count],
                ["xargs", "-P", at_once, "-I{}", "curl", args @ ..],
            ],
            _,
        ) => {
            let count: u32 = count.parse().map_err(|_| unknown(line))?;
            let at_once: u32 = at_once.parse().map_err(|_| unknown(line))?;
            let calls: Vec<Curl> = (1..=count)
                .map(|number| Ok(curl(args)?.numbered(number)))
                .collect::<Result<_, String>>()?;
            match background {
                true if at_once == count => Ok(Command::Background(calls)),
                false if at_once <= count => Ok(Command::Together(calls)),
                _ => Err(unknown(line)),
            }
        }
        _ => Err(unknown(line)),
    }
}

/// Expands variables.
fn take(name: &str, taken: &str, variables: &HashMap<String, String>) -> Result<Command, String> {
    let words = words(taken, variables)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let commands: Vec<&[&str]> = words.split(|word| *word == "|").collect();
    let (args, word) = match commands.as_slice() {
        [["curl", args @ ..]] => (args, None),
        [["curl", args @ ..], ["grep", word], ["cut", "-f1", "-d "]] => {
            (args, Some((*word).to_owned()))
        }
        _ => return Err(unknown(taken)),
    };
    Ok(Command::Take {
        name: name.to_owned(),
        curl: curl(args)?,
        word,
    })
}

fn unknown(line: &str) -> String {
    format!("the form of this command is not known, see tests/readme/shell.rs: {line}")
}

fn curl(args: &[&str]) -> Result<Curl, String> {
    let mut curl = Curl::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || {
            let value = args.next().map(|value| (*value).to_owned());
            value.ok_or_else(|| format!("curl: {arg} takes a value"))
        };
        match *arg {
            "-s" | "-sN" | "-sSN" => {}
            // Options that only affect the output.
            "-o" if value()? == "/dev/null" => {}
            "-w" if value()? == "\\n" => {}
            "-i" => curl.head = true,
            "-X" => curl.method = Some(value()?),
            "-d" => curl.body = Some(value()?),
            "--unix-socket" => curl.socket = Some(value()?),
            "-H" => {
                let header = value()?;
                let (name, value) = header
                    .split_once(": ")
                    .ok_or("curl: -H takes `name: value`")?;
                curl.headers.push((name.to_owned(), value.to_owned()));
            }
            url if curl.url.is_empty() && !url.starts_with('-') => url.clone_into(&mut curl.url),
            _ => return Err(unknown(&format!("curl {arg}"))),
        }
    }
    if curl.url.is_empty() {
        return Err("curl: it has no URL".to_owned());
    }
    Ok(curl)
}

/// Splits a line into words; `|` and `&` are words.
fn words(line: &str, variables: &HashMap<String, String>) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let mut word = String::new();
        while let Some(first) = rest.chars().next().filter(|first| *first != ' ') {
            rest = &rest[first.len_utf8()..];
            match first {
                '\'' => {
                    let (quoted, after) = rest.split_once('\'').ok_or_else(|| unknown(line))?;
                    word.push_str(quoted);
                    rest = after;
                }
                '$' => {
                    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                    let (name, after) = rest.split_at(end);
                    let value = variables.get(name);
                    word.push_str(value.ok_or_else(|| format!("${name} is not set"))?);
                    rest = after;
                }
                '|' | '&' if !word.is_empty() || !(rest.is_empty() || rest.starts_with(' ')) => {
                    return Err(unknown(line));
                }
                '"' | '\\' | '`' | '<' | '>' | ';' | '(' | ')' | '*' | '?' | '#' | '~' => {
                    return Err(unknown(line));
                }
                _ => word.push(first),
            }
        }
        words.push(word);
        rest = rest.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(line: &str) -> Result<Command, String> {
        let variables = [("SOCKET".to_owned(), "/tmp/a".to_owned())];
        read(line, &variables.into_iter().collect())
    }

    fn call(line: &str) -> Curl {
        match known(line) {
            Ok(Command::Curl { curl, .. }) => curl,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_of_the_readme_are_parsed() {
        assert_eq!(
            known("SOCKET=/tmp/b"),
            Ok(Command::Set("SOCKET".to_owned(), "/tmp/b".to_owned()))
        );
        let serve = known("cargo run --example sample_app &");
        assert_eq!(serve, Ok(Command::Serve("sample_app".to_owned())));
        let Ok(Command::Background(calls)) =
            known("seq 2 | xargs -P 2 -I{} curl -s 'http://x/?{}' &")
        else {
            panic!("it is a load");
        };
        assert_eq!(
            (&*calls[0].url, &*calls[1].url),
            ("http://x/?1", "http://x/?2")
        );
        let Ok(Command::Together(calls)) =
            known("seq 2 | xargs -P 1 -I{} curl -s -o /dev/null -w '\\n' http://x -d '{\"a\":{}}'")
        else {
            panic!("it is a load");
        };
        assert_eq!(calls[1].body.as_deref(), Some("{\"a\":2}"));
        let taken = known("ID=$(curl -s http://x | grep /v1/ | cut -f1 -d' ')");
        let expected = Command::Take {
            name: "ID".to_owned(),
            curl: call("curl http://x"),
            word: Some("/v1/".to_owned()),
        };
        assert_eq!(taken, Ok(expected));
        assert_eq!(known("sleep 1"), Ok(Command::Sleep));
        let change = call(
            "curl -s -i --unix-socket $SOCKET -X PUT 'http://./$SOCKET?a b' -H 'A: b' -d '{\"c\":1}'",
        );
        let expected = Curl {
            url: "http://./$SOCKET?a b".to_owned(),
            socket: Some("/tmp/a".to_owned()),
            method: Some("PUT".to_owned()),
            headers: vec![("A".to_owned(), "b".to_owned())],
            body: Some("{\"c\":1}".to_owned()),
            head: true,
        };
        assert_eq!(change, expected);
    }

    #[test]
    fn other_commands_are_refused() {
        for line in [
            "wget http://x",
            "curl -s http://x | jq .",
            "curl -s http://x | head -2",
            "curl -k http://x",
            "curl -s",
            "curl -X",
            "curl -s http://x http://y",
            "curl -s http://x?v",
            "curl -s http://x > file",
            "curl -s http://x&",
            "curl -s \"http://x\"",
            "curl -s 'http://x",
            "curl -s $OTHER",
            "cargo run --example sample_app",
            "seq 2 | xargs -P 5 -I{} curl -s http://x",
            "sleep 20",
            "curl -s -o file http://x",
            "A=$(curl -s http://x | jq .)",
            "A=$(curl -s http://x",
            "seq 5 | xargs -P 2 -I{} curl -s http://x &",
            "A=b &",
        ] {
            assert!(known(line).is_err(), "{line}");
        }
        let unknown = known("wget http://x").expect_err("it is refused");
        assert!(
            unknown.contains("not known") && unknown.contains("wget"),
            "{unknown}"
        );
    }
}
