//! The product itself as the suite's client: `naestro upstream login`, with the browser played here, and then its tools approved.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::leave::browse;
use crate::session::{Outcome, http};

/// What stands before the URL that a person is to open.
const ASKED: &str = "open this in your browser: ";

/// Gets leave for the product, and has it list the server's tools with that.
pub(crate) async fn login(product: &Path, url: &str) -> Outcome<()> {
    let home = tempfile::tempdir()?;
    let config = home.path().join("config.toml");
    std::fs::write(&config, format!("[upstream.other]\nurl = {url:?}\n"))?;
    let command = |words: &[&str]| {
        let mut command = Command::new(product);
        command.args(["upstream"]).args(words).env("NAESTRO_CONFIG", &config).env("NAESTRO_HOME", home.path().join("state"));
        command
    };
    let mut asking = command(&["login", "other"]).stderr(Stdio::piped()).spawn()?;
    let stderr = asking.stderr.take().ok_or("it has no standard error")?;
    let mut said = Vec::new();
    for line in BufReader::new(stderr).lines() {
        let line = line?;
        match line.split_once(ASKED) {
            Some((_, page)) => {
                let back = browse(page.trim().to_owned()).await?;
                http()?.get(back).send().await?;
            }
            None => said.push(line),
        }
    }
    if !asking.wait()?.success() {
        return Err(said.join("\n").into());
    }
    let approved = command(&["approve", "other", "--yes"]).output()?;
    if approved.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&approved.stderr).into()) }
}
