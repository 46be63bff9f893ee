//! Where a person is sent back to by a server that has given leave: one page on this machine.

use std::time::Duration;

use rmcp::transport::auth::AuthError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a browser may take to ask for the page, and the most bytes it may do that in.
const ASKING: Duration = Duration::from_secs(10);
const HEAD: usize = 16 * 1024;
/// The path of the page.
const PATH: &str = "/callback";
/// What the page says.
const PAGE: &str = "You can close this page: Naestro has heard the answer.\n";

/// The page, waiting.
pub(in crate::upstream) struct Callback {
    listener: TcpListener,
    /// Its URL.
    pub(in crate::upstream) url: String,
}

impl Callback {
    /// Waits on a free port of the loopback.
    ///
    /// # Errors
    /// That there is none.
    pub(in crate::upstream) async fn listen() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}{PATH}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// The URL, with all that is said in it, by which the person comes back.
    ///
    /// # Errors
    /// That nobody came in time.
    pub(in crate::upstream) async fn wait(self) -> Result<String, AuthError> {
        let late = |_| AuthError::AuthorizationFailed(format!("nobody came back within {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, self.come_back()).await.map_err(late)
    }

    async fn come_back(self) -> String {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else { continue };
            // A browser also asks for an icon, and may break off.
            if let Ok(Some(target)) = tokio::time::timeout(ASKING, answer(stream)).await {
                let host = self.url.trim_end_matches(PATH);
                return format!("{host}{target}");
            }
        }
    }
}

/// Answers one request; its target where it is the page's.
async fn answer(mut stream: TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.ok().filter(|&read| read > 0 && head.len() < HEAD)?;
        head.extend_from_slice(&chunk[..read]);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    let is_page = target.split('?').next() == Some(PATH);
    let (status, page) = if is_page { ("200 OK", PAGE) } else { ("404 Not Found", "") };
    let length = page.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}");
    // What was said is heard, whether or not the page is seen.
    let _ = stream.write_all(answer.as_bytes()).await;
    is_page.then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_brings_someone_back() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let callback = Callback::listen().await.expect("a port");
            let address = callback.url.trim_start_matches("http://").trim_end_matches(PATH).to_owned();
            let url = callback.url.clone();
            let asked = tokio::spawn(async move {
                for target in ["/favicon.ico", "/callback?code=a&state=b"] {
                    let mut stream = TcpStream::connect(&address).await.expect("it listens");
                    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("sent");
                    let mut said = String::new();
                    stream.read_to_string(&mut said).await.expect("an answer");
                }
            });
            assert_eq!(callback.wait().await.expect("someone came"), format!("{url}?code=a&state=b"));
            asked.await.expect("all answered");
        });
    }
}
