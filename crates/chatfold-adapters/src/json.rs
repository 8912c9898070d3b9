//! A JSON value at its place: what is read from it is of the right type, or a fault that says where it stands.

use chatfold::Timestamp;
use serde_json::Value;

use crate::fault::{Fault, Place, cut, in_words};

/// A value of a payload, and the way to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'v, 'p> {
    value: &'v Value,
    path: Path<'p>,
}

/// The way to a value: its last step, and what the step was taken from. It costs nothing until a fault is told.
#[derive(Clone, Copy, Debug)]
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Index(usize),
    /// An index of the array under the key.
    Of(&'static str, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        let mut steps = vec![self.step];
        let mut next = self.parent;
        while let Some(path) = next {
            steps.push(path.step);
            next = path.parent;
        }
        let mut pointer = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Key(key) => {
                    pointer.push('/');
                    pointer.push_str(&cut(key).replace('~', "~0").replace('/', "~1"));
                }
                Step::Index(index) => {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                }
                Step::Of(key, index) => {
                    pointer.push_str(&format!("/{key}/{index}"));
                }
            }
        }
        pointer
    }
}

impl<'v> At<'v, 'static> {
    /// Returns the whole payload.
    pub(crate) fn root(value: &'v Value) -> Self {
        Self { value, path: Path { parent: None, step: Step::Root } }
    }
}

impl<'v> At<'v, '_> {
    /// Returns the fault that something else was expected here.
    pub(crate) fn fault(&self, expected: impl Into<String>) -> Fault {
        self.refused(expected, in_words(self.value))
    }

    /// The same where what was found is told in other words.
    pub(crate) fn refused(&self, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault::new(Place::Pointer(self.path.pointer()), expected, found)
    }

    fn step<'q>(&'q self, value: &'v Value, step: Step<'q>) -> At<'v, 'q> {
        At { value, path: Path { parent: Some(&self.path), step } }
    }

    /// Returns what stands under the key; `None` where nothing or null does.
    pub(crate) fn get<'q>(&'q self, key: &'q str) -> Option<At<'v, 'q>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.step(value, Step::Key(key)))
    }

    /// Returns what stands under the key.
    pub(crate) fn need<'q>(&'q self, key: &'q str) -> Result<At<'v, 'q>, Fault> {
        if !self.value.is_object() {
            return Err(self.fault("an object"));
        }
        self.get(key).ok_or_else(|| {
            let missing = Path { parent: Some(&self.path), step: Step::Key(key) };
            Fault::new(Place::Pointer(missing.pointer()), "a value", "nothing")
        })
    }

    /// Returns the object under the key.
    pub(crate) fn object<'q>(&'q self, key: &'q str) -> Result<At<'v, 'q>, Fault> {
        let at = self.need(key)?;
        if at.value.is_object() { Ok(at) } else { Err(at.fault("an object")) }
    }

    /// Whether something stands under the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn as_text(&self) -> Result<&'v str, Fault> {
        self.value.as_str().ok_or_else(|| self.fault("a text"))
    }

    /// Returns the text under the key.
    pub(crate) fn text(&self, key: &str) -> Result<&'v str, Fault> {
        self.need(key)?.as_text()
    }

    /// Returns the text under the key, if anything stands there.
    pub(crate) fn text_if(&self, key: &str) -> Result<Option<&'v str>, Fault> {
        self.get(key).map(|at| at.as_text()).transpose()
    }

    /// Whether the text under the key is this one; anything else there is not.
    pub(crate) fn is(&self, key: &str, text: &str) -> bool {
        self.value.get(key).and_then(Value::as_str) == Some(text)
    }

    pub(crate) fn as_integer(&self) -> Result<i64, Fault> {
        self.value.as_i64().ok_or_else(|| self.fault("an integer of at most 63 bits"))
    }

    /// Returns the integer under the key.
    pub(crate) fn integer(&self, key: &str) -> Result<i64, Fault> {
        self.need(key)?.as_integer()
    }

    pub(crate) fn as_count(&self) -> Result<u64, Fault> {
        let count = self.value.as_u64().filter(|count| *count <= chatfold::event::MAX_SEQ);
        count.ok_or_else(|| self.fault("a number from 0 to 2^53"))
    }

    /// Returns the number under the key, if anything stands there.
    pub(crate) fn count_if(&self, key: &str) -> Result<Option<u64>, Fault> {
        self.get(key).map(|at| at.as_count()).transpose()
    }

    /// Returns the truth value under the key, false where nothing stands there.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, Fault> {
        let Some(at) = self.get(key) else { return Ok(false) };
        at.value.as_bool().ok_or_else(|| at.fault("true or false"))
    }

    /// Returns the instant that the number under the key says, in milliseconds.
    pub(crate) fn millis(&self, key: &str) -> Result<Timestamp, Fault> {
        let at = self.need(key)?;
        Timestamp::from_millis(at.as_integer()?)
            .map_err(|_| at.fault("milliseconds of the years 1970 to 9998"))
    }

    /// Returns the instant that the number under the key says, in seconds.
    pub(crate) fn seconds(&self, key: &str) -> Result<Timestamp, Fault> {
        let at = self.need(key)?;
        let millis = at.as_integer()?.checked_mul(1_000);
        let time = millis.and_then(|millis| Timestamp::from_millis(millis).ok());
        time.ok_or_else(|| at.fault("seconds of the years 1970 to 9998"))
    }

    /// Shows each item of the array under the key, none where nothing stands there.
    pub(crate) fn each(&self, key: &str, mut show: impl FnMut(&At<'v, '_>)) -> Result<(), Fault> {
        match self.get(key) {
            Some(at) => at.items(&mut show),
            None => Ok(()),
        }
    }

    /// Shows each item of the array under the key until one has a fault.
    pub(crate) fn try_each(
        &self,
        key: &str,
        mut show: impl FnMut(&At<'v, '_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut shown = Ok(());
        self.each(key, |item| {
            if shown.is_ok() {
                shown = show(item);
            }
        })?;
        shown
    }

    /// Shows each item of this array.
    pub(crate) fn items(&self, mut show: impl FnMut(&At<'v, '_>)) -> Result<(), Fault> {
        let items = self.value.as_array().ok_or_else(|| self.fault("an array"))?;
        for (index, item) in items.iter().enumerate() {
            show(&self.step(item, Step::Index(index)));
        }
        Ok(())
    }

    /// Returns the item of this array at the index; `None` where nothing or null is.
    pub(crate) fn item<'q>(&'q self, index: usize) -> Option<At<'v, 'q>> {
        let value = self.value.get(index).filter(|value| !value.is_null())?;
        Some(self.step(value, Step::Index(index)))
    }

    /// Shows each entry of the object under the key, none where nothing stands there.
    pub(crate) fn entries(&self, key: &str, mut show: impl FnMut(&'v str, &At<'v, '_>)) -> Result<(), Fault> {
        let Some(at) = self.get(key) else { return Ok(()) };
        let entries = at.value.as_object().ok_or_else(|| at.fault("an object"))?;
        for (key, value) in entries {
            show(key, &at.step(value, Step::Key(key)));
        }
        Ok(())
    }

    /// Returns the integer under the key, which TDLib writes as text where it may have more than 53 bits.
    pub(crate) fn long(&self, key: &str) -> Result<i64, Fault> {
        let at = self.need(key)?;
        match at.value.as_str() {
            Some(text) => text.parse().map_err(|_| at.fault("an integer of at most 63 bits")),
            None => at.as_integer(),
        }
    }

    /// Shows each key of this object.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.value.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str))
    }

    /// Whether nothing stands here.
    pub(crate) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Returns the items of the array `children`, none where it is no array.
    pub(crate) fn children<'q>(&'q self) -> impl Iterator<Item = At<'v, 'q>> {
        let items = self.value.get("children").and_then(Value::as_array);
        let items = items.into_iter().flatten().enumerate();
        items.map(move |(index, item)| self.step(item, Step::Of("children", index)))
    }

    pub(crate) fn value(&self) -> &'v Value {
        self.value
    }

    /// Whether this is an array without items.
    pub(crate) fn is_empty(&self) -> bool {
        self.value.as_array().is_some_and(Vec::is_empty)
    }

    /// Whether this is an array.
    pub(crate) fn is_array(&self) -> bool {
        self.value.is_array()
    }
}
