//! Values by number, each decoded from the front of a snapshot when somebody first asks for it.

use std::sync::{Arc, OnceLock};

use super::lazy::Source;

/// What has a record in the front of a snapshot.
pub(crate) trait Seated: Sized {
    /// The value with this number, if the snapshot has one.
    fn load(source: &Arc<Source>, number: u32) -> Option<Self>;
}

type Seat<T> = OnceLock<Option<Arc<T>>>;

/// Values by number. A clone is O(1); writing after it copies a few dozen references and one value.
///
/// A seat not yet looked at is filled from the snapshot for all clones that still share it.
#[derive(Clone, Debug)]
pub(crate) struct Seats<T> {
    seats: im::Vector<Seat<T>>,
    source: Option<Arc<Source>>,
}

impl<T> Default for Seats<T> {
    fn default() -> Self {
        Self { seats: im::Vector::new(), source: None }
    }
}

impl<T> FromIterator<T> for Seats<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let seat = |value| OnceLock::from(Some(Arc::new(value)));
        Self { seats: values.into_iter().map(seat).collect(), source: None }
    }
}

fn open<'a, T: Seated>(seat: &'a Seat<T>, source: Option<&Arc<Source>>, number: usize) -> Option<&'a Arc<T>> {
    if let Some(value) = seat.get() {
        return value.as_ref();
    }
    let source = source?;
    let load = || T::load(source, u32::try_from(number).ok()?).map(Arc::new);
    seat.get_or_init(load).as_ref()
}

impl<T: Seated + Clone> Seats<T> {
    /// So many seats, which the snapshot fills.
    pub(crate) fn cold(source: Arc<Source>, len: u32) -> Self {
        Self { seats: (0..len).map(|_| Seat::new()).collect(), source: Some(source) }
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// The snapshot that it came from, if it came from one.
    pub(crate) fn source(&self) -> Option<&Arc<Source>> {
        self.source.as_ref()
    }

    /// The snapshot that still has all there is of a value: nobody looked at it.
    pub(crate) fn untouched(&self, number: u32) -> Option<&Arc<Source>> {
        let touched = self.seats.get(number as usize)?.get().is_some();
        self.source.as_ref().filter(|_| !touched)
    }

    /// Whether both are known to be one and the same without looking into them.
    pub(crate) fn is_same(&self, ours: u32, other: &Self, theirs: u32) -> bool {
        let seat =
            |seats: &Self, number: u32| seats.seats.get(number as usize).and_then(OnceLock::get).cloned();
        match (seat(self, ours), seat(other, theirs)) {
            (Some(Some(ours)), Some(Some(theirs))) => Arc::ptr_eq(&ours, &theirs),
            (None, None) => match (self.untouched(ours), other.untouched(theirs)) {
                (Some(source), Some(other)) => ours == theirs && Arc::ptr_eq(source, other),
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Arc<T>> {
        open(self.seats.get(number as usize)?, self.source.as_ref(), number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Arc<T>> {
        let seat = self.seats.get_mut(number as usize)?;
        open(seat, self.source.as_ref(), number as usize)?;
        seat.get_mut()?.as_mut()
    }

    pub(crate) fn push(&mut self, value: T) {
        self.push_shared(Arc::new(value));
    }

    pub(crate) fn push_shared(&mut self, value: Arc<T>) {
        self.seats.push_back(OnceLock::from(Some(value)));
    }

    /// The value with this number, which is not here any more afterwards.
    pub(crate) fn take(&mut self, number: u32) -> Option<Arc<T>> {
        self.get_mut(number)?;
        let seat = self.seats.get_mut(number as usize)?;
        std::mem::replace(seat, OnceLock::from(None)).into_inner().flatten()
    }

    /// All values by number. Complexity: what still lies in the snapshot is decoded.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Arc<T>)> {
        let opened = |(number, seat)| Some((number as u32, open(seat, self.source.as_ref(), number)?));
        self.seats.iter().enumerate().filter_map(opened)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.numbered().map(|(_, value)| value)
    }
}

impl<T: Seated + Clone + Default> Seats<T> {
    /// The value with this number, a new one if there is none. Always `Some`.
    pub(crate) fn get_or_default(&mut self, number: u32) -> Option<&mut T> {
        while self.seats.len() <= number as usize {
            self.seats.push_back(Seat::new());
        }
        let seat = self.seats.get_mut(number as usize)?;
        if open(seat, self.source.as_ref(), number as usize).is_none() {
            *seat = OnceLock::from(Some(Arc::default()));
        }
        seat.get_mut()?.as_mut().map(Arc::make_mut)
    }
}
