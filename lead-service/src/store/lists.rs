//! Which leads a list shows, newest first.
//!
//! Every query goes by an index and reads a bounded number of rows, however many leads the workspace
//! has. The planner is held to it ([`crate::requests`]): on a table that it knows nothing of, it would
//! rather sort what it takes to be a few rows.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    pg::Pg,
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_query,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    contract::{LeadFilter, Page, Range},
    database::DatabaseError,
};
use uuid::Uuid;

use super::counts;
use crate::search::Words;

/// Rows that are counted, and rows that a search looks at in each index, at the most.
const MAX_ROWS: i64 = 10_000;

/// All leads of the workspace. Parameters, here and below: `$1` workspace, `$2` and `$3` the ids
/// between which leads count, `$4` phone, `$5` email, `$6` words, `$7` the phones that they may begin,
/// `$8` [`MAX_ROWS`].
macro_rules! workspace {
    () => {
        "uuid_hash_extended(workspace_id, 0) = uuid_hash_extended($1, 0) AND workspace_id = $1"
    };
}

/// What a row needs to be searched.
macro_rules! searched {
    () => {
        "SELECT id, phone, email, first_name, last_name, company_name FROM lead.leads WHERE "
    };
}

/// Whether all words are found in a row by the name `l`.
macro_rules! has_words {
    () => {
        "NOT EXISTS (SELECT FROM unnest($6, $7) AS w (word, phone) WHERE ( \
             starts_with(l.email, w.word) OR starts_with(l.phone, w.phone) OR strpos( \
                 ' ' || lower(concat_ws(' ', l.first_name, l.last_name, l.company_name)), \
                 ' ' || w.word) > 0) IS NOT TRUE)"
    };
}

const ALL: &str = concat!(
    "SELECT id FROM lead.leads WHERE ",
    workspace!(),
    " AND id >= $2 AND id < $3 ORDER BY id DESC"
);

/// A phone has one lead at the most, which is found first and then held against the rest.
const BY_PHONE: &str = concat!(
    "SELECT id FROM (",
    searched!(),
    "workspace_id = $1 AND phone = $4 OFFSET 0) AS l \
     WHERE id >= $2 AND id < $3 AND (email = $5 OR $5 IS NULL) AND ",
    has_words!()
);

const BY_EMAIL: &str = concat!(
    "SELECT id FROM (",
    searched!(),
    "workspace_id = $1 AND email = $5 OFFSET 0) AS l WHERE id >= $2 AND id < $3 AND ",
    has_words!()
);

/// Looked at are the newest leads and, of all, those whose email or phone begins with one of the words.
const BY_WORDS: &str = concat!(
    "SELECT DISTINCT id FROM ((",
    searched!(),
    workspace!(),
    " ORDER BY id DESC LIMIT $8) UNION ALL \
     SELECT e.* FROM unnest($6) AS k (word) CROSS JOIN LATERAL (",
    searched!(),
    "workspace_id = $1 AND email >= k.word AND email < k.word || chr(1114111) \
         ORDER BY workspace_id, email LIMIT $8) AS e \
     UNION ALL \
     SELECT p.* FROM unnest($7) AS k (phone) CROSS JOIN LATERAL (",
    searched!(),
    "workspace_id = $1 AND phone >= k.phone AND phone < k.phone || chr(1114111) \
         ORDER BY workspace_id, phone LIMIT $8) AS p) AS l \
     WHERE id >= $2 AND id < $3 AND ",
    has_words!(),
    " ORDER BY id DESC"
);

/// The ids of a page of leads.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    filter: &LeadFilter,
    words: &Words,
    range: Range,
) -> Result<Page<Uuid>, DatabaseError> {
    let from = filter.created_after.map_or(Uuid::nil(), first_id_after);
    let list = List { workspace_id, from, before: Uuid::max(), filter, words };
    let (total, total_is_capped) = list.count(connection).await?;
    let rest = List { before: range.after.unwrap_or(Uuid::max()), ..list };
    let ids = rest.ids(connection, range.look_ahead(), range.offset).await?;
    Ok(Page { total_is_capped, ..range.page(ids, total, |id| *id) })
}

/// The leads between two ids that pass a filter.
struct List<'a> {
    workspace_id: Uuid,
    from: Uuid,
    before: Uuid,
    filter: &'a LeadFilter,
    words: &'a Words,
}

impl List<'_> {
    /// How many there are, and whether there may be more.
    async fn count(&self, on: &mut AsyncPgConnection) -> Result<(i64, bool), DatabaseError> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let leads = counts::count(on, self.workspace_id).await?;
        if *self.filter == LeadFilter::default() {
            return Ok((leads, false));
        }
        let sql =
            format!("SELECT count(*) AS count FROM ({} LIMIT $9 OFFSET $10) AS l", self.sql());
        let Count { count } = self.query(sql, MAX_ROWS + 1, 0).get_result(on).await?;
        let (capped, partial) = (count > MAX_ROWS, self.is_search() && leads > MAX_ROWS);
        Ok((count.min(MAX_ROWS), capped || partial))
    }

    /// Their ids, newest first.
    async fn ids(
        &self,
        on: &mut AsyncPgConnection,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Uuid>, DatabaseError> {
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = SqlUuid)]
            id: Uuid,
        }
        let sql = format!("{} LIMIT $9 OFFSET $10", self.sql());
        let found: Vec<Found> = self.query(sql, limit, offset).load(on).await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }

    fn sql(&self) -> &'static str {
        if self.filter.phone.is_some() {
            BY_PHONE
        } else if self.filter.email.is_some() {
            BY_EMAIL
        } else if self.is_search() {
            BY_WORDS
        } else {
            ALL
        }
    }

    fn is_search(&self) -> bool {
        self.filter.search.is_some()
    }

    fn query(&self, sql: String, limit: i64, offset: i64) -> BoxedSqlQuery<'_, Pg, SqlQuery> {
        sql_query(sql)
            .into_boxed()
            .bind::<SqlUuid, _>(self.workspace_id)
            .bind::<SqlUuid, _>(self.from)
            .bind::<SqlUuid, _>(self.before)
            .bind::<Nullable<Text>, _>(&self.filter.phone)
            .bind::<Nullable<Text>, _>(&self.filter.email)
            .bind::<Array<Text>, _>(&self.words.words)
            .bind::<Array<Nullable<Text>>, _>(&self.words.phones)
            .bind::<BigInt, _>(MAX_ROWS)
            .bind::<BigInt, _>(limit)
            .bind::<BigInt, _>(offset)
    }
}

/// The least id of a lead that was made after this moment: ids are in the order of time, by the
/// millisecond.
fn first_id_after(moment: DateTime<Utc>) -> Uuid {
    let next = u128::try_from(moment.timestamp_millis().saturating_add(1)).unwrap_or_default();
    if next < 1 << 48 { Uuid::from_u128(next << 80) } else { Uuid::max() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_lies_behind_the_whole_millisecond() {
        let id = Uuid::now_v7();
        let (seconds, nanos) = id.get_timestamp().expect("a time").to_unix();
        let made = DateTime::from_timestamp(seconds as i64, nanos).expect("a moment");
        let after = |offset| first_id_after(made + chrono::TimeDelta::microseconds(offset));
        assert!(id < after(0) && id < after(999));
        assert!(id >= after(-1));
        assert_eq!(first_id_after(DateTime::<Utc>::MAX_UTC), Uuid::max());
        assert_eq!(first_id_after(DateTime::<Utc>::MIN_UTC), Uuid::nil());
    }
}
