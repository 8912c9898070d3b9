//! The macro that gives an option struct a setter for each of its fields.
//!
//! Such structs are `#[non_exhaustive]`, so that an option added tomorrow breaks nobody: other crates cannot write them as
//! literals and begin with a default.

/// Writes one `const` method a field, which takes a value of it and returns the struct with that value.
macro_rules! setters {
    ($name:ident { $($(#[$doc:meta])* $method:ident: $field:ident: $type:ty,)+ }) => {
        impl $name {
            $(
                $(#[$doc])*
                #[must_use]
                pub const fn $method(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}

pub(crate) use setters;
