//! The product from the outside: each file is one story, told with real processes, repositories and databases.
//!
//! Only the model is scripted, and that server speaks real HTTP. Every test has a state directory, a project and, where it
//! needs one, a model of its own, so all of them can go on side by side.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "seeds, figures and what was skipped are for whoever reads the report")]

mod bad_input;
mod bad_models;
mod checks;
mod crashes;
mod dice;
mod explains;
mod fixes;
mod full_disk;
mod golden;
mod hostile_upstreams;
mod mcp;
mod mcp_bad_input;
mod mcp_clients;
mod mcp_conformance;
mod mcp_consent;
mod mcp_http;
mod mcp_resources;
mod mcp_runs;
mod models;
mod modes;
mod naestro;
mod peers;
mod processes;
mod python;
mod redact;
mod rpc;
mod selections;
mod tampering;
mod traces;
mod upstream;
mod upstreams;
