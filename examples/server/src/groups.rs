//! Groups and profiles.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chatfold::event::Membership;
use chatfold::{ConversationId, Envelope, EventId, GroupId, UserId};
use chatfold_account::shared::History;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Chat;
use crate::auth::Given;
use crate::error::{Body, Refusal};
use crate::shown::group_type;

/// No name is longer.
const MOST_NAME_BYTES: usize = 200;

/// No address of a picture is longer.
const MOST_URL_BYTES: usize = 2_000;

fn no_longer(what: &str, text: Option<&str>, most: usize) -> Result<(), Refusal> {
    match text.map(str::len).filter(|found| *found > most) {
        Some(found) => Err(Refusal::bad(format!("{what} of {found} bytes: at most {most}"))),
        None => Ok(()),
    }
}

/// A group to be made.
#[derive(Debug, Deserialize)]
pub(crate) struct NewGroup {
    name: String,
    /// `work` unless it says `public` or `community`.
    #[serde(rename = "type")]
    group_type: Option<String>,
    #[serde(default)]
    members: Vec<String>,
}

/// A group that was made.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    group: String,
    conversation: String,
}

/// `POST /groups`: whoever makes it is a member. Given again under the same key it is the same group.
pub(crate) async fn create(
    State(chat): State<Chat>,
    Given(context): Given,
    Body(given): Body<NewGroup>,
) -> Result<(StatusCode, Json<Created>), Refusal> {
    no_longer("a name", Some(&given.name), MOST_NAME_BYTES)?;
    let kind = given.group_type.as_deref().unwrap_or("work");
    let kind = group_type(kind).ok_or_else(|| Refusal::bad(format!("there is no type {kind} of groups")))?;
    let members = given.members.iter().map(|name| UserId::parse(name)).collect::<Result<Vec<_>, _>>();
    let members = members.map_err(Refusal::bad)?;
    chat.inner.auth.all_known(&members).await?;
    // Nobody can choose the id of a group that is there.
    let group = GroupId::parse(&Uuid::from_bytes(context.seed).simple().to_string()).map_err(Refusal::bad)?;
    chat.desk().create_group(&context, &group, kind, &members).await?;
    let envelope = Envelope::new(EventId::from_bytes(context.seed), context.time, context.actor);
    let named = envelope.group_profile_changed(group.clone(), Some(given.name), None, None);
    chat.desk().set_profile(&named.map_err(Refusal::bad)?).await?;
    let conversation = ConversationId::group(&group).to_string();
    Ok((StatusCode::CREATED, Json(Created { group: group.to_string(), conversation })))
}

/// What of its history somebody sees who joins.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sees {
    Whole,
    #[default]
    FromNow,
}

/// How somebody joins.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Joining {
    #[serde(default)]
    history: Sees,
}

/// `PUT /groups/{group}/members/{user}`: a member takes somebody in.
pub(crate) async fn join(
    State(chat): State<Chat>,
    Given(context): Given,
    Path((group, user)): Path<(String, String)>,
    Body(given): Body<Joining>,
) -> Result<(), Refusal> {
    let (group, user) = (GroupId::parse(&group), UserId::parse(&user));
    let (group, user) = (group.map_err(Refusal::bad)?, user.map_err(Refusal::bad)?);
    chat.inner.auth.all_known(std::slice::from_ref(&user)).await?;
    let id = ConversationId::group(&group);
    let membership = chat.look(&context.actor, &id, |member| member.membership()).await?;
    if membership != Some(Membership::Joined) {
        return Err(Refusal::forbidden("only a member takes others in"));
    }
    let history = match given.history {
        Sees::Whole => History::Whole,
        Sees::FromNow => History::FromNow,
    };
    chat.desk().join_group(&context, &group, &user, history).await?;
    Ok(())
}

/// `DELETE /groups/{group}/members/{user}`: somebody leaves.
pub(crate) async fn leave(
    State(chat): State<Chat>,
    Given(context): Given,
    Path((group, user)): Path<(String, String)>,
) -> Result<(), Refusal> {
    let group = GroupId::parse(&group).map_err(Refusal::bad)?;
    if user != context.actor.as_str() {
        return Err(Refusal::forbidden("everybody leaves by themselves"));
    }
    // Who is no member learns no more of a group than that.
    chat.look(&context.actor, &ConversationId::group(&group), |_| ()).await?;
    chat.desk().leave_group(&context, &group, &context.actor).await?;
    Ok(())
}

/// How somebody is called.
#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    nickname: Option<String>,
    face_url: Option<String>,
}

/// `PUT /profile`: one's own.
pub(crate) async fn profile(
    State(chat): State<Chat>,
    Given(context): Given,
    Body(given): Body<Profile>,
) -> Result<(), Refusal> {
    no_longer("a name", given.nickname.as_deref(), MOST_NAME_BYTES)?;
    no_longer("an address", given.face_url.as_deref(), MOST_URL_BYTES)?;
    let envelope = Envelope::new(EventId::from_bytes(context.seed), context.time, context.actor.clone());
    let event = envelope.user_profile_changed(context.actor, given.nickname, None, given.face_url);
    chat.desk().set_profile(&event.map_err(Refusal::bad)?).await?;
    Ok(())
}
