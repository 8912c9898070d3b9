//! Commands: the laws of `decide` on random states, and its rules and limits one by one.

mod beside;
mod commands;
mod conversations;
mod drafts;
mod folders;
mod kit;
mod laws;
mod limits;
mod messages;
mod outbox;
mod outcome;
mod outliers;
mod reading;
mod reported;
