//! `/directoryObjects`: users, groups and service principals by their ids alone, whatever they are.

use std::collections::HashSet;

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_store::directory::{Principal, PrincipalKind, applications};
use http::StatusCode;
use serde_json::Value as Json;

use super::body::{Body, required};
use super::{applications as registrations, missing, objects, query};
use crate::call::Call;
use crate::error::{ApiError, Kind};

/// How many ids a request may name (page "directoryObject: getByIds").
const MOST: usize = 1_000;
/// Kinds of objects that Graph knows and this server has none of: they find nothing.
const ELSEWHERE: &[&str] = &["device", "orgContact", "contact", "directoryRole"];

/// The object with the path's id.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let text = call.param("id");
    let id: ObjectId = text.parse().map_err(|_| missing(text))?;
    let mut found = of(&call, &[id], None).await?;
    let object = found.pop().ok_or_else(|| missing(id))?;
    query::entity(&call, StatusCode::OK, object, &[])
}

/// The objects with the given ids; those that are not there are left out.
pub(crate) async fn by_ids(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let ids: Vec<ObjectId> = required(&body, "ids", "getByIds")?;
    if ids.is_empty() || ids.len() > MOST {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!("ids names 1 to {MOST} objects."),
        ));
    }
    let types: Option<Vec<String>> = body.get("types")?;
    let value = of(&call, &ids, types.as_deref()).await?;
    query::all(&call, value, &[], &[])
}

/// Objects in the order of their ids, each once, of the types that are wanted.
async fn of(
    call: &Call,
    ids: &[ObjectId],
    types: Option<&[String]>,
) -> Result<Vec<Json>, ApiError> {
    let wants = |kind: &str| {
        types.is_none_or(|types| {
            types.is_empty()
                || types.iter().any(|wanted| {
                    wanted.eq_ignore_ascii_case(kind)
                        || wanted.eq_ignore_ascii_case("directoryObject")
                })
        })
    };
    let kinds = [
        PrincipalKind::User,
        PrincipalKind::Group,
        PrincipalKind::ServicePrincipal,
    ];
    let known = |word: &String| {
        let others = ["application", "directoryObject"];
        let mut all = kinds.iter().map(|kind| kind.as_str()).chain(others);
        all.any(|name| name.eq_ignore_ascii_case(word))
            || ELSEWHERE.iter().any(|name| name.eq_ignore_ascii_case(word))
    };
    if let Some(odd) = types.into_iter().flatten().find(|word| !known(word)) {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!(
                "'{odd}' is no type of directory object: types names user, group, servicePrincipal or application."
            ),
        ));
    }
    let wanted: Vec<Principal> = kinds
        .into_iter()
        .filter(|kind| wants(kind.as_str()))
        .flat_map(|kind| ids.iter().map(move |id| Principal { id: *id, kind }))
        .collect();
    let mut tx = call.read().await?;
    let mut found = objects::principals_by_id(&mut tx, call.tenant(), &wanted).await?;
    if wants("application") {
        let rest: HashSet<ObjectId> = ids
            .iter()
            .copied()
            .filter(|id| !found.contains_key(id))
            .collect();
        for id in rest {
            if let Some(app) = applications::by_id(&mut tx, call.tenant(), id).await? {
                let object = registrations::whole(&mut tx, call, &app, false).await?;
                found.insert(id, objects::typed(object, "application"));
            }
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}
