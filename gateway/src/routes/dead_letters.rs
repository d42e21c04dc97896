//! What nobody could work on, of all workspaces.

pub mod about;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared::{
    contract::{ErrorBody, ErrorCode, Page},
    dead_letters::{self, DeadLetter, DeadLetterError, Part, Which},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Paging, page},
    state::State,
};

/// `GET /v1/dead-letters`: oldest first. A letter's id need not be one of ours: a cursor holds a place.
pub async fn list(state: Data<State>, paging: Paging) -> Result<HttpResponse, ApiError> {
    let range = paging.range();
    let start = range.after.map_or(range.offset, |last| place(last).saturating_add(1));
    let (without, limit) = (usize::try_from(start), usize::try_from(range.limit));
    let (without, limit) = (without.unwrap_or(usize::MAX), limit.unwrap_or_default());
    let listed = dead_letters::list(&*state.bus, without, limit);
    let Part { letters, total } = one_by_one(&state, listed).await?;
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let end = start.saturating_add(range.limit);
    let next = (end < total).then(|| Uuid::from_u128((end - 1).unsigned_abs().into()));
    let letters: Page<DeadLetter> = Page { data: letters, total, total_is_capped: false, next };
    Ok(page(&paging, &letters))
}

/// The place that a cursor holds.
fn place(cursor: Uuid) -> i64 {
    i64::try_from(cursor.as_u128()).unwrap_or(i64::MAX)
}

/// `POST /v1/dead-letters/{message_id}/replay`.
pub async fn replay(state: Data<State>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    one_by_one(&state, dead_letters::replay(&*state.bus, Which::One(&id))).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /v1/dead-letters/{message_id}`.
pub async fn remove(state: Data<State>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    one_by_one(&state, dead_letters::remove(&*state.bus, Which::One(&id))).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who looks at dead letters holds them meanwhile, and nobody else would see them.
async fn one_by_one<T>(
    state: &State,
    work: impl Future<Output = Result<T, DeadLetterError>>,
) -> Result<T, ApiError> {
    let done = timeout(state.settings.answer_timeout(), async {
        let _turn = state.dead_letters.lock().await;
        work.await
    });
    match done.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(DeadLetterError::Absent(_))) => Err(ErrorBody::not_found("Dead letter").into()),
        Ok(Err(DeadLetterError::NoSource(_))) => Err(ApiError::new(
            ErrorCode::Conflict,
            "This dead letter does not say where it came from, and can only be dropped",
        )),
        Ok(Err(DeadLetterError::Bus(error))) => Err(error.into()),
        Err(_) => Err(shared::bus::BusError::Timeout.into()),
    }
}
