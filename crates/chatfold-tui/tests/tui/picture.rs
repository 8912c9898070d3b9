//! The picture in the README is what its command makes of the program as it is.

#[path = "../../examples/picture/svg.rs"]
mod svg;

#[test]
fn the_picture_is_of_this_program() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tui.svg");
    let kept = std::fs::read_to_string(path).unwrap();
    let made = svg::picture().unwrap();
    assert!(kept == made, "cargo run -p chatfold-tui --example picture > docs/tui.svg makes it anew");
}
