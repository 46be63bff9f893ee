//! Questions of a run, put to the human behind the client: in the result of a call (2026), or by elicitation (before).
//!
//! A client of 2026 gets the question with a signed state and calls again with the answer. The state names the run and the
//! question and is bound to the tool and the caller, so that no other caller can answer with it; a state that comes twice finds its
//! question answered, and the call only goes on waiting.
//!
//! Invariant: an answer is one of the question's own choices, or it is none.

use std::time::Duration;

use naestro_api::{Answer, Engine, Error, ErrorCode, Question, Signal};
use rmcp::RoleServer;
use rmcp::model::{
    ClientResult, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest, InputRequests,
    InputRequiredResult, InputResponses, RequestStateCodec, RequestStateError, SealOptions,
};
use rmcp::service::{PeerRequestOptions, RequestHandle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{self, Context};

/// How long a client has to come back with an answer; the run itself waits on, and can be answered elsewhere.
const LAPSES_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The most characters of a question's detail that a form shows.
const DETAIL: usize = 20_000;
/// The choice that gives leave.
const ALLOW: &str = "allow";
/// The name of the form's only field.
const FIELD: &str = "answer";

/// What a signed state says.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Pending {
    /// The run that asks.
    pub(crate) run: String,
    /// The number of its question.
    pub(crate) question: u32,
}

/// Signs and reads states with a key of this process.
pub(crate) struct Seal(RequestStateCodec);

impl Seal {
    /// A seal with a key nobody else has; a state does not outlive the process.
    ///
    /// # Errors
    /// `internal` where there is no randomness.
    pub(crate) fn new() -> Result<Self, Error> {
        // Four random ids are more than the 32 bytes the codec asks for.
        let key: Vec<u8> = (0..4).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
        let codec = RequestStateCodec::try_new(key).map_err(|error| Error::new(ErrorCode::Internal, format!("make a key: {error}")))?;
        Ok(Self(codec))
    }

    /// The answer of a client that has to answer first: the question, and the state it comes back with.
    ///
    /// # Errors
    /// `internal` where the question cannot be written.
    pub(crate) fn ask(&self, cx: &Context, tool: &str, run: &str, question: &Question) -> Result<InputRequiredResult, Error> {
        let pending = Pending { run: run.to_owned(), question: question.question };
        let bound = bound(cx, tool);
        let options = SealOptions::new().associated_data(bound.as_bytes()).ttl(LAPSES_AFTER);
        let state = self.0.seal_json_with(&pending, &options).map_err(unwritable)?;
        let requests = InputRequests::from([(key(question.question), InputRequest::Elicitation(ElicitRequest::new(form(question)?)))]);
        Ok(InputRequiredResult::new(Some(requests), Some(state)))
    }

    /// What a state says that came back.
    ///
    /// # Errors
    /// `invalid_input` where it was not made here, for this tool and this caller, or has lapsed.
    pub(crate) fn read(&self, cx: &Context, tool: &str, state: &str) -> Result<Pending, Error> {
        self.0.open_json_with(state, bound(cx, tool).as_bytes()).map_err(|error: RequestStateError| {
            Error::new(ErrorCode::InvalidInput, format!("read the requestState: {error}"))
                .hint("send it back as it came, with the same tool; after a restart of the server, resume the run instead")
        })
    }
}

/// The choice a client of 2026 came back with, where it is one.
pub(crate) fn came_back(question: &Question, responses: Option<&InputResponses>) -> Option<Said> {
    let response = responses?.get(&key(question.question))?;
    serde_json::from_value(response.clone()).ok().and_then(|result| said(question, &result))
}

/// What a human said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// One of the choices, or free text where there are none.
    Choice(String),
    /// Nothing: the question was closed, or declined where no choice means no.
    Nothing,
}

/// A form that is before the human.
pub(crate) struct Form(RequestHandle<RoleServer>);

impl Form {
    /// Puts the question before the human by elicitation.
    ///
    /// # Errors
    /// `internal` where the question cannot be written, `unavailable` where the client is gone.
    pub(crate) async fn show(cx: &Context, question: &Question) -> Result<Self, Error> {
        let request = ElicitRequest::new(form(question)?).into();
        let sent = cx.peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await;
        sent.map(Self).map_err(|error| Error::new(ErrorCode::Unavailable, format!("put a question to the client: {error}")))
    }

    /// What the human says; a client that fails at asking has said nothing.
    pub(crate) async fn said(&mut self, question: &Question) -> Said {
        match (&mut self.0.rx).await {
            Ok(Ok(ClientResult::ElicitResult(result))) => said(question, &result).unwrap_or(Said::Nothing),
            other => {
                let error = match other {
                    Ok(Err(error)) => error.to_string(),
                    Ok(Ok(_)) => "it answered something else".to_owned(),
                    Err(_) => "it is gone".to_owned(),
                };
                tracing::warn!(error, "the client could not put a question to its human");
                Said::Nothing
            }
        }
    }

    /// Takes it away: nobody has to answer any more.
    pub(crate) async fn close(self, why: &str) {
        if let Err(error) = self.0.cancel(Some(why.to_owned())).await {
            tracing::debug!(%error, "failed to take a question back");
        }
    }
}

/// Gives the run its answer. That the question is answered already is as good.
///
/// # Errors
/// `refused` where this caller may not answer; what is wrong with the journal.
pub(crate) async fn answer(cx: &Context, engine: &dyn Engine, run: &str, question: u32, choice: String) -> Result<(), Error> {
    let signal = Signal::Answer(Answer { run: run.to_owned(), question, choice });
    match engine.signal(signal, client::caller(cx, None)).await {
        Err(error) if error.code == ErrorCode::UnknownQuestion => Ok(()),
        other => other,
    }
}

/// A question as a task's clients get it.
///
/// # Errors
/// `internal` where the question cannot be written.
pub(crate) fn requests<'a>(questions: impl IntoIterator<Item = &'a Question>) -> Result<InputRequests, Error> {
    let request = |question: &Question| Ok((key(question.question), InputRequest::Elicitation(ElicitRequest::new(form(question)?))));
    questions.into_iter().map(request).collect()
}

fn key(question: u32) -> String {
    format!("question-{question}")
}

fn bound(cx: &Context, tool: &str) -> String {
    format!("{tool}\n{}", client::name(cx))
}

/// `None` where the result is no answer to this question: it is asked again.
fn said(question: &Question, result: &ElicitResult) -> Option<Said> {
    let content = result.content.as_ref().and_then(|content| content.get(FIELD));
    match (&result.action, content.and_then(Value::as_str)) {
        (ElicitationAction::Accept, Some(choice)) if question.choices.is_empty() || choices(question).contains(&choice) => {
            Some(Said::Choice(choice.to_owned()))
        }
        (ElicitationAction::Accept, _) => None,
        (ElicitationAction::Decline, _) if question.choices.iter().any(|known| known == "deny") => Some(Said::Choice("deny".to_owned())),
        _ => Some(Said::Nothing),
    }
}

/// Whether the form shows all that the question is about.
fn fits(question: &Question) -> bool {
    question.detail.chars().nth(DETAIL).is_none()
}

/// What can be answered by the form: nobody allows what they were not shown.
fn choices(question: &Question) -> Vec<&str> {
    question.choices.iter().map(String::as_str).filter(|choice| fits(question) || *choice != ALLOW).collect()
}

fn form(question: &Question) -> Result<ElicitRequestParams, Error> {
    let mut field = json!({ "type": "string", "title": "Answer" });
    if !question.choices.is_empty() {
        field["enum"] = json!(choices(question));
    }
    let schema = json!({ "type": "object", "properties": { FIELD: field }, "required": [FIELD] });
    let schema = schema.as_object().cloned().unwrap_or_default();
    let requested_schema = ElicitationSchema::from_json_schema(schema).map_err(unwritable)?;
    let detail: String = question.detail.chars().take(DETAIL).collect();
    let cut = if fits(question) {
        String::new()
    } else {
        let number = question.question;
        format!(
            "\n... This is too long for a form. Look at all of it in a terminal, and allow it there: naestro answer RUN {number} {ALLOW}"
        )
    };
    let message = format!("{}\n\n{detail}{cut}", question.text).trim_end().to_owned();
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema })
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::Internal, format!("write a question: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(choices: &[&str]) -> Question {
        let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
        Question { question: 3, text: "Run this?".into(), detail: "rm -r x".into(), choices }
    }

    #[track_caller]
    fn check(choices: &[&str], response: Value, expect: Option<Said>) {
        let responses = InputResponses::from([("question-3".to_owned(), response)]);
        assert_eq!(came_back(&question(choices), Some(&responses)), expect);
    }

    #[test]
    fn only_the_choices_there_are_count_as_answers() {
        let choice = |choice: &str| Some(Said::Choice(choice.to_owned()));
        let consent = ["allow", "deny"];
        check(&consent, json!({"action": "accept", "content": {"answer": "allow"}}), choice("allow"));
        check(&consent, json!({"action": "accept", "content": {"answer": "allow; rm -r /"}}), None);
        check(&consent, json!({"action": "accept"}), None);
        check(&consent, json!({"action": "decline"}), choice("deny"));
        check(&consent, json!({"action": "cancel"}), Some(Said::Nothing));
        check(&consent, json!("allow"), None);
        check(&["repeat", "skip"], json!({"action": "decline"}), Some(Said::Nothing));
        check(&[], json!({"action": "accept", "content": {"answer": "blue"}}), choice("blue"));
        assert_eq!(came_back(&question(&consent), None), None);
    }

    #[test]
    fn nobody_allows_what_a_form_does_not_show() {
        let long = Question { detail: "x".repeat(DETAIL + 1), ..question(&["allow", "deny"]) };
        let Ok(ElicitRequestParams::FormElicitationParams { message, requested_schema, .. }) = form(&long) else { panic!("no form") };
        assert!(message.starts_with("Run this?\n\nxxx") && message.ends_with("naestro answer RUN 3 allow"), "{}", message.len());
        assert!(message.len() < DETAIL + 200);
        assert_eq!(json!(requested_schema)["properties"]["answer"]["enum"], json!(["deny"]));
        let responses = |answer: &str| {
            let response = json!({"action": "accept", "content": {"answer": answer}});
            came_back(&long, Some(&InputResponses::from([("question-3".to_owned(), response)])))
        };
        assert_eq!(responses("allow"), None);
        assert_eq!(responses("deny"), Some(Said::Choice("deny".to_owned())));
    }
}
