//! The list of a server's tools, whole and bounded.

use std::collections::BTreeSet;

use rmcp::RoleClient;
use rmcp::model::{PaginatedRequestParams, Tool};
use rmcp::service::Peer;

use super::pins::Pin;

/// The most tools a server may offer.
const TOOLS: usize = 1_000;
/// The most pages they may come in.
const PAGES: usize = 100;
/// The most bytes of all descriptions and schemas together.
const BYTES: usize = 4 << 20;

/// All tools, in the server's order.
///
/// # Errors
/// Why the list cannot be used.
pub(super) async fn all(peer: &Peer<RoleClient>) -> Result<Vec<Pin>, String> {
    let mut cursor = None;
    let (mut tools, mut names, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
    for _ in 0..PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor.take());
        let listed = peer.list_tools(Some(page)).await.map_err(|error| error.to_string())?;
        for tool in listed.tools {
            let pin = pin(tool)?;
            bytes += pin.name.len() + pin.description.len() + pin.schema.len();
            if tools.len() >= TOOLS || bytes > BYTES {
                return Err(format!("it offers more than {TOOLS} tools, or more than {} MiB of them", BYTES >> 20));
            }
            if !names.insert(pin.name.clone()) {
                return Err(format!("it offers {:?} twice", pin.name));
            }
            tools.push(pin);
        }
        match listed.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(tools),
        }
    }
    Err(format!("its list has more than {PAGES} pages"))
}

fn pin(tool: Tool) -> Result<Pin, String> {
    let schema = serde_json::to_string(&tool.input_schema).map_err(|error| error.to_string())?;
    Ok(Pin { name: tool.name.into_owned(), description: tool.description.unwrap_or_default().into_owned(), schema })
}
