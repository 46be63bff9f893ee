//! Modules of the other languages: which files an import's text means.
//!
//! Invariant: what is found is a file of the repository; what is certainly elsewhere is said to be outside.

use std::rc::Rc;

use naestro_kernel::code::Fault;

use super::tree::{folder_of, folders_of, join, name_of};
use super::{Found, MANIFESTS_READ, Node, Packages, Resolver, View};
use crate::{FileId, Language};

/// What TypeScript and JavaScript put behind a path that is written without it.
const SCRIPT: [&str; 11] = ["", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json"];

impl Resolver<'_> {
    /// The modules an import's text means at a place of a file.
    pub(super) fn module(&self, view: &View, within: Option<u32>, module: &str, depth: u32) -> Result<Found, Fault> {
        let Some(language) = view.language else { return Ok(Found::nothing()) };
        if language == Language::Rust {
            return self.rust_path(view, within, module, depth);
        }
        let key = (folder_of(&view.path).to_owned(), language, module.to_owned());
        if let Some(known) = self.modules.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = match language {
            Language::Python => self.python_module(&view.path, module),
            Language::TypeScript | Language::Tsx | Language::JavaScript => self.script_module(&view.path, module)?,
            Language::Go => self.go_module(module)?,
            Language::Java => self.java_module(module),
            _ => self.included(&view.path, module),
        };
        self.modules.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    fn python_module(&self, path: &str, module: &str) -> Found {
        let dots = module.bytes().take_while(|byte| *byte == b'.').count();
        let rest = module[dots..].replace('.', "/");
        if dots > 0 {
            let base = folders_of(path).nth(dots - 1).unwrap_or("");
            return Found::these(self.python_file(&join(base, &rest)));
        }
        for folder in folders_of(path) {
            for base in [folder.to_owned(), join(folder, "src"), join(folder, "lib")] {
                let found = self.python_file(&join(&base, &rest));
                if !found.is_empty() {
                    return Found::these(found);
                }
            }
        }
        let ends = [format!("{rest}.py"), format!("{rest}/__init__.py")];
        let found: Vec<Node> = ends.iter().flat_map(|end| self.tree.ending(end).to_vec()).map(Node::module).collect();
        let is_folder = folders_of(path).any(|folder| self.tree.is_folder(&join(folder, &rest)));
        if found.is_empty() && !is_folder { Found::outside() } else { Found::these(found) }
    }

    fn python_file(&self, stem: &str) -> Vec<Node> {
        let inside = ["__init__.py", "__init__.pyi"].map(|name| join(stem, name));
        let beside = [format!("{stem}.py"), format!("{stem}.pyi")];
        self.tree.first(inside.into_iter().chain(beside)).map(Node::module).into_iter().collect()
    }

    fn script_module(&self, path: &str, module: &str) -> Result<Found, Fault> {
        if module.starts_with('.') {
            return Ok(Found::these(self.script_file(&join(folder_of(path), module))));
        }
        if let Some(rest) = module.strip_prefix("@/").or_else(|| module.strip_prefix("~/")) {
            let package = self.tree.package(path);
            let found = [join(package, "src"), package.to_owned()]
                .iter()
                .map(|base| self.script_file(&join(base, rest)))
                .find(|found| !found.is_empty());
            return Ok(Found::these(found.unwrap_or_default()));
        }
        for (name, folder) in self.script_packages()?.iter() {
            let Some(rest) = module.strip_prefix(name.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/')) else { continue };
            let bases = ["src", "", "lib"].map(|base| join(folder, &format!("{base}{rest}")));
            let found = bases.iter().map(|base| self.script_file(base)).find(|found| !found.is_empty());
            return Ok(Found::these(found.unwrap_or_default()));
        }
        let from_package = self.script_file(&join(self.tree.package(path), module));
        Ok(if from_package.is_empty() { Found::outside() } else { Found::these(from_package) })
    }

    /// The file a path without extension, with one of what it is compiled to, or of a folder means.
    fn script_file(&self, path: &str) -> Vec<Node> {
        let plain = [".js", ".mjs", ".cjs", ".jsx"].iter().find_map(|end| path.strip_suffix(end));
        let exact = plain.is_none().then_some(path);
        let stems = exact.into_iter().chain(plain);
        let mut paths: Vec<String> = stems.flat_map(|stem| SCRIPT.map(|end| format!("{stem}{end}"))).collect();
        if plain.is_some() {
            paths.insert(0, path.to_owned());
        }
        paths.extend(SCRIPT[1..].iter().map(|end| join(path, &format!("index{end}"))));
        let found = paths.into_iter().filter_map(|path| self.tree.find(&path)).find(|file| file.language.is_some());
        found.map(|file| Node::module(file.id)).into_iter().collect()
    }

    /// The packages of the repository by the name their `package.json` gives, the longest names first.
    fn script_packages(&self) -> Result<Packages, Fault> {
        if let Some(known) = self.packages.borrow().as_ref() {
            return Ok(Rc::clone(known));
        }
        let mut found = Vec::new();
        for manifest in self.tree.files().iter().filter(|file| name_of(&file.path) == "package.json").take(MANIFESTS_READ) {
            if let Some(name) = json_text(&self.text(&manifest.path)?, "name") {
                found.push((name, folder_of(&manifest.path).to_owned()));
            }
        }
        found.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then(a.cmp(b)));
        let found: Packages = found.into();
        *self.packages.borrow_mut() = Some(Rc::clone(&found));
        Ok(found)
    }

    fn go_module(&self, module: &str) -> Result<Found, Fault> {
        for manifest in self.tree.files().iter().filter(|file| name_of(&file.path) == "go.mod").take(MANIFESTS_READ) {
            let text = self.text(&manifest.path)?;
            let name = text.lines().find_map(|line| line.trim().strip_prefix("module ")).unwrap_or("").trim();
            if let Some(rest) = module.strip_prefix(name).filter(|rest| !name.is_empty() && (rest.is_empty() || rest.starts_with('/'))) {
                return Ok(Found::these(self.go_package(&join(folder_of(&manifest.path), rest))));
            }
        }
        Ok(Found::outside())
    }

    /// The files of a Go package, by its folder.
    pub(super) fn go_package(&self, folder: &str) -> Vec<Node> {
        self.tree.directly_in(folder).filter(|file| file.language == Some(Language::Go)).map(|file| Node::module(file.id)).collect()
    }

    fn java_module(&self, module: &str) -> Found {
        let path = module.replace('.', "/");
        let class = self.tree.ending(&format!("{path}.java"));
        if !class.is_empty() {
            return Found::these(class.iter().copied().map(Node::module).collect());
        }
        let inside = |file: &&crate::File| {
            file.language == Some(Language::Java)
                && (folder_of(&file.path) == path || folder_of(&file.path).strip_suffix(&path).is_some_and(|before| before.ends_with('/')))
        };
        let found: Vec<Node> = self.tree.files().iter().filter(inside).map(|file| Node::module(file.id)).collect();
        if found.is_empty() { Found::outside() } else { Found::these(found) }
    }

    /// The header an `#include` means, with the sources of the same stem.
    fn included(&self, path: &str, include: &str) -> Found {
        let include = include.trim_matches(['"', '<', '>', ' ']);
        let near = self.tree.find(&join(folder_of(path), include)).map(|file| vec![file.id]);
        let headers = near.unwrap_or_else(|| self.tree.ending(&join("", include)).to_vec());
        if headers.is_empty() {
            return Found::outside();
        }
        let mut found: Vec<FileId> = headers.clone();
        for header in headers.iter().filter_map(|id| self.tree.file(*id)) {
            let stem = name_of(&header.path).rsplit_once('.').map_or("", |(stem, _)| stem);
            let sources = ["c", "cc", "cpp", "cxx"].map(|end| format!("{stem}.{end}"));
            found.extend(sources.iter().flat_map(|source| self.tree.ending(source).to_vec()));
        }
        found.dedup();
        Found::these(found.into_iter().map(Node::module).collect())
    }
}

/// The first text that a JSON object gives under a key, as far as it needs no escapes.
fn json_text(text: &str, key: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("\"{key}\""))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    rest.split('"').next().map(str::to_owned)
}
