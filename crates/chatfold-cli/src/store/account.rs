//! What becomes of the error of an account over a store.

use chatfold_account::AccountError;

use super::{StoreAddress, StoreError};
use crate::failure::Failure;
use crate::sentence::refusal;

/// Why an account could not do it, and the exit code that this means.
pub fn failure(place: &StoreAddress, error: AccountError<StoreError>) -> Failure {
    match error {
        AccountError::Rejected(rejection) => Failure::Refused(refusal(&rejection)),
        AccountError::Damaged { .. } | AccountError::Undecodable { .. } => {
            Failure::Fault { place: place.to_string(), what: error.to_string() }
        }
        AccountError::Store(error) => place.failed("failed", error),
        other => Failure::Input { place: place.to_string(), what: other.to_string(), source: None },
    }
}
