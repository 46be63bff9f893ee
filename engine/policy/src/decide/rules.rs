//! The Cedar side: rules loaded and checked once, requests built once, verdicts with the words of the rule that decided.
//!
//! Invariant: a rule that fails while it is evaluated refuses; it is never passed over.

use std::collections::{BTreeMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Request, Response,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use naestro_kernel::Mode;

use super::PolicyError;
use super::terms::{Deed, Terms};

/// A checked policy set with everything a request is made of.
pub(super) struct Rules {
    set: PolicySet,
    entities: Entities,
    /// In the order of the file, so that the first of several speaks.
    rules: Vec<Rule>,
    places: BTreeMap<PolicyId, usize>,
    actors: Vec<EntityUid>,
    deeds: BTreeMap<Deed, (EntityUid, EntityUid)>,
    grants: Vec<Context>,
}

/// What the rules say.
pub(super) enum Verdict<'a> {
    /// It may happen, by the rules of these ids.
    Allow(String),
    /// It may happen if a human says so: the question, and the rule's id.
    Ask(&'a str, &'a str),
    /// It may not happen.
    Deny { reason: &'a str, hint: &'a str },
    /// A rule could not be evaluated.
    Broken(String),
}

/// What a rule says about itself.
struct Rule {
    id: String,
    consent: Option<String>,
    reason: String,
    hint: String,
}

const MODES: [Mode; 3] = [Mode::Guide, Mode::Copilot, Mode::Auto];
const NOT_PERMITTED: Verdict<'static> =
    Verdict::Deny { reason: "no rule permits this here", hint: "`--mode copilot` asks about most of what is not permitted outright" };

impl Rules {
    /// Reads and checks a policy set.
    pub(super) fn load(schema: &str, policies: &str) -> Result<Self, PolicyError> {
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(failed)?;
        let parsed: PolicySet = policies.parse().map_err(failed)?;
        let (set, rules) = name_rules(&parsed)?;
        let checked = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if !checked.validation_passed_without_warnings() {
            let errors = checked.validation_errors().map(ToString::to_string);
            let found: Vec<_> = errors.chain(checked.validation_warnings().map(ToString::to_string)).collect();
            return Err(PolicyError(found.join("; ")));
        }
        let places = rules.iter().enumerate().map(|(place, rule)| (PolicyId::new(&rule.id), place)).collect();
        Ok(Self { set, entities: entities(&schema)?, rules, places, actors: actors()?, deeds: deeds()?, grants: grants()? })
    }

    /// Decides by the rules alone; a question is the caller's to settle.
    pub(super) fn judge(&self, terms: Terms) -> Verdict<'_> {
        let request = match self.request(terms, None) {
            Ok(request) => request,
            Err(PolicyError(what)) => return Verdict::Broken(what),
        };
        let response = Authorizer::new().is_authorized(&request, &self.set, &self.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Verdict::Broken(error.to_string());
        }
        let deciding = self.deciding(&response);
        match (response.decision(), deciding.as_slice()) {
            (Decision::Deny, []) => NOT_PERMITTED,
            (Decision::Deny, [first, ..]) => Verdict::Deny { reason: &first.reason, hint: &first.hint },
            (Decision::Allow, rules) => allow(rules),
        }
    }

    /// Confirms that the request these terms lead to is one the schema knows; too slow to be done for each decision.
    #[cfg(test)]
    pub(super) fn check(&self, terms: Terms, schema: &Schema) -> Result<(), PolicyError> {
        self.request(terms, Some(schema)).map(|_| ())
    }

    fn request(&self, terms: Terms, schema: Option<&Schema>) -> Result<Request, PolicyError> {
        let actor = self.actors[actor_place(terms.mode, terms.by_model)].clone();
        let (action, resource) = self.deeds[&terms.deed].clone();
        let grants = self.grants[grants_place(terms.unsandboxed, terms.apply)].clone();
        Request::new(actor, action, resource, grants, schema).map_err(failed)
    }

    fn deciding(&self, response: &Response) -> Vec<&Rule> {
        let mut places: Vec<usize> = response.diagnostics().reason().filter_map(|id| self.places.get(id).copied()).collect();
        places.sort_unstable();
        places.into_iter().map(|place| &self.rules[place]).collect()
    }
}

/// A question only where every permit that applies asks.
fn allow<'a>(rules: &[&'a Rule]) -> Verdict<'a> {
    let free: Vec<&str> = rules.iter().filter(|rule| rule.consent.is_none()).map(|rule| rule.id.as_str()).collect();
    match rules.iter().find_map(|rule| Some((rule.consent.as_deref()?, rule.id.as_str()))) {
        Some((question, id)) if free.is_empty() => Verdict::Ask(question, id),
        _ => Verdict::Allow(free.join(", ")),
    }
}

/// The policies under the ids they give themselves, and what they say; refuses one that could not explain itself.
fn name_rules(parsed: &PolicySet) -> Result<(PolicySet, Vec<Rule>), PolicyError> {
    let mut set = PolicySet::new();
    let mut rules = Vec::new();
    for policy in parsed.policies() {
        let text = |key| policy.annotation(key).map(ToOwned::to_owned);
        let id = text("id").ok_or_else(|| PolicyError(format!("{} has no @id", policy.id())))?;
        let rule = Rule {
            consent: text("consent"),
            reason: text("reason").unwrap_or_default(),
            hint: text("hint").unwrap_or_default(),
            id: id.clone(),
        };
        if policy.effect() == Effect::Forbid && (rule.reason.is_empty() || rule.hint.is_empty()) {
            return Err(PolicyError(format!("{id} forbids without a @reason and a @hint")));
        }
        set.add(policy.new_id(PolicyId::new(&id))).map_err(failed)?;
        rules.push(rule);
    }
    Ok((set, rules))
}

/// Each actor is in its mode and in its role.
fn entities(schema: &Schema) -> Result<Entities, PolicyError> {
    let all = actors()?.into_iter().enumerate().map(|(place, actor)| {
        let groups = [uid("Mode", mode_name(MODES[place / 2]))?, uid("Role", role_name(place % 2 == 1))?];
        Ok(Entity::new_no_attrs(actor, HashSet::from(groups)))
    });
    Entities::from_entities(all.collect::<Result<Vec<_>, PolicyError>>()?, Some(schema)).map_err(failed)
}

fn actors() -> Result<Vec<EntityUid>, PolicyError> {
    let roles = |mode| [false, true].map(|by_model| uid("Actor", &format!("{} in {}", role_name(by_model), mode_name(mode))));
    MODES.into_iter().flat_map(roles).collect()
}

fn deeds() -> Result<BTreeMap<Deed, (EntityUid, EntityUid)>, PolicyError> {
    let words = |deed: Deed| {
        let (action, kind, id) = deed.words();
        Ok((deed, (uid("Action", action)?, uid(kind, id)?)))
    };
    Deed::ALL.into_iter().map(words).collect()
}

fn grants() -> Result<Vec<Context>, PolicyError> {
    let context = |(unsandboxed, apply): (bool, bool)| {
        let pairs = [("unsandboxed", unsandboxed), ("apply", apply)];
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), RestrictedExpression::new_bool(value)))).map_err(failed)
    };
    [(false, false), (false, true), (true, false), (true, true)].into_iter().map(context).collect()
}

fn actor_place(mode: Mode, by_model: bool) -> usize {
    let mode = match mode {
        Mode::Guide => 0,
        Mode::Copilot => 1,
        Mode::Auto => 2,
    };
    mode * 2 + usize::from(by_model)
}

fn grants_place(unsandboxed: bool, apply: bool) -> usize {
    usize::from(unsandboxed) * 2 + usize::from(apply)
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Guide => "guide",
        Mode::Copilot => "copilot",
        Mode::Auto => "auto",
    }
}

fn role_name(by_model: bool) -> &'static str {
    if by_model { "model" } else { "plan" }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, PolicyError> {
    let kind: EntityTypeName = kind.parse().map_err(failed)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn failed(error: impl std::fmt::Display) -> PolicyError {
    PolicyError(error.to_string())
}
