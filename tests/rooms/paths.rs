//! The paths in Rust sources, read as text: `use` trees, and paths that begin with `crate`, `super` or the name of a crate.
//!
//! No parser: comments and the insides of texts are blanked, `#[cfg(test)]` modules and files of tests are left out, and re-exports are
//! followed to where an item is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A module uses something of another one, or of a crate.
#[derive(Clone, Debug)]
pub struct Import {
    pub from: Vec<String>,
    /// The module that is used.
    pub to: Vec<String>,
    file: PathBuf,
    line: usize,
    path: String,
}

impl Import {
    /// File, line, and the path as written.
    pub fn place(&self) -> String {
        format!("src/{}:{}: {}", self.file.display(), self.line, self.path)
    }
}

/// All modules under a directory, by name; the crate's root has none.
pub struct Sources {
    files: BTreeMap<Vec<String>, Source>,
}

struct Source {
    file: PathBuf,
    /// Comments, texts and tests blanked.
    code: String,
}

/// A path of a `use` tree: its segments, and the name that it has here.
type Leaf = (Vec<String>, String);

impl Sources {
    pub fn read(root: &Path) -> Sources {
        let mut files = BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let file = path.strip_prefix(root).unwrap().to_owned();
                    let name = file.with_extension("");
                    let mut module: Vec<String> = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                    if module == ["lib"] {
                        module.clear();
                    }
                    let is_test = |part: &String| part == "tests" || part.ends_with("_tests");
                    if module != ["main"] && !module.iter().any(is_test) {
                        let code = without_tests(blanked(&std::fs::read_to_string(&path).unwrap()));
                        files.insert(module, Source { file, code });
                    }
                }
            }
        }
        Sources { files }
    }

    pub fn modules(&self) -> impl Iterator<Item = &Vec<String>> {
        self.files.keys()
    }

    /// What modules use of each other.
    pub fn imports(&self) -> Vec<Import> {
        let mut out = Vec::new();
        for (module, source) in self.files.iter().filter(|(module, _)| !module.is_empty()) {
            for (at, segments) in paths(&source.code) {
                let Some(path) = absolute(module, &segments) else { continue };
                let (to, _) = self.split(&self.followed(path, 0));
                if to != *module && !to.is_empty() {
                    out.push(source.import(module, to, at, &segments));
                }
            }
        }
        out
    }

    /// Where a crate is named.
    pub fn paths_of(&self, name: &str) -> Vec<Import> {
        let mut out = Vec::new();
        for (module, source) in &self.files {
            let of_crate = paths(&source.code).into_iter().filter(|(_, segments)| segments[0] == name);
            out.extend(of_crate.map(|(at, segments)| source.import(module, Vec::new(), at, &segments)));
        }
        out
    }

    /// A path from the crate's root as the module that it leads to and what follows.
    fn split(&self, path: &[String]) -> (Vec<String>, Vec<String>) {
        let known = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length])).unwrap_or(0);
        (path[..known].to_vec(), path[known..].to_vec())
    }

    /// The path of the item itself where a module only hands it on.
    fn followed(&self, path: Vec<String>, steps: usize) -> Vec<String> {
        let (module, rest) = self.split(&path);
        let (Some(name), Some(source)) = (rest.first(), self.files.get(&module)) else { return path };
        if steps > 4 {
            return path;
        }
        for (_, (segments, alias)) in uses(&source.code).into_iter().filter(|(_, (_, alias))| alias == name) {
            // Items of child modules are named from the module itself.
            let child = [module.as_slice(), &segments[..1]].concat();
            let of = if self.files.contains_key(&child) { Some([module.as_slice(), &segments].concat()) } else { None };
            if let Some(of) = absolute(&module, &segments).or(of)
                && of.last() == Some(&alias)
            {
                return self.followed([of.as_slice(), &rest[1..]].concat(), steps + 1);
            }
        }
        path
    }
}

impl Source {
    fn import(&self, from: &[String], to: Vec<String>, at: usize, segments: &[String]) -> Import {
        let line = self.code[..at].matches('\n').count() + 1;
        Import { from: from.to_vec(), to, file: self.file.clone(), line, path: segments.join("::") }
    }
}

/// From the crate's root; `None` for what begins with anything but `crate`, `super` and `self`.
fn absolute(module: &[String], segments: &[String]) -> Option<Vec<String>> {
    let ups = segments.iter().take_while(|segment| *segment == "super").count();
    match segments.first()?.as_str() {
        "crate" => Some(segments[1..].to_vec()),
        "self" => Some([module, &segments[1..]].concat()),
        "super" => Some([module.get(..module.len().checked_sub(ups)?)?, &segments[ups..]].concat()),
        _ => None,
    }
}

/// Every path with its place: leaves of `use` trees, and what stands in the code with two colons in it.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut out: Vec<(usize, Vec<String>)> = Vec::new();
    let statements = use_statements(code);
    for (from, to) in &statements {
        out.extend(leaves(&code[*from..*to]).into_iter().map(|(segments, _)| (*from, segments)));
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    while let Some(found) = code[at..].find("::") {
        let colons = at + found;
        let start = code[..colons].rfind(|c| !is_name(c)).map_or(0, |before| before + 1);
        let end = code[colons..].find(|c| !is_name(c) && c != ':').map_or(code.len(), |end| colons + end);
        let inside = statements.iter().any(|(from, to)| (*from..*to).contains(&colons));
        if !inside && start < colons {
            let segments = code[start..end].split("::").filter(|part| !part.is_empty()).map(str::to_owned);
            out.push((start, segments.collect()));
        }
        at = end.max(colons + 2);
    }
    out
}

fn uses(code: &str) -> Vec<(usize, Leaf)> {
    let of = |(from, to): (usize, usize)| leaves(&code[from..to]).into_iter().map(move |leaf| (from, leaf));
    use_statements(code).into_iter().flat_map(of).collect()
}

/// Where the trees of `use` statements stand.
fn use_statements(code: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(found) = code[at..].find("use ") {
        let from = at + found + "use ".len();
        let before = code[..at + found].trim_end_matches(' ');
        let begins = before.is_empty() || before.ends_with(['\n', ')', '{', ';', '}']) || before.ends_with("pub");
        let end = code[from..].find(';').map_or(code.len(), |end| from + end);
        if begins {
            out.push((from, end));
            at = end;
        } else {
            at = from;
        }
    }
    out
}

fn leaves(tree: &str) -> Vec<Leaf> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
        let mut segments: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let name = alias.map_or_else(|| segments.last().cloned().unwrap_or_default(), str::to_owned);
        return vec![(segments, name)];
    };
    let head = &tree[..open];
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(&format!("{head}{}", part.trim()))).collect()
}

/// The same text with spaces for comments and for what stands in quotes.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let starts = |at: usize, with: &str| chars[at..].iter().take(with.len()).collect::<String>() == with;
    // Up to which place something is blanked that begins here.
    let end = |at: usize| -> Option<usize> {
        let find = |from: usize, close: &str| (from..chars.len()).find(|at| starts(*at, close)).unwrap_or(chars.len());
        if starts(at, "//") {
            Some(find(at, "\n"))
        } else if starts(at, "/*") {
            Some((find(at + 2, "*/") + 2).min(chars.len()))
        } else if starts(at, "r\"") || starts(at, "r#\"") {
            let close = if starts(at, "r#") { "\"#" } else { "\"" };
            Some((find(at + 3, close) + close.len()).min(chars.len()))
        } else if chars[at] == '"' {
            let mut end = at + 1;
            while end < chars.len() && chars[end] != '"' {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            Some((end + 1).min(chars.len()))
        } else if chars[at] == '\'' && chars.get(at + 1) == Some(&'\\') {
            Some((find(at + 3, "'") + 1).min(chars.len()))
        } else if chars[at] == '\'' && chars.get(at + 2) == Some(&'\'') {
            Some(at + 3)
        } else {
            None
        }
    };
    while at < chars.len() {
        // Of `br"..."` and `for"` the letters before belong to a name.
        let is_inside_name = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at] == 'r';
        match end(at).filter(|_| !is_inside_name) {
            Some(end) => {
                out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// The same text with spaces for what stands under `#[cfg(test)]`.
fn without_tests(code: String) -> String {
    let mut out = code;
    while let Some(from) = out.find("#[cfg(test)]") {
        let open = out[from..].find(['{', ';']).map_or(out.len(), |open| from + open);
        let mut depth = 0;
        let mut end = open;
        for (at, c) in out[open..].char_indices() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            end = open + at + c.len_utf8();
            if depth == 0 {
                break;
            }
        }
        let blank: String = out[from..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(from..end, &blank);
    }
    out
}
