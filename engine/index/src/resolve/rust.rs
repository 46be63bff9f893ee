//! Rust's modules: paths by `crate`, `self`, `super`, modules by file names, crates of the workspace by their manifests.
//!
//! Invariant: files and manifests lie as Cargo expects them; `#[path]` and renamed dependencies are not followed.

use naestro_kernel::code::Fault;

use super::tree::{folder_of, folders_of, join, name_of, stem_of};
use super::{Found, Node, Resolver, View};
use crate::{FileId, Kind};

/// First parts of paths that lead out of every workspace.
const STANDARD: [&str; 5] = ["std", "core", "alloc", "proc_macro", "test"];

impl Resolver<'_> {
    /// What a path such as `crate::a::b` means at a place of a file: modules or types.
    pub(super) fn rust_path(&self, view: &View, within: Option<u32>, path: &str, depth: u32) -> Result<Found, Fault> {
        let mut parts = path.split("::").map(|part| part.split('<').next().unwrap_or(part).trim()).filter(|part| !part.is_empty());
        let Some(first) = parts.next() else { return Ok(Found::nothing()) };
        let start = self.rust_first(view, within, first, depth)?;
        if start.outside || start.nodes.is_empty() {
            return Ok(start);
        }
        let mut nodes = start.nodes;
        for part in parts {
            let mut next = Vec::new();
            for node in nodes {
                next.extend(self.rust_step(node, part, depth)?);
            }
            nodes = next;
        }
        Ok(Found::these(nodes))
    }

    fn rust_first(&self, view: &View, within: Option<u32>, first: &str, depth: u32) -> Result<Found, Fault> {
        let module = module_at(view, within);
        let nodes = match first {
            "crate" | "$crate" => self.rust_roots(&view.path).into_iter().map(Node::module).collect(),
            "self" => vec![module],
            "super" => self.rust_parent(module)?,
            first if STANDARD.contains(&first) => return Ok(Found::outside()),
            first => {
                let own = self.item(module, first, depth + 1)?;
                if !own.is_empty() {
                    return Ok(Found::these(own));
                }
                if let Some(root) = self.rust_crate(first)? {
                    vec![Node::module(root)]
                } else {
                    return Ok(Found::outside());
                }
            }
        };
        Ok(Found::these(nodes))
    }

    fn rust_step(&self, node: Node, part: &str, depth: u32) -> Result<Vec<Node>, Fault> {
        match part {
            "self" => Ok(vec![node]),
            "super" => self.rust_parent(node),
            part => self.item(node, part, depth + 1),
        }
    }

    /// The module that a module lies in.
    fn rust_parent(&self, module: Node) -> Result<Vec<Node>, Fault> {
        let view = self.view(module.file)?;
        if let Some(inline) = module.symbol {
            let parent = view.symbol(inline).and_then(|symbol| symbol.parent);
            return Ok(vec![module_at(&view, parent)]);
        }
        let folder = folder_of(&view.path);
        let folder = if name_of(&view.path) == "mod.rs" { folder_of(folder) } else { folder };
        let names = ["mod.rs", "lib.rs", "main.rs"].map(|name| join(folder, name));
        let above = if folder.is_empty() { None } else { Some(format!("{folder}.rs")) };
        let files = names.into_iter().chain(above).filter_map(|path| self.tree.find(&path));
        Ok(files.filter(|file| file.id != module.file).map(|file| Node::module(file.id)).collect())
    }

    /// The file that `mod name;` in a module means.
    pub(super) fn rust_child(&self, module: Node, name: &str) -> Result<Option<FileId>, Fault> {
        let view = self.view(module.file)?;
        let declares = |at: &u32| view.symbol(*at).is_some_and(|symbol| symbol.kind == Kind::Module && symbol.parent == module.symbol);
        if !view.defined(name).iter().any(declares) {
            return Ok(None);
        }
        let path = &view.path;
        let mut folder = folder_of(path).to_owned();
        let at_root = matches!(name_of(path), "mod.rs" | "lib.rs" | "main.rs");
        if !at_root {
            let own = join(&folder, stem_of(path));
            if self.tree.is_folder(&own) || !self.rust_roots(path).contains(&module.file) {
                folder = own;
            }
        }
        let inline: Vec<u32> = view.around(module.symbol).collect();
        for symbol in inline.iter().rev() {
            folder = join(&folder, view.name(*symbol));
        }
        let candidates = |folder: &str| [join(folder, &format!("{name}.rs")), join(folder, &format!("{name}/mod.rs"))];
        let beside = self.rust_roots(path).contains(&module.file).then(|| candidates(folder_of(path)));
        Ok(self.tree.first(candidates(&folder).into_iter().chain(beside.into_iter().flatten())))
    }

    /// The files a crate may begin with that a file belongs to.
    pub(super) fn rust_roots(&self, path: &str) -> Vec<FileId> {
        let package = self.tree.nearest(path, &["Cargo.toml"]).unwrap_or("");
        if path.strip_prefix(package).is_some_and(|rest| rest.trim_start_matches('/').starts_with("src/bin/")) {
            return self.tree.find(path).map(|file| file.id).into_iter().collect();
        }
        for folder in folders_of(path) {
            let roots: Vec<FileId> =
                ["lib.rs", "main.rs"].iter().filter_map(|name| self.tree.find(&join(folder, name))).map(|file| file.id).collect();
            if !roots.is_empty() {
                return roots;
            }
            if folder == package {
                break;
            }
        }
        self.tree.find(path).map(|file| file.id).into_iter().collect()
    }

    /// The root of the workspace's library of that name, as it is written in code.
    fn rust_crate(&self, name: &str) -> Result<Option<FileId>, Fault> {
        let mut crates = self.crates.borrow_mut();
        if crates.is_none() {
            let mut found = std::collections::HashMap::new();
            for manifest in self.tree.files().iter().filter(|file| name_of(&file.path) == "Cargo.toml").take(super::MANIFESTS_READ) {
                let folder = folder_of(&manifest.path);
                let roots = ["src/lib.rs", "lib.rs", "src/main.rs"].map(|root| join(folder, root));
                let Some(root) = self.tree.first(roots) else { continue };
                for name in manifest_names(&self.text(&manifest.path)?) {
                    found.entry(name.replace('-', "_")).or_insert(root);
                }
            }
            *crates = Some(found);
        }
        Ok(crates.as_ref().and_then(|crates| crates.get(name).copied()))
    }
}

/// The module a place of a file lies in.
pub(super) fn module_at(view: &View, within: Option<u32>) -> Node {
    let inline = view.around(within).find(|at| view.symbol(*at).is_some_and(|symbol| symbol.kind == Kind::Module));
    Node { file: view.file, symbol: inline }
}

/// The names that a manifest gives its package and its library.
fn manifest_names(text: &str) -> Vec<String> {
    let mut section = "";
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if matches!(section, "[package]" | "[lib]")
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "name"
        {
            names.push(value.split('#').next().unwrap_or(value).trim().trim_matches(['"', '\'']).to_owned());
        }
    }
    names
}
