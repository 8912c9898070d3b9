//! The page for who connects a server quotes a client that runs.

use std::fs;

use crate::house::root;

#[path = "../../examples/connect_your_server/main.rs"]
mod example;

const FOLDER: &str = "examples/connect_your_server";

#[test]
fn the_client_does_what_it_says() {
    example::main().unwrap();
}

#[test]
fn the_page_quotes_the_client_as_it_is() {
    let page = fs::read_to_string(root().join("docs/CONNECT.md")).unwrap();
    let quoted: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let files =
        ["client.rs", "main.rs"].map(|name| fs::read_to_string(root().join(FOLDER).join(name)).unwrap());
    assert_eq!(quoted, files);
    assert!(files[0].lines().count() <= 200, "the client is to be read in one sitting");
}

#[test]
fn the_page_tells_of_ten_systems() {
    let page = fs::read_to_string(root().join("docs/CONNECT.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells: Vec<usize> = rows.map(|row| row.matches(" | ").count() + 1).collect();
    assert_eq!(cells, [7; 10]);
}
