//! Validates JSON by the keywords of JSON Schema that the schemas here use; any other keyword is a fault of the schema.

use std::collections::BTreeMap;
use std::sync::Mutex;

use regex::Regex;
use serde_json::Value;

/// Where the value breaks the schema and how; `None` where it does not.
pub fn broken(schema: &Value, value: &Value) -> Option<String> {
    Validator { root: schema }.check(schema, value, "")
}

struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        if let Some(allowed) = schema.as_bool() {
            return (!allowed).then(|| format!("{at}: nothing may stand here"));
        }
        let keywords = schema.as_object().unwrap_or_else(|| panic!("no schema: {schema}"));
        keywords.iter().find_map(|(keyword, says)| self.keyword(schema, keyword, says, value, at))
    }

    fn keyword(
        &self,
        schema: &Value,
        keyword: &str,
        says: &Value,
        value: &Value,
        at: &str,
    ) -> Option<String> {
        let unless = |holds: bool| (!holds).then(|| format!("{at}: {keyword} {says}, found {value}"));
        match keyword {
            "$schema" | "$id" | "$defs" | "title" | "description" => None,
            "$ref" => {
                let pointer = says.as_str().unwrap().strip_prefix('#').unwrap();
                self.check(self.root.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")), value, at)
            }
            "type" => unless(match says {
                Value::Array(types) => types.iter().any(|name| is_of(name.as_str().unwrap(), value)),
                name => is_of(name.as_str().unwrap(), value),
            }),
            "enum" => unless(says.as_array().unwrap().contains(value)),
            "const" => unless(says == value),
            "minimum" => unless(
                value.as_number().is_none_or(|number| integer(number) >= integer(says.as_number().unwrap())),
            ),
            "maximum" => unless(
                value.as_number().is_none_or(|number| integer(number) <= integer(says.as_number().unwrap())),
            ),
            "pattern" => unless(value.as_str().is_none_or(|text| matches(says.as_str().unwrap(), text))),
            "minItems" => {
                unless(value.as_array().is_none_or(|items| items.len() as u64 >= says.as_u64().unwrap()))
            }
            "maxItems" => {
                unless(value.as_array().is_none_or(|items| items.len() as u64 <= says.as_u64().unwrap()))
            }
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .find_map(|(n, item)| self.check(says, item, &format!("{at}/{n}"))),
            "required" => unless(value.as_object().is_none_or(|object| {
                says.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
            })),
            "properties" => says
                .as_object()
                .unwrap()
                .iter()
                .find_map(|(key, of)| self.check(of, value.get(key)?, &format!("{at}/{key}"))),
            "additionalProperties" => value.as_object().into_iter().flatten().find_map(|(key, of)| {
                let known = schema.get("properties").is_some_and(|keys| keys.get(key).is_some());
                if known { None } else { self.check(says, of, &format!("{at}/{key}")) }
            }),
            "not" => unless(self.check(says, value, at).is_some()),
            "anyOf" | "oneOf" => {
                let faults: Vec<_> =
                    says.as_array().unwrap().iter().map(|of| self.check(of, value, at)).collect();
                match (faults.iter().filter(|fault| fault.is_none()).count(), keyword) {
                    (1, _) | (2.., "anyOf") => None,
                    (0, _) => Some(format!("{at}: none of {faults:?}")),
                    (count, _) => Some(format!("{at}: {count} of oneOf hold for {value}")),
                }
            }
            other => panic!("the validator does not know {other}"),
        }
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("no type {other}"),
    }
}

/// Every number of these formats is an integer of at most 64 bits; what is none is out of every range.
fn integer(number: &serde_json::Number) -> i128 {
    number.as_i128().unwrap_or(i128::MIN)
}

fn matches(pattern: &str, text: &str) -> bool {
    static KNOWN: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).is_match(text)
}
