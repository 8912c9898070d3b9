//! A day of a client whose server has pages, gaps and counts of its own: docs/CONNECT.md tells what it does and why.
//!
//! `cargo run --example connect_your_server`
#![allow(clippy::print_stdout, missing_docs, unreachable_pub)]

mod client;
mod server;

use self::client::{Client, Done};
use self::server::Server;

pub fn main() -> Done {
    let mut server = Server::with_rooms();
    let mut phone = Client::start("alice", Vec::new())?;
    phone.sync(&mut server)?;
    // Ten messages are held, and the number is the server's.
    assert_eq!(phone.shown("design")?, "Room design: 37 unread, \"message 57\"");
    assert_eq!(phone.open(&server, "design")?.as_deref(), Some("message 21"));
    assert_eq!(phone.shown("design")?, "Room design: 37 unread, \"message 57\"");

    // Without network one writes all the same, and a restart loses nothing.
    server.is_reachable = false;
    phone.send(&mut server, "design", "On my way")?;
    assert_eq!(phone.shown("design")?, "Room design: 37 unread, \"On my way\"");
    let mut phone = Client::start("alice", phone.log)?;
    assert_eq!(phone.shown("design")?, "Room design: 37 unread, \"On my way\"");

    // Meanwhile more is said than an answer holds, and another device reads some of it.
    server.more_is_said();
    phone.sync(&mut server)?;
    assert_eq!(
        phone.shown("design")?,
        format!("Room design: {} unread, \"On my way\"", server.unread("design", "alice"))
    );
    assert_eq!(phone.open(&server, "design")?.as_deref(), Some("message 61"));
    phone.read(&mut server, "design")?;
    assert_eq!(
        (phone.shown("design")?.as_str(), server.unread("design", "alice")),
        ("Room design: 0 unread, \"On my way\"", 0)
    );
    println!("{}\n{}", phone.shown("design")?, phone.shown("lunch")?);
    Ok(())
}
