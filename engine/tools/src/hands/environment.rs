//! The environment of everything that runs in a workspace: rebuilt from a list of names, so that no credential leaks in.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Where cargo puts what it builds, if not in the folder.
pub(crate) const TARGET: &str = "CARGO_TARGET_DIR";

/// The names that are passed on.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TMPDIR",
    "TZ",
    "CI",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_INCREMENTAL",
    "CARGO_HTTP_CAINFO",
    "CARGO_NET_OFFLINE",
    TARGET,
    "RUSTUP_HOME",
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "LD_LIBRARY_PATH",
    "PKG_CONFIG_PATH",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "NODE_ENV",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NVM_DIR",
    "GOPATH",
    "GOCACHE",
    "GOMODCACHE",
    "JAVA_HOME",
];

/// Names of proxies: passed on unless a password is in them.
const PROXIES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// Tells a naestro that is started in a workspace which folders it would work on a second time: a list as `PATH` is one.
const INSIDE: &str = "NAESTRO_INSIDE";

/// The names that are passed on to the programs of other servers, which get all else by name.
const BARE: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TMPDIR", "TZ"];

/// The variables that every program needs, from those of this process.
pub(crate) fn bare_variables() -> Vec<(OsString, OsString)> {
    let is_bare = |name: &OsStr| name.to_str().is_some_and(|name| BARE.contains(&name) || name.starts_with("LC_"));
    std::env::vars_os().filter(|(name, _)| is_bare(name)).collect()
}

/// The variables for a workspace of `checkout`, from those of this process.
pub(crate) fn variables(checkout: &Path) -> Vec<(OsString, OsString)> {
    let mut kept: Vec<_> = std::env::vars_os().filter(|(name, value)| is_kept(name, value)).collect();
    kept.push((INSIDE.into(), inside(checkout, std::env::var_os(INSIDE).as_deref())));
    kept
}

/// The checkout before those that this process is inside of itself.
fn inside(checkout: &Path, outer: Option<&OsStr>) -> OsString {
    let mut all = checkout.as_os_str().to_owned();
    if let Some(outer) = outer.filter(|outer| !outer.is_empty()) {
        all.push(":");
        all.push(outer);
    }
    all
}

fn is_kept(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let is_proxy = PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name));
    KEPT.contains(&name) || name.starts_with("LC_") || is_proxy && !value.to_string_lossy().contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, expect: bool) {
        assert_eq!(is_kept(OsStr::new(name), OsStr::new(value)), expect, "{name}={value}");
    }

    #[test]
    fn a_workspace_within_a_workspace_knows_of_both() {
        let checkout = Path::new("/in ner");
        assert_eq!(inside(checkout, None), "/in ner");
        assert_eq!(inside(checkout, Some(OsStr::new(""))), "/in ner");
        assert_eq!(inside(checkout, Some(OsStr::new("/a:/b"))), "/in ner:/a:/b");
    }

    #[test]
    fn what_builds_need_is_kept_and_credentials_are_not() {
        check("PATH", "/bin", true);
        check("LC_ALL", "C", true);
        check("OPENAI_API_KEY", "sk", false);
        check("GITHUB_TOKEN", "x", false);
        check("CARGO_REGISTRIES_PRIVATE_TOKEN", "x", false);
        check("SSH_AUTH_SOCK", "/tmp/agent", false);
        check("https_proxy", "http://proxy:3128", true);
        check("HTTPS_PROXY", "http://user:password@proxy:3128", false);
    }
}
