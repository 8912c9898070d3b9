//! What is wished at the terminal, as commands.

use chatfold::{Command, Context, Message};
use chatfold_tui::Wish;

use crate::act::fresh_message;

/// What a wish comes to; a message gets its id here.
pub fn command(wish: &Wish, context: &Context) -> Command {
    match wish {
        Wish::Send { conversation, text, reply_to } => {
            let mut message = Message::text(fresh_message(context.time, context.seed), text.clone());
            message.reply_to = *reply_to;
            Command::Send { conversation: conversation.clone(), message: Box::new(message) }
        }
        Wish::Command(command) => command.clone(),
    }
}
