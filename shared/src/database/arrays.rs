//! Statements over arrays, one bind for each column: they work on any number of rows, are prepared
//! once for a connection, and know no limit of 65,535 parameters.

/// Defines a statement that takes one array for each column and splices them, comma-separated,
/// between two pieces of SQL: `head $1, $2, … tail`. A shorter array is filled up with NULLs, as
/// `unnest` does: see [`sparse`].
///
/// diesel's own `sql_query` would be prepared anew at each use; this stays in the cache.
#[macro_export]
macro_rules! array_statement {
    (
        $(#[$doc:meta])*
        pub struct $name:ident<$life:lifetime> { $($column:ident: $sql:ty => $rust:ty),+ $(,)? }
        sql($head:expr, $tail:expr $(,)?)
        $(-> $row:ty)?
    ) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name<$life> {
            $(
                #[allow(missing_docs, reason = "a column's name says it")]
                pub $column: Vec<$rust>,
            )+
            #[doc(hidden)]
            pub _borrow: std::marker::PhantomData<&$life ()>,
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl $name<'_> {
            /// The arrays alone, as a part of another statement.
            ///
            /// # Errors
            /// When one cannot be written.
            pub fn walk_columns<'b>(
                &'b self,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut separator = "";
                $(
                    out.push_sql(separator);
                    out.push_bind_param::<diesel::sql_types::Array<$sql>, _>(&self.$column)?;
                    separator = ", ";
                )+
                let _ = separator;
                Ok(())
            }
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_sql($head);
                self.walk_columns(&mut out)?;
                out.push_sql($tail);
                Ok(())
            }
        }

        $(
            impl diesel::query_builder::Query for $name<'_> {
                type SqlType = $row;
            }
        )?
    };
}

/// Puts a row's value into a column that few rows have a value for. What is missing at its end need not
/// be sent, so that a column which nobody uses costs nothing.
pub fn sparse<T>(column: &mut Vec<Option<T>>, row: usize, value: Option<T>) {
    if value.is_some() {
        column.resize_with(row, || None);
        column.push(value);
    }
}
