//! `naestro upstream`: servers whose tools runs may use, and what was approved of them.

use std::io::{IsTerminal as _, Write as _};

use clap::Subcommand;
use naestro_api::{Error, ErrorCode};
use naestro_tools::{Approval, Configured, Difference, Offer, Pin};
use serde_json::{Value, json};

use crate::config::Config;
use crate::screen::Screen;
use crate::{clean, exit, process, screen, wire};

/// See the servers whose tools runs may use, and approve what they offer.
///
/// A server is configured as [upstream.NAME] in the configuration file, with a command or a url. Its tools are offered to models once
/// they are approved; a tool whose description changes afterwards is not called before it is approved again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro upstream list
  naestro upstream approve tracker")]
pub(super) struct Args {
    #[command(subcommand)]
    op: Op,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Op {
    /// The configured servers, and how many of their tools are approved; starts none.
    List,
    /// Start or reach a server, show what it offers, and approve it.
    Approve {
        /// The server.
        name: String,
        /// Only this tool.
        #[arg(long = "only", value_name = "TOOL")]
        only: Vec<String>,
        /// Approve without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Give leave to use a server by HTTP, in your browser (OAuth).
    Login {
        /// The server.
        name: String,
    },
    /// Forget what was approved of a server, and the leave to use it.
    Rm {
        /// The server.
        name: String,
    },
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let config = Config::load(None)?;
        let upstreams = wire::upstreams(&config);
        if !matches!(self.op, Op::List) && !config.inside.is_empty() {
            // What a run started must not widen what runs may do.
            let error = Error::new(ErrorCode::Refused, "approve or forget anything from inside a run: that is for a human to do");
            return Err(error.hint("do it in a terminal of your own"));
        }
        match self.op {
            Op::List => {
                let servers = upstreams.servers();
                let line = |server: &Configured| format!("{}: {}\n  {}\n", server.name, state(server), server.reach);
                let value = |Configured { name, reach, approved, counts }: &Configured| json!({ "name": name, "reach": reach, "approved": approved, "counts": counts });
                let none = format!("no server is configured: write [upstream.NAME] into {}\n", config.file.display());
                let text = if servers.is_empty() { none } else { servers.iter().map(line).collect() };
                show(self.json, &json!({ "servers": servers.iter().map(value).collect::<Vec<_>>() }), &text)?;
            }
            Op::Approve { name, only, yes } => {
                let approval = process::block_on(async { upstreams.inspect(&name).await.map_err(|failure| of(&failure)) })?;
                if !self.json {
                    screen::print(&clean::text(&offered(&approval)))?;
                }
                if !yes && !is_wanted(&approval)? {
                    return Ok(exit::REFUSED);
                }
                let count = upstreams.approve(&approval, &only).map_err(|failure| of(&failure))?;
                let text = format!("{} of {name} approved\n", screen::count(count as u64, "tool"));
                show(self.json, &json!({ "server": name, "approved": count, "offers": values(&approval), "gone": approval.gone }), &text)?;
            }
            Op::Login { name } => {
                let visit = |url: &str| Screen::new(false).note(&format!("open this in your browser: {url}"));
                process::block_on(async { upstreams.login(&name, visit).await.map_err(|failure| of(&failure)) })?;
                show(self.json, &json!({ "server": name, "leave": true }), &format!("{name} may be used\n"))?;
            }
            Op::Rm { name } => {
                let removed = upstreams.forget(&name).map_err(|failure| of(&failure))?;
                let text = if removed { "forgotten\n" } else { "nothing was approved\n" };
                show(self.json, &json!({ "server": name, "removed": removed }), text)?;
            }
        }
        Ok(exit::SUCCEEDED)
    }
}

/// How a server stands, in words.
pub(super) fn state(server: &Configured) -> String {
    match (server.approved, server.counts) {
        (0, _) => "nothing approved".to_owned(),
        (tools, true) => format!("{} approved", screen::count(tools as u64, "tool")),
        (_, false) => "reached another way than when its tools were approved".to_owned(),
    }
}

fn show(json: bool, value: &Value, text: &str) -> Result<(), Error> {
    if json {
        screen::json_line(value);
        return Ok(());
    }
    screen::print(&clean::text(text))
}

/// What a server offers, as a person has to see it before they approve it: all that models would read of what they have not approved yet.
fn offered(approval: &Approval) -> String {
    let tool = |offer: &Offer| {
        let mark = match offer.difference {
            Difference::Same => "",
            Difference::New => " (new)",
            Difference::Changed => " (CHANGED since it was approved)",
        };
        let unfit = offer.unfit.as_ref().map(|why| format!("\n    not offered to models: {why}")).unwrap_or_default();
        let before = offer.before.as_ref().map(|before| format!("\n  as it was approved:\n    {}", told(before))).unwrap_or_default();
        let now = if offer.difference == Difference::Same { String::new() } else { format!("\n    {}", told(&offer.pin)) };
        format!("  {}{mark}{now}{before}{unfit}\n", offer.name)
    };
    let mut text = format!("{} offers {}:\n", approval.server, screen::count(approval.offers.len() as u64, "tool"));
    text.extend(approval.offers.iter().map(tool));
    text.extend(approval.gone.iter().map(|name| format!("  {name} is not offered any more\n")));
    text
}

/// All that a model would read of a tool.
fn told(pin: &Pin) -> String {
    format!("{}\n    arguments: {}", pin.description.trim().replace('\n', "\n    "), pin.schema)
}

fn values(approval: &Approval) -> Vec<Value> {
    let value = |offer: &Offer| {
        let difference = match offer.difference {
            Difference::Same => "same",
            Difference::New => "new",
            Difference::Changed => "changed",
        };
        json!({ "name": offer.name, "tool": offer.pin.name, "difference": difference, "unfit": offer.unfit })
    };
    approval.offers.iter().map(value).collect()
}

/// Whether the person says yes.
fn is_wanted(approval: &Approval) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        let message = format!("approve the tools of {}: nobody is there to ask", approval.server);
        return Err(Error::new(ErrorCode::Refused, message).hint("look at them in a terminal, or give --yes"));
    }
    let mut out = std::io::stderr();
    // Where it cannot be written nobody is asked, and the answer is no.
    let _ = write!(out, "approve them? [y/N] ").and_then(|()| out.flush());
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    Ok(read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes"))
}

fn of(failure: &naestro_kernel::Failure) -> Error {
    let error = Error::new(ErrorCode::Unavailable, failure.message.clone());
    if failure.hint.is_empty() { error } else { error.hint(failure.hint.clone()) }
}
