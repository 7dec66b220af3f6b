//! Finds the functions mounted by routers.

use std::collections::BTreeSet;

use crate::routing::Mounted;
use crate::sources::{Function, Sources};

#[derive(Default)]
pub(crate) struct Found {
    /// Functions that can be annotated.
    pub(crate) handlers: BTreeSet<usize>,
    /// Packages that mount one of them.
    pub(crate) mounting: BTreeSet<usize>,
    /// The package of each closure.
    closures: Vec<usize>,
    /// Mounted items that cannot be annotated: the package, and the reason.
    skipped: BTreeSet<(usize, String)>,
}

impl Found {
    /// All `async fn`, mounted or not.
    pub(crate) fn all_async(sources: &Sources) -> Self {
        let functions = sources.functions.iter().enumerate();
        let is_one = |function: &Function| function.is_async && !function.is_annotated;
        let found = functions.filter(|(_, function)| is_one(function));
        Found {
            handlers: found.map(|(index, _)| index).collect(),
            ..Found::default()
        }
    }

    /// The mounted ones.
    pub(crate) fn new(sources: &Sources) -> Self {
        let mut found = Found::default();
        for (index, krate) in sources.crates.iter().enumerate() {
            for (module, file, mount) in &krate.mounts {
                let is_sure = mount.is_method_of_router
                    || sources.is_of_routing(index, *module, &mount.caller);
                let function = match &mount.handler {
                    Mounted::Path(path) => sources.function(index, *module, path),
                    _ => None,
                };
                if let Some(function) = function {
                    found.function(sources, function, is_sure);
                    if found.handlers.contains(&function) {
                        found.mounting.insert(krate.package);
                    }
                } else if is_sure {
                    let place = format!("{}:{}", file.display(), mount.line);
                    found.other(krate.package, &mount.handler, &place);
                }
            }
        }
        found
    }

    fn function(&mut self, sources: &Sources, index: usize, is_sure: bool) {
        let function = &sources.functions[index];
        let why = if function.is_annotated {
            "it has the attribute already"
        } else if function.is_future {
            self.handlers.insert(index);
            return;
        } else {
            "it is not `async` and returns no future"
        };
        if is_sure {
            let told = format!("{}: {why}", function.shown());
            self.skipped.insert((function.package, told));
        }
    }

    fn other(&mut self, package: usize, mounted: &Mounted, place: &str) {
        let told = match mounted {
            Mounted::Closure => return self.closures.push(package),
            Mounted::Other(why) => format!("{place}: {why}"),
            Mounted::Path(path) => format!("{place}: {}: {}", path.join("::"), reason(path)),
        };
        self.skipped.insert((package, told));
    }

    pub(crate) fn handlers_of(&self, sources: &Sources, package: usize) -> usize {
        let handlers = self.handlers.iter();
        handlers
            .filter(|index| sources.functions[**index].package == package)
            .count()
    }

    pub(crate) fn closures_of(&self, package: usize) -> usize {
        self.closures.iter().filter(|of| **of == package).count()
    }

    pub(crate) fn skipped_of(&self, package: usize) -> Vec<String> {
        let skipped = self.skipped.iter().filter(|(of, _)| *of == package);
        skipped.map(|(_, told)| told.clone()).collect()
    }
}

fn reason(path: &[String]) -> &'static str {
    let owner = path.len().checked_sub(2).map(|at| path[at].as_str());
    let is_type = owner.is_some_and(|owner| owner.starts_with(char::is_uppercase));
    if is_type {
        "a function of a type, which has no attribute of its own"
    } else {
        "a variable, a function of another crate, or one that a macro writes"
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::{env, fs, process};

    use super::*;

    /// The names of the handlers in `files`, and the skipped ones.
    fn find(name: &str, files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let sources = read(name, files);
        let found = Found::new(&sources);
        (names(&sources, &found), found.skipped_of(0))
    }

    fn read(name: &str, files: &[(&str, &str)]) -> Sources {
        let folder: PathBuf =
            env::temp_dir().join(format!("axum-examples-{name}-{}", process::id()));
        let mut sources = Sources::default();
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        let read = sources.read("a-service", 0, true, &folder.join("lib.rs"));
        fs::remove_dir_all(&folder).expect("it is there");
        read.expect("it can be read");
        sources
    }

    fn names(sources: &Sources, found: &Found) -> Vec<String> {
        let handlers = found.handlers.iter();
        let lines = handlers.map(|index| {
            let function = &sources.functions[*index];
            format!("{} {}", function.name, function.place.0 + 1)
        });
        lines.collect()
    }

    #[test]
    fn every_async_function_is_found() {
        let root = "
            async fn f() { async fn inner() {} }
            fn not() {}
            impl A { pub async fn of_type(&self) {} fn not(&self) {} }
            impl T for A { async fn of_trait(&self) {} }
            trait T { async fn given(&self) {} async fn required(&self); }
            #[underscore_frame] async fn annotated() {}";
        let sources = read("frames", &[("lib.rs", root)]);
        let found = Found::all_async(&sources);
        let expected = ["f 2", "inner 2", "of_type 4", "of_trait 5", "given 6"];
        assert_eq!(names(&sources, &found), expected);
    }

    #[test]
    fn a_handler_is_found_wherever_a_path_leads() {
        let root = "
            mod users; mod get { pub async fn login() {} }
            use axum::routing::{get, post, on}; use users::{list as all, *};
            async fn login() {}
            fn app() -> Router {
                async fn local() {}
                Router::new()
                    .route(\"/\", get(all).post(users::admin::create))
                    .route(\"/login\", get(self::get::login))
                    .route(\"/glob\", on(MethodFilter::GET, of_glob))
                    .route(\"/local\", post(local))
                    .routes(routes!(crate::users::documented))
                    .fallback(a_service::users::missing)
            }";
        let users = "
            pub mod admin;
            pub async fn list() {}
            pub async fn of_glob() {}
            #[utoipa::path(get)]
            #[debug_handler]
            pub async fn documented() {}
            pub fn missing() -> impl Future<Output = ()> {}
            pub async fn none() {}";
        let admin = "use super::none; pub async fn create() {}";
        let (handlers, skipped) = find(
            "paths",
            &[
                ("lib.rs", root),
                ("users.rs", users),
                ("users/admin.rs", admin),
            ],
        );
        let mut handlers: Vec<&str> = handlers.iter().map(String::as_str).collect();
        handlers.sort_unstable();
        let expected = [
            "create 1",
            "documented 6",
            "list 3",
            "local 6",
            "login 2",
            "missing 8",
            "of_glob 4",
        ];
        assert_eq!(handlers, expected);
        assert!(skipped.is_empty(), "{skipped:?}");
    }

    #[test]
    fn text_that_resembles_a_route_is_ignored() {
        let root = "
            use axum::routing::get; use std::collections::HashMap;
            async fn key() {} fn url() {} async fn value() {}
            async fn f(client: Client, map: HashMap<String, String>, handler: H) {
                map.get(key); reqwest::get(value); client.post(url); list.iter().any(|x| x);
                get(handler); get(Api::list); get(make()); get(|| async {}).post(url);
            }";
        let (handlers, skipped) = find("others", &[("lib.rs", root)]);
        assert!(handlers.is_empty(), "{handlers:?}");
        let reasons = skipped.iter().filter_map(|told| told.rsplit(": ").next());
        let reasons: BTreeSet<&str> = reasons.collect();
        let expected = [
            "a function of a type, which has no attribute of its own",
            "a variable, a function of another crate, or one that a macro writes",
            "it is not `async` and returns no future",
            "what a call returns",
        ];
        assert!(reasons.into_iter().eq(expected), "{skipped:?}");
    }
}
