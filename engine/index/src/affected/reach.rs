//! Following the graph from what changed, nearest first.
//!
//! Invariant: a node is followed at most [`NEAREST`] times, once for each of the changes nearest to it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use naestro_kernel::code::{Changed, Fault, Watch, Widened};

use super::changed::Seed;
use crate::graph::{Graph, Step};
use crate::resolve::Node;
use crate::{Kind, Language};

/// How many changes are told for a test.
const NEAREST: usize = 8;

/// How many steps of a way are told.
const TOLD: usize = 4;

/// What is reached from a set of changes.
pub(super) struct Reach {
    labels: HashMap<Node, Vec<(usize, u32)>>,
    from: HashMap<Node, Node>,
    /// What is there no more, by who named it.
    lost: HashMap<Node, String>,
    /// What is reached by steps alone that are no guesses.
    certain: HashSet<Node>,
}

impl Reach {
    /// Follows the graph from the seeds.
    pub(super) fn from(graph: &Graph<'_>, seeds: &[Seed], watch: &dyn Watch) -> Result<Self, Fault> {
        let mut reach = Self { labels: HashMap::new(), from: HashMap::new(), lost: HashMap::new(), certain: HashSet::new() };
        let known: RefCell<HashMap<Node, Rc<[Step]>>> = RefCell::default();
        let mut queue: VecDeque<(Node, usize, u32)> = VecDeque::new();
        for seed in seeds {
            if let Some(lost) = &seed.lost {
                reach.lost.entry(seed.node).or_insert_with(|| lost.clone());
            }
            if reach.label(seed.node, seed.cause, 0) {
                queue.push_back((seed.node, seed.cause, 0));
            }
        }
        while let Some((node, cause, distance)) = queue.pop_front() {
            if watch.cancelled() {
                return Err(Fault::Cancelled);
            }
            let followed = known.borrow().get(&node).map(Rc::clone);
            let steps = match followed {
                Some(steps) => steps,
                None => {
                    let steps: Rc<[Step]> = graph.steps(node)?.into();
                    known.borrow_mut().insert(node, Rc::clone(&steps));
                    steps
                }
            };
            for step in steps.iter() {
                if reach.label(step.to, cause, distance + 1) {
                    reach.note_way(step.to, node);
                    queue.push_back((step.to, cause, distance + 1));
                }
            }
        }
        reach.certain = certain(seeds, &known.into_inner());
        Ok(reach)
    }

    /// Whether every way to a node has a guess in it.
    pub(super) fn is_guess(&self, node: Node) -> bool {
        !self.certain.contains(&node)
    }

    /// Whether so many changes reach a node that not all are told.
    pub(super) fn is_cut(&self, node: Node) -> bool {
        self.labels.get(&node).is_some_and(|labels| labels.len() >= NEAREST)
    }

    /// Notes that a change reaches a node; says whether that is news worth following.
    fn label(&mut self, node: Node, cause: usize, distance: u32) -> bool {
        let labels = self.labels.entry(node).or_default();
        if labels.len() >= NEAREST || labels.iter().any(|(known, _)| *known == cause) {
            return false;
        }
        labels.push((cause, distance));
        true
    }

    /// Notes the first way to a node; what changed itself has none.
    fn note_way(&mut self, to: Node, from: Node) {
        if self.labels.get(&to).is_some_and(|labels| labels.len() == 1) {
            self.from.insert(to, from);
        }
    }

    /// The changes that reach a node, the nearest first, each with its distance.
    pub(super) fn causes(&self, node: Node) -> Option<&[(usize, u32)]> {
        self.labels.get(&node).map(Vec::as_slice)
    }

    /// The way from a node to the nearest change, in words.
    pub(super) fn way(&self, graph: &Graph<'_>, node: Node) -> Result<String, Fault> {
        if self.labels.get(&node).is_some_and(|labels| labels.first().is_some_and(|(_, distance)| *distance == 0)) {
            let lost = self.lost.get(&node).map(|name| format!(" → {name} (removed)"));
            return match lost {
                Some(lost) => Ok(self.word(graph, node)? + &lost),
                None => Ok("it changed itself".to_owned()),
            };
        }
        let nodes: Vec<Node> = std::iter::successors(Some(node), |at| self.from.get(at).copied()).take(64).collect();
        let mut words = Vec::new();
        for node in &nodes {
            words.push(self.word(graph, *node)?);
        }
        if words.len() > TOLD + 1 {
            let last = words.pop().unwrap_or_default();
            words.truncate(TOLD - 1);
            words.push("…".to_owned());
            words.push(last);
        }
        let lost = nodes.last().and_then(|node| self.lost.get(node));
        let end = lost.map_or_else(|| " (changed)".to_owned(), |name| format!(" → {name} (removed)"));
        Ok(words.join(" → ") + &end)
    }

    fn word(&self, graph: &Graph<'_>, node: Node) -> Result<String, Fault> {
        let view = graph.resolver.view(node.file)?;
        Ok(node.symbol.map_or_else(|| view.path.clone(), |symbol| view.name(symbol).to_owned()))
    }

    /// The files and modules that are reached as a whole, in order.
    fn modules(&self, graph: &Graph<'_>) -> Vec<Node> {
        let whole = |node: &&Node| node.symbol.is_none() || graph.resolver.kind(**node) == Some(Kind::Module);
        let mut modules: Vec<Node> = self.labels.keys().filter(whole).copied().collect();
        modules.sort_unstable();
        modules
    }
}

/// What is reached from the seeds without a guess, by the steps that are known.
fn certain(seeds: &[Seed], known: &HashMap<Node, Rc<[Step]>>) -> HashSet<Node> {
    let mut certain: HashSet<Node> = seeds.iter().map(|seed| seed.node).collect();
    let mut stack: Vec<Node> = certain.iter().copied().collect();
    while let Some(node) = stack.pop() {
        let steps = known.get(&node).into_iter().flat_map(|steps| steps.iter());
        stack.extend(steps.filter(|step| !step.guess && certain.insert(step.to)).map(|step| step.to));
    }
    certain
}

/// Rust's tests that macros make are no symbols: a file whose macros outside functions mention what changed is run whole.
pub(super) fn widen_by_macros(graph: &Graph<'_>, reach: &Reach, changed: &[Changed], widened: &mut Vec<Widened>) -> Result<(), Fault> {
    for node in reach.modules(graph) {
        let view = graph.resolver.view(node.file)?;
        let cause = reach.causes(node).and_then(|causes| causes.first()).filter(|(_, distance)| *distance > 0);
        let (Some(Language::Rust), Some(cause)) = (view.language, cause.and_then(|(cause, _)| changed.get(*cause))) else { continue };
        let reason = format!("a macro of this file mentions what reaches `{}`, and may make tests", cause.name);
        widened.push(Widened { file: cause.path.clone(), scope: view.path.clone(), reason });
    }
    Ok(())
}
