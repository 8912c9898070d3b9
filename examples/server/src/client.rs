//! A client of the server: what its tests and the load generator ask it with.

use std::fmt;
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode, header};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use crate::shown::Frame;

/// Why there is no answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Asks over connections that stay open. A clone shares them.
#[derive(Clone, Debug)]
pub struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Client {
    /// A client of the server at an address.
    pub fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { http, address }
    }

    /// Asks with a body of JSON, or with none if that is null, and returns the status and the JSON of the answer.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the server cannot be reached, or answers with what is no JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        (token, key): (&str, Option<Uuid>),
        body: &Value,
    ) -> Result<(StatusCode, Value), Failure> {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key.to_string());
        }
        let response = self.http.request(request.body(Full::new(Bytes::from(bytes)))?).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        let is_json = bytes.first() == Some(&b'{');
        let said = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Ok((status, if is_json { serde_json::from_slice(&bytes)? } else { said() }))
    }

    /// Posts JSON and returns what is answered.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the answer is anything but a success.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Result<Value, Failure> {
        let (status, answer) = self.ask(Method::POST, path, (token, None), body).await?;
        if status.is_success() { Ok(answer) } else { Err(format!("POST {path}: {status}: {answer}").into()) }
    }

    /// Opens a live connection.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it is refused.
    pub async fn live(&self, token: &str) -> Result<Live, Failure> {
        let (socket, _) = connect_async(format!("ws://{}/live?token={token}", self.address)).await?;
        Ok(Live { socket })
    }
}

/// A live connection.
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// The next frame.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the connection has ended.
    pub async fn next(&mut self) -> Result<Frame, Failure> {
        while let Some(message) = self.socket.next().await {
            match message? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(why) => return Err(format!("the live connection ended: {why:?}").into()),
                _ => {}
            }
        }
        Err("the live connection ended".into())
    }
}
