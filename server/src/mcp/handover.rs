//! Runs that go on when their client leaves: handed to a server of the same user that runs, by the way any client would resume them.
//!
//! A server over HTTP leaves a notice of its address in the state directory while it runs.
//!
//! Invariant: the token goes to a loopback address only, and only where the notice is this user's own and locked by the server that left it: one
//! that was killed holds no lock, and whoever took its port gets nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use naestro_api::{Error, ErrorCode};
use naestro_mcp::Detached;
use naestro_mcp::http::PATH;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::token;

/// The name of the notice in the state directory.
const NAME: &str = "mcp-server";
/// The most bytes of a notice.
const MOST: u64 = 64;
/// How long the other server may take to hear of a run; it goes on with it by itself.
const HEARING: Duration = Duration::from_millis(300);
/// The revision whose requests stand alone.
const REVISION: &str = "2026-07-28";

/// A notice of where a server listens; taken away when it is dropped, unless another server has put its own there.
pub(super) struct Notice {
    path: PathBuf,
    address: String,
    /// Locked as long as the server lives.
    _file: File,
}

impl Notice {
    /// Leaves a notice.
    ///
    /// # Errors
    /// `unavailable` where it cannot be written.
    pub(super) fn post(home: &Path, bound: SocketAddr) -> Result<Self, Error> {
        let (path, address) = (home.join(NAME), bound.to_string());
        let beside = home.join(format!("{NAME}.{}", std::process::id()));
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).and_then(|mut file| {
            file.write_all(address.as_bytes())?;
            file.lock()?;
            std::fs::rename(&beside, &path)?;
            Ok(file)
        });
        let failed = |error| Error::new(ErrorCode::Unavailable, format!("leave a notice of the server in {}: {error}", path.display()));
        let file = written.map_err(failed)?;
        Ok(Self { path, address, _file: file })
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        if std::fs::read_to_string(&self.path).is_ok_and(|found| found == self.address) {
            // One that stays is locked by nobody, and so says nothing.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Hands runs that were suspended to a server that runs, if one does; they can be resumed by hand otherwise.
pub(super) async fn hand_over(home: &Path, runs: &[Detached]) {
    let (Some(address), Ok(Some(token))) = (listening(home), token::known(home)) else {
        tracing::warn!("no server runs that could go on: naestro mcp --listen is one; the runs are suspended");
        return;
    };
    for run in runs {
        match tokio::time::timeout(HEARING, resume(address, &token, run)).await {
            Ok(Ok(status)) if status.contains(" 200 ") => tracing::debug!(run.run, "handed over"),
            Ok(Ok(status)) => tracing::warn!(run.run, status, "the server that runs did not take the run over"),
            Ok(Err(error)) => tracing::warn!(run.run, %error, "no server runs that could go on with the run"),
            // It has heard of it, and answers when there is more to say.
            Err(_) => tracing::debug!(run.run, "handed over, not yet answered"),
        }
    }
}

/// Where a server of this user listens on this machine.
fn listening(home: &Path) -> Option<SocketAddr> {
    let file = File::open(home.join(NAME)).ok()?;
    let metadata = file.metadata().ok()?;
    if metadata.uid() != nix::unistd::geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
        return None;
    }
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).ok()?;
    let address: SocketAddr = text.parse().ok()?;
    match address.ip() {
        ip if ip.is_loopback() => Some(address),
        // It listens on all addresses, the loopback's too.
        ip if ip.is_unspecified() => Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())),
        _ => None,
    }
}

/// Asks a server to go on with a run, whoever leaves; the first line of its answer.
async fn resume(address: SocketAddr, token: &str, run: &Detached) -> std::io::Result<String> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": run.client, "version": "1" },
    });
    let arguments = json!({ "resume": run.run, "detach": true });
    let params = json!({ "name": "orchestrate", "arguments": arguments, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {REVISION}\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: orchestrate\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut said = [0; 256];
    let read = stream.read(&mut said).await?;
    Ok(String::from_utf8_lossy(&said[..read]).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_a_notice_of_ours_that_names_this_machine_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let seen = |text: &str, mode: u32| {
            let file = File::create(home.path().join(NAME)).expect("made");
            file.lock().expect("locked as by a server that lives");
            (&file).write_all(text.as_bytes()).expect("written");
            std::fs::set_permissions(home.path().join(NAME), std::fs::Permissions::from_mode(mode)).expect("permissions");
            listening(home.path()).map(|address| address.to_string())
        };
        assert_eq!(seen("127.0.0.1:7311", 0o600).as_deref(), Some("127.0.0.1:7311"));
        assert_eq!(seen("0.0.0.0:7311", 0o600).as_deref(), Some("127.0.0.1:7311"));
        assert_eq!(seen("127.0.0.1:7311", 0o640), None);
        for other in ["203.0.113.7:80", "evil.example:80", "", "127.0.0.1"] {
            assert_eq!(seen(other, 0o600), None, "{other}");
        }
        std::fs::write(home.path().join(NAME), "127.0.0.1:7311").expect("written");
        assert_eq!(listening(home.path()), None, "left by a server that was killed");
    }

    #[test]
    fn a_notice_goes_with_its_server_and_leaves_anothers_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let post = |port: u16| Notice::post(home.path(), SocketAddr::from(([127, 0, 0, 1], port))).expect("posted");
        let (first, second) = (post(1), post(2));
        drop(first);
        assert!(listening(home.path()).is_some_and(|address| address.port() == 2));
        drop(second);
        assert!(listening(home.path()).is_none());
    }
}
