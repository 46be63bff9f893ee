//! Names that come near a name that there is none of.
//!
//! Invariant: the same names give the same answer, the nearest first, ties in order of the alphabet.

/// The least likeness that counts, where the name is not part of the other.
const LEAST: f64 = 0.8;

/// The nearest names: those that differ by case alone, then those that hold it or look like it.
pub(super) fn nearest(name: &str, names: Vec<String>, limit: usize) -> Vec<String> {
    let wanted = name.rsplit([':', '.', '#']).next().unwrap_or(name).to_lowercase();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut near: Vec<(u32, String)> =
        names.into_iter().filter_map(|other| likeness(&wanted, &other).map(|likeness| (likeness, other))).collect();
    near.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    near.truncate(limit);
    near.into_iter().map(|(_, other)| other).collect()
}

/// How near a name comes, in thousandths; nothing where it does not.
fn likeness(wanted: &str, other: &str) -> Option<u32> {
    let other = other.to_lowercase();
    if other == wanted {
        return Some(2000);
    }
    let (shorter, longer) = (other.len().min(wanted.len()), other.len().max(wanted.len()));
    // The lengths alone show that most names cannot come near.
    if shorter * 2 + 2 < longer {
        return other.contains(wanted).then_some(500);
    }
    let alike = strsim::jaro_winkler(wanted, &other).max(if other.contains(wanted) { 0.9 } else { 0.0 });
    (alike >= LEAST).then_some((alike * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expect: &[&str]) {
        let names = ["parse", "Parse", "parser", "parse_line", "render", "a_very_long_name_that_holds_parse_somewhere", "x", ""];
        assert_eq!(nearest(name, names.map(String::from).to_vec(), 4), expect);
    }

    #[test]
    fn case_first_then_likeness_then_parts() {
        check("PARSE", &["Parse", "parse", "parser", "parse_line"]);
        check("Parser::prase", &["Parse", "parse", "parser"]);
        check("somewhere", &["a_very_long_name_that_holds_parse_somewhere"]);
        check("qqqq", &[]);
        check("", &[]);
    }
}
