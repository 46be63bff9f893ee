//! The loop of the hands: one thread reads requests, each request has a thread of its own.
//!
//! Calls that only read run together; one that may change the workspace runs alone, and what it started ends with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::frame::{Ask, Reply, Request, Said, Setup, Wrong, receive, send};
use super::{apply, kin, view};
use crate::tool::{self, Cancel, Fault, Invocation};

/// Serves until the other end is gone, and ends with every process that came from here.
pub(super) fn serve(socket: UnixStream) -> ExitCode {
    let Ok(Some(Request { id, ask: Ask::Setup(setup) })) = receive(&socket) else { return ExitCode::from(2) };
    let made = set_up(&setup);
    let (reply, place) = match made {
        Ok(place) => (Ok(Said::Done), Some(place)),
        Err(why) => (Err(Wrong::Broken(why)), None),
    };
    let (Ok(()), Some(place)) = (send(&socket, &Reply { id, said: reply }), place) else { return ExitCode::FAILURE };
    let Ok(writer) = socket.try_clone() else { return ExitCode::FAILURE };
    let hands = Arc::new(Serving { place, writer: Mutex::new(writer), turn: RwLock::new(()), running: Mutex::default() });
    // A malformed frame is treated as the end: both ends are one program, so the other end is not well.
    while let Ok(Some(request)) = receive::<Request>(&socket) {
        hands.clone().take(request);
    }
    kin::end();
    ExitCode::SUCCESS
}

fn set_up(setup: &Setup) -> Result<Place, String> {
    let stage = view::folder(&setup.stage).map_err(|error| format!("open {}: {error}", setup.stage.display()))?;
    view::enter(setup)?;
    kin::adopt()?;
    Ok(Place { root: setup.root.clone(), stage })
}

struct Place {
    root: PathBuf,
    /// Held open: the view may hide its path.
    stage: File,
}

struct Serving {
    place: Place,
    writer: Mutex<UnixStream>,
    turn: RwLock<()>,
    running: Mutex<BTreeMap<u64, Cancel>>,
}

impl Serving {
    fn take(self: Arc<Self>, Request { id, ask }: Request) {
        if let Ask::Cancel(id) = ask {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
            running.inspect(Cancel::cancel);
            return;
        }
        let cancel = Cancel::default();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, cancel.clone());
        std::thread::spawn(move || {
            let said = catch_unwind(AssertUnwindSafe(|| self.perform(&ask, &cancel)));
            let said = said.unwrap_or_else(|_| Err(Wrong::Broken("call it: it panicked".into())));
            self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            self.reply(Reply { id, said });
        });
    }

    fn perform(&self, ask: &Ask, cancel: &Cancel) -> Result<Said, Wrong> {
        match ask {
            Ask::Call { write: false, .. } => {
                let _turn = self.turn.read().unwrap_or_else(PoisonError::into_inner);
                self.work(ask, cancel)
            }
            _ => {
                let _turn = self.turn.write().unwrap_or_else(PoisonError::into_inner);
                let said = self.work(ask, cancel);
                // What a command left running would go on changing files behind the checkpoint's back.
                kin::end();
                said
            }
        }
    }

    fn work(&self, ask: &Ask, cancel: &Cancel) -> Result<Said, Wrong> {
        if cancel.is_cancelled() {
            return Err(Wrong::Cancelled);
        }
        let root = &self.place.root;
        match ask {
            Ask::Call { tool, args, timeout, .. } => {
                let timeout = Duration::from_millis(*timeout);
                let answer = tool::invoke(&Invocation { root, tool, args: args.as_bytes(), timeout, cancel, code: None })?;
                Ok(Said::Answer { ok: answer.ok, text: answer.text, data: answer.data })
            }
            Ask::Command { command, timeout } => {
                let exit = tool::command(root, command, Duration::from_millis(*timeout), cancel)?;
                Ok(Said::Exit { code: exit.code, signal: exit.signal, output: exit.output })
            }
            Ask::Apply(changes) => {
                let stage = PathBuf::from(format!("/proc/self/fd/{}", self.place.stage.as_raw_fd()));
                apply::apply(root, &stage, changes).map_err(Wrong::Broken)?;
                Ok(Said::Done)
            }
            Ask::Setup(_) | Ask::Cancel(_) => Err(Wrong::Broken("do what is not asked of hands at work".into())),
        }
    }

    fn reply(&self, reply: Reply) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = send(&mut *writer, &reply) else { return };
        if error.kind() == std::io::ErrorKind::InvalidInput {
            // Nothing of it was written. If this cannot be told either, the other end is gone.
            let _ = send(&mut *writer, &Reply { id: reply.id, said: Err(Wrong::Broken(error.to_string())) });
        }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TimedOut => Self::TimedOut,
            Fault::Cancelled => Self::Cancelled,
            Fault::Broken(what) => Self::Broken(what),
        }
    }
}
