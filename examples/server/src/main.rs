//! The server of README.md.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use chatfold_server::{Chat, Settings};
use clap::Parser;
use tokio::net::TcpListener;

/// No key is shorter.
const LEAST_SECRET_BYTES: usize = 16;

/// A chat server over HTTP and WebSocket.
#[derive(Parser)]
struct Args {
    /// The database, as keys and values or as an address: postgres://user@host/database
    #[arg(long, env = "CHAT_DATABASE")]
    database: String,
    /// Where to listen.
    #[arg(long, env = "CHAT_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The key that tokens are signed with, at least 16 bytes: the same for all servers over one database.
    #[arg(long, env = "CHAT_SECRET", hide_env_values = true)]
    secret: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    if args.secret.len() < LEAST_SECRET_BYTES {
        return Err(format!(
            "the secret has {} bytes, and needs at least {LEAST_SECRET_BYTES}",
            args.secret.len()
        )
        .into());
    }
    let chat = Chat::open(&args.database.parse()?, Settings::new(args.secret.into_bytes())).await?;
    let keeping = chat.clone();
    tokio::spawn(async move {
        loop {
            let Err(error) = keeping.keep_up().await;
            eprintln!("what other servers write is not heard: {error}; listening again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let listener = TcpListener::bind(args.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let ending = chat.clone();
    let stopped = async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            ending.end();
        }
    };
    axum::serve(listener, chat.router()).with_graceful_shutdown(stopped).await?;
    Ok(())
}
