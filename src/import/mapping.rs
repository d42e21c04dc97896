//! Which column of a file becomes which field of a lead.

use std::{borrow::Cow, collections::HashMap, str::FromStr};

use shared::entry::{OBJECT_FIELDS, columns::plain};

use super::fields::{Rank, Target};

/// Where a rejects file has the reason.
pub const ERROR_COLUMN: &str = "rollcall_error";
/// Where a rejects file has a row that could not be read.
pub const ROW_COLUMN: &str = "rollcall_row";
/// A JSON file may name a new field in every row; past so many, they are not remembered.
const MAX_COLUMNS: usize = 10_000;

/// A `--map "Header=field"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMap {
    header: String,
    /// `None` to ignore the column.
    target: Option<Target>,
}

impl FromStr for ColumnMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A header may hold a =, a field does not.
        let (header, target) = text.rsplit_once('=').ok_or("must be \"Header=field\"")?;
        let target = Some(target.trim()).filter(|target| !target.is_empty());
        let target = target.map(str::parse).transpose()?;
        Ok(Self { header: header.trim().to_owned(), target })
    }
}

impl ColumnMap {
    fn is_of(&self, name: &str) -> bool {
        self.header == name.trim()
            || (plain(&self.header) == plain(name) && !plain(name).is_empty())
    }
}

/// A column of a file.
#[derive(Debug)]
pub struct Column {
    /// Its name, as it stands in the file.
    pub name: String,
    /// What it becomes.
    pub place: Option<(Target, Rank)>,
    /// Whether it was told to be ignored, or is one of ours.
    meant_to_be_ignored: bool,
}

/// The columns seen so far, and what becomes of them.
#[derive(Debug)]
pub struct Mapping {
    maps: Vec<ColumnMap>,
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
}

impl Mapping {
    /// Without any columns yet.
    pub fn new(maps: Vec<ColumnMap>) -> Self {
        Self { maps, columns: Vec::new(), by_name: HashMap::new() }
    }

    /// Adds a column, of the same name as another or not, and returns its number.
    pub fn add(&mut self, name: &str) -> usize {
        let map = self.maps.iter().find(|map| map.is_of(name));
        let place = match map {
            Some(map) => map.target.clone().map(|target| (target, Rank::Given)),
            None => Target::of_column(name).filter(|(found, _)| {
                !self.maps.iter().any(|map| map.target.as_ref() == Some(found))
            }),
        };
        let ours = [ERROR_COLUMN, ROW_COLUMN].contains(&name);
        let meant_to_be_ignored = map.is_some() || ours;
        self.columns.push(Column { name: name.to_owned(), place, meant_to_be_ignored });
        self.columns.len() - 1
    }

    /// The number of the column of this name, which is added where it is new.
    pub fn find_or_add(&mut self, name: &str) -> Option<usize> {
        if let Some(column) = self.by_name.get(name) {
            return Some(*column);
        }
        let column = (self.columns.len() < MAX_COLUMNS).then(|| self.add(name))?;
        self.by_name.insert(name.to_owned(), column);
        Some(column)
    }

    /// What a column becomes.
    pub fn place(&self, column: usize) -> Option<&(Target, Rank)> {
        self.columns.get(column)?.place.as_ref()
    }

    /// Whether no columns are known, as before the first row of JSON.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The columns that become something.
    pub fn used(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.columns
            .iter()
            .filter_map(|column| Some((column.name.as_str(), &column.place.as_ref()?.0)))
    }

    /// The names of the columns that become nothing, though nobody said so.
    pub fn ignored(&self) -> Vec<&str> {
        let ignored = self.columns.iter().filter(|column| {
            column.place.is_none() && !column.meant_to_be_ignored && !column.name.trim().is_empty()
        });
        ignored.map(|column| column.name.as_str()).collect()
    }

    /// # Errors
    /// When no lead can come of these columns, or a `--map` names none of them.
    pub fn check(&self) -> Result<(), String> {
        let names = || {
            let names = self.columns.iter().map(|column| format!("{:?}", column.name));
            names.take(50).collect::<Vec<_>>().join(", ")
        };
        let unknown = |map: &&ColumnMap| !self.columns.iter().any(|it| map.is_of(&it.name));
        if let Some(map) = self.maps.iter().find(unknown) {
            return Err(format!(
                "there is no column {:?} to map; there are {}",
                map.header,
                names()
            ));
        }
        if !self.used().any(|(_, target)| target.identifies()) {
            return Err(format!(
                "no column is phone, email or lead_id: say which is, by --map \"Header=phone\"; \
                 there are {}",
                names()
            ));
        }
        Ok(())
    }
}

/// A lead entry in the making, in JSON.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    fields: Vec<(&'a Target, Cow<'a, str>)>,
}

impl<'a> Entry<'a> {
    /// Sets a field, unless it is set already: whoever counts most comes first.
    pub fn offer(&mut self, target: &'a Target, json: impl Into<Cow<'a, str>>) {
        if !self.fields.iter().any(|(there, _)| *there == target) {
            self.fields.push((target, json.into()));
        }
    }

    /// The whole entry.
    pub fn to_json(&self) -> String {
        let fields = self.fields.iter().filter_map(|(target, value)| match target {
            Target::Field(name) => Some(format!("\"{name}\":{value}")),
            Target::Member(..) => None,
        });
        let objects = OBJECT_FIELDS.into_iter().filter_map(|object| {
            let members = self.fields.iter().filter_map(|(target, value)| match target {
                Target::Member(of, name) if *of == object => {
                    Some(format!("{}:{value}", serde_json::Value::from(name.as_str())))
                }
                Target::Member(..) | Target::Field(_) => None,
            });
            let members: Vec<_> = members.collect();
            (!members.is_empty()).then(|| format!("\"{object}\":{{{}}}", members.join(",")))
        });
        format!("{{{}}}", fields.chain(objects).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(maps: &[&str], names: &[&str]) -> Mapping {
        let maps = maps.iter().map(|map| map.parse().expect("a map")).collect();
        let mut mapping = Mapping::new(maps);
        names.iter().for_each(|name| _ = mapping.add(name));
        mapping
    }

    #[test]
    fn what_is_told_wins() {
        let mapping = mapping(
            &["Work Line=phone", "E-mail=", "a=b=custom_variables.plan"],
            &["Phone", "work_line", "E-Mail", "Email Address", "a=b", "Notes", "", ERROR_COLUMN],
        );
        let used: Vec<_> = mapping.used().map(|(name, to)| format!("{name}>{to}")).collect();
        assert_eq!(used, ["work_line>phone", "Email Address>email", "a=b>custom_variables.plan"]);
        assert_eq!(mapping.ignored(), ["Phone", "Notes"]);
        assert_eq!(mapping.check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_told() {
        let problem = |maps: &[&str], names| mapping(maps, names).check().expect_err("a problem");
        assert!(problem(&["Fone=phone"], &["Phone"]).contains("\"Fone\""));
        assert!(problem(&[], &["Name", "City"]).contains("\"Name\", \"City\""));
        assert!("Phone".parse::<ColumnMap>().is_err());
        assert!("Phone=telephone".parse::<ColumnMap>().is_err());
    }

    #[test]
    fn an_entry() {
        let phone = Target::Field("phone");
        let plan = Target::Member("custom_variables", "plan \"b\"".to_owned());
        let mut entry = Entry::default();
        assert_eq!(entry.to_json(), "{}");
        entry.offer(&phone, "1");
        entry.offer(&plan, "\"x\"");
        entry.offer(&phone, "2");
        assert_eq!(entry.to_json(), r#"{"phone":1,"custom_variables":{"plan \"b\"":"x"}}"#);
    }
}
