//! XML as the JSON form of stanzas, with the namespace of every element told.

use std::collections::BTreeMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use crate::fault::{Fault, Place, cut};

/// How deep elements may stand in each other.
const MAX_DEPTH: usize = 64;

/// An element that is not closed yet.
#[derive(Debug)]
struct Open {
    name: String,
    attrs: Map<String, Value>,
    children: Vec<Value>,
    /// The prefixes that it declares.
    declared: Vec<String>,
}

/// Which namespaces the prefixes stand for, the innermost last. The default namespace has the empty prefix.
type Namespaces = BTreeMap<String, Vec<String>>;

/// Returns the stanza of a text, or an array of several.
///
/// # Errors
///
/// A [`Fault`] where the text is no XML, has a document type, or elements too deep in each other.
pub(crate) fn parse(payload: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| place(payload, error.valid_up_to(), "UTF-8", "other bytes"))?;
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut namespaces = Namespaces::new();
    let mut open: Vec<Open> = Vec::new();
    let mut roots = Vec::new();
    loop {
        let begins = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let fault = |expected: &str, found: String| place(payload, begins, expected, found);
        let event = reader.read_event().map_err(|error| {
            place(
                payload,
                usize::try_from(reader.error_position()).unwrap_or(begins),
                "XML",
                error.to_string(),
            )
        })?;
        match event {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(fault("at most 64 elements in each other", "one more".to_owned()));
                }
                open.push(element(&start, &mut namespaces).map_err(|found| fault("an element", found))?);
            }
            Event::Empty(start) => {
                let element = element(&start, &mut namespaces).map_err(|found| fault("an element", found))?;
                close(element, &mut namespaces, open.last_mut(), &mut roots);
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { return Err(fault("an element", "its end".to_owned())) };
                close(element, &mut namespaces, open.last_mut(), &mut roots);
            }
            Event::Text(text) => {
                say(&mut open, &text.xml10_content()).map_err(|found| fault("an element", found))?
            }
            Event::CData(text) => {
                say(&mut open, &text.xml10_content()).map_err(|found| fault("an element", found))?
            }
            Event::GeneralRef(entity) => {
                let content = entity.xml10_content();
                let one = entity.resolve_char_ref().ok().flatten().map(String::from);
                let named = quick_xml::escape::resolve_predefined_entity(&content).map(str::to_owned);
                let said = one.or(named).ok_or_else(|| fault("one of the five entities", cut(&content)))?;
                say(&mut open, &said).map_err(|found| fault("an element", found))?;
            }
            Event::DocType(_) => return Err(fault("stanzas", "a document type".to_owned())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if let Some(element) = open.last() {
        let expected = format!("the end of {}", cut(&element.name));
        return Err(place(payload, payload.len(), &expected, "the end of the payload"));
    }
    match roots.pop() {
        Some(root) if roots.is_empty() => Ok(root),
        Some(last) => {
            roots.push(last);
            Ok(Value::Array(roots))
        }
        None => Err(place(payload, payload.len(), "a stanza", "nothing")),
    }
}

/// Returns the fault at so many bytes of the payload.
fn place(payload: &[u8], at: usize, expected: &str, found: impl Into<String>) -> Fault {
    let before = payload.get(..at.min(payload.len())).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let begins = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    Fault::new(Place::Text { line, column: 1 + before.len() - begins }, expected, found)
}

/// Adds text to the innermost element.
fn say(open: &mut [Open], text: &str) -> Result<(), String> {
    match open.last_mut().map(|element| &mut element.children) {
        Some(children) => {
            // References cut a text into pieces.
            if let Some(Value::String(last)) = children.last_mut() {
                last.push_str(text);
            } else {
                children.push(Value::String(text.to_owned()));
            }
            Ok(())
        }
        None if text.trim().is_empty() => Ok(()),
        None => Err("text".to_owned()),
    }
}

/// Returns an element that begins, and notes the prefixes that it declares.
fn element(start: &BytesStart<'_>, namespaces: &mut Namespaces) -> Result<Open, String> {
    let mut attrs = Map::new();
    let mut declared = Vec::new();
    // Doubled keys are found here: the reader would hold each key against all before it.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let key: &str = attribute.key.as_ref();
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
        let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
        if let Some(prefix) = prefix {
            namespaces.entry(prefix.to_owned()).or_default().push(cut(&value));
            declared.push(prefix.to_owned());
        } else if attrs.insert(key.to_owned(), Value::String(value.into_owned())).is_some() {
            return Err(format!("the attribute {} twice", cut(key)));
        }
    }
    let name = start.name();
    let name: &str = name.as_ref();
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    match namespaces.get(prefix).and_then(|all| all.last()) {
        Some(namespace) => drop(attrs.insert("xmlns".to_owned(), Value::String(namespace.clone()))),
        None if prefix.is_empty() => {}
        None => return Err(format!("the prefix {} of no namespace", cut(prefix))),
    }
    Ok(Open { name: local.to_owned(), attrs, children: Vec::new(), declared })
}

/// Puts an element that ends where it belongs, and forgets the prefixes that it declares.
fn close(element: Open, namespaces: &mut Namespaces, parent: Option<&mut Open>, roots: &mut Vec<Value>) {
    for prefix in &element.declared {
        namespaces.get_mut(prefix).map(Vec::pop);
    }
    let parts = [
        ("name", Value::String(element.name)),
        ("attrs", Value::Object(element.attrs)),
        ("children", Value::Array(element.children)),
    ];
    let object = parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    parent.map_or(roots, |parent| &mut parent.children).push(Value::Object(object));
}
