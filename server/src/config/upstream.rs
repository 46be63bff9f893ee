//! Servers whose tools runs may use: the tables `[upstream.NAME]`, checked.

use std::collections::BTreeMap;
use std::time::Duration;

use naestro_api::{Error, ErrorCode};
use naestro_tools::{Identity, Reach, UpstreamServer};

use super::{Variables, file};

/// The longest a call may take where the file does not say, and where it says too much, in seconds.
const TIMEOUT: u64 = 60;
const MOST: u64 = 3600;
/// The most characters of a name.
const NAME: usize = 32;

/// The servers of a file.
///
/// # Errors
/// `invalid_config` naming the server and what is wrong with it.
pub(super) fn servers(tables: BTreeMap<String, file::Upstream>, get: Variables<'_>, path: &str) -> Result<Vec<UpstreamServer>, Error> {
    tables.into_iter().map(|(name, table)| server(&name, table, get).map_err(|(what, hint)| wrong(path, &name, &what, hint))).collect()
}

type Wrong = (String, &'static str);

fn server(name: &str, table: file::Upstream, get: Variables<'_>) -> Result<UpstreamServer, Wrong> {
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME || !name.chars().all(is_fit) {
        return Err(("its name is none".to_owned(), "a name has 1 to 32 lowercase letters, digits and hyphens"));
    }
    let timeout = table.timeout_s.unwrap_or(TIMEOUT);
    if !(1..=MOST).contains(&timeout) {
        return Err((format!("timeout_s is {timeout}"), "give 1 to 3600 seconds"));
    }
    let reach = match (table.url, table.command.first()) {
        (Some(_), Some(_)) => return Err(("it has both a command and a url".to_owned(), "leave one of them out")),
        (None, None) => return Err(("it has neither a command nor a url".to_owned(), r#"write command = ["program", "argument"]"#)),
        (None, Some(program)) if program.is_empty() => return Err(("its command names no program".to_owned(), "write the program first")),
        (None, Some(_)) if table.bearer_env.is_some() => {
            return Err(("it has a bearer_env, which only a url can have".to_owned(), "pass the variable on with pass_env"));
        }
        (None, Some(_)) => Reach::Program { command: table.command, env: environment(table.env, &table.pass_env, get)? },
        (Some(_), None) if !table.env.is_empty() || !table.pass_env.is_empty() => {
            return Err(("it has an environment, which only a command can have".to_owned(), "leave env and pass_env out"));
        }
        // Where a variable is not set the server says that it wants leave, and nothing else has to fail for it.
        (Some(url), None) => {
            let secret = |name: Option<String>| name.and_then(|name| get(&name)).map(|value| value.trim().to_owned());
            let identity = Identity {
                client_id: table.client_id,
                client_secret: secret(table.client_secret_env),
                metadata_url: None,
                scopes: table.scopes,
            };
            Reach::Http { url: address(url)?, bearer: secret(table.bearer_env), identity }
        }
    };
    let (read_only, allow) = (table.read_only.into_iter().collect(), table.allow.into_iter().collect());
    Ok(UpstreamServer { name: name.to_owned(), reach, read_only, allow, timeout: Duration::from_secs(timeout) })
}

/// What is written, and what is passed on of ours; a variable that is not set is not passed on.
fn environment(mut env: BTreeMap<String, String>, pass: &[String], get: Variables<'_>) -> Result<BTreeMap<String, String>, Wrong> {
    for name in pass {
        if env.contains_key(name) {
            return Err((format!("{name} is both in env and in pass_env"), "leave one of them out"));
        }
        env.extend(get(name).map(|value| (name.clone(), value)));
    }
    Ok(env)
}

/// An address that is encrypted, or on this machine.
fn address(url: String) -> Result<String, Wrong> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains(char::is_whitespace) {
        return Err(("its url is none".to_owned(), "write it as https://host/path"));
    }
    if authority.contains('@') {
        return Err(("its url holds a name or a password".to_owned(), "name the variable of a token as bearer_env"));
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(url),
        "http" if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Ok(url),
        "http" => Err(("its url is plain http to another machine".to_owned(), "use https, or a tunnel to this machine")),
        _ => Err(("its url is none".to_owned(), "write it as https://host/path")),
    }
}

fn wrong(path: &str, name: &str, what: &str, hint: &str) -> Error {
    Error::new(ErrorCode::InvalidConfig, format!("use the server {name:?} of the configuration file {path}: {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<UpstreamServer>, String> {
        let file: file::File = toml::from_str(text).map_err(|error| error.to_string())?;
        let get = |name: &str| (name == "TOKEN").then(|| " secret ".to_owned());
        servers(file.upstream, &get, "config.toml").map_err(|error| error.to_string())
    }

    #[test]
    fn a_program_and_an_endpoint_are_read() {
        let servers = read(
            "[upstream.docs]\nurl = \"https://docs.example/mcp\"\nbearer_env = \"TOKEN\"\n\
             [upstream.tracker]\ncommand = [\"tracker\", \"--stdio\"]\npass_env = [\"TOKEN\", \"UNSET\"]\nread_only = [\"list\"]\ntimeout_s = 5",
        );
        let [docs, tracker] = servers.unwrap().try_into().map_err(|_| "two").unwrap();
        let identity = Identity::default();
        assert!(docs.reach == Reach::Http { url: "https://docs.example/mcp".into(), bearer: Some("secret".into()), identity });
        let env = BTreeMap::from([("TOKEN".to_owned(), " secret ".to_owned())]);
        assert!(tracker.reach == Reach::Program { command: vec!["tracker".into(), "--stdio".into()], env });
        assert_eq!((tracker.timeout.as_secs(), tracker.read_only.len(), tracker.allow.len()), (5, 1, 0));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |table: &str, expect: &str| {
            let refused = read(table).err().unwrap_or_else(|| panic!("taken: {table}"));
            assert!(refused.contains(expect), "{table}: {refused}");
        };
        check("[upstream.Tracker]\ncommand = [\"x\"]", "its name is none");
        check("[upstream.a_b]\ncommand = [\"x\"]", "its name is none");
        check("[upstream.a]", "neither a command nor a url");
        check("[upstream.a]\ncommand = [\"\"]", "names no program");
        check("[upstream.a]\ncommand = [\"x\"]\nurl = \"https://x\"", "both a command and a url");
        check("[upstream.a]\nurl = \"http://example.com/mcp\"", "plain http to another machine");
        check("[upstream.a]\nurl = \"http://127.0.0.1.example.com/mcp\"", "plain http to another machine");
        check("[upstream.a]\nurl = \"ftp://x\"", "its url is none");
        check("[upstream.a]\nurl = \"https://\"", "its url is none");
        check("[upstream.a]\nurl = \"http://localhost:x@evil.example/mcp\"", "holds a name or a password");
        check("[upstream.a]\nurl = \"HTTP://evil.example/mcp\"", "plain http to another machine");
        check("[upstream.a]\nurl = \"https://x\"\npass_env = [\"TOKEN\"]", "which only a command can have");
        check("[upstream.a]\ncommand = [\"x\"]\ntimeout_s = 0", "timeout_s is 0");
        check("[upstream.a]\ncomand = [\"x\"]", "comand");
        for here in ["http://localhost:1/mcp", "http://127.0.0.1/mcp", "http://[::1]:7/mcp"] {
            assert!(read(&format!("[upstream.a]\nurl = \"{here}\"")).is_ok(), "{here}");
        }
    }
}
