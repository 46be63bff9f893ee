//! `naestro bench agent`: what the program itself adds to a model, over `naestro rpc`.

use naestro_api::Error;

use crate::exit;

/// Measure what the program adds to a model that answers at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        crate::screen::json_line(&self.json);
        Ok(exit::SUCCEEDED)
    }
}
