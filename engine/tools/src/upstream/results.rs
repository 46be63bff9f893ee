//! What a server answered, as the result of a tool: text that is bounded and cleaned; what is no text is only named.

use naestro_kernel::Output;
use naestro_policy::body;
use naestro_policy::port::ToolResult;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

use super::names;
use crate::tool::bounded::{Bounded, TEXT};

/// What stands for a kind of content that came after this version.
const UNKNOWN: &str = "[something this version does not know: left out]";

/// The result.
pub(super) fn of(result: CallToolResult) -> ToolResult {
    let mut text = Bounded::new(TEXT);
    for block in &result.content {
        text.push(words(block).as_bytes());
        text.push(b"\n");
    }
    let structured = result.structured_content.map(|value| value.to_string());
    if result.content.is_empty()
        && let Some(structured) = &structured
    {
        text.push(structured.as_bytes());
    }
    // Where it does not fit, the text is all there is.
    let data = structured.filter(|structured| structured.len() <= TEXT).map(body);
    let text = names::clean(text.text().trim_end());
    ToolResult { ok: result.is_error != Some(true), output: Output { text: body(text), data }, tree: None }
}

fn words(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => left_out("image", &image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => left_out("audio", &audio.mime_type, audio.data.len()),
        ContentBlock::Resource(resource) => match &resource.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, blob, .. } => left_out("data", uri, blob.len()),
            _ => UNKNOWN.to_owned(),
        },
        ContentBlock::ResourceLink(link) => link.uri.clone(),
        _ => UNKNOWN.to_owned(),
    }
}

fn left_out(what: &str, kind: &str, bytes: usize) -> String {
    format!("[{what}, {}, {bytes} bytes in base64: left out]", names::beginning(kind, 200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_and_bounded_and_the_rest_is_named() {
        let shown = |content: Vec<ContentBlock>| of(CallToolResult::success(content)).output.text.text().into_owned();
        assert_eq!(shown(vec![ContentBlock::text("a\u{1b}[2Jb"), ContentBlock::text("c")]), "a[2Jb\nc");
        assert_eq!(shown(vec![ContentBlock::image("AAAA", "image/png")]), "[image, image/png, 4 bytes in base64: left out]");
        let long = shown(vec![ContentBlock::text("x".repeat(10 * TEXT))]);
        assert!(long.len() < TEXT + 100 && long.contains("bytes cut"), "{}", long.len());
        assert!(!of(CallToolResult::error(vec![ContentBlock::text("no")])).ok);
    }
}
