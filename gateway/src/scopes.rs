//! What a key is good for.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// One kind of thing that a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read leads and campaigns.
    Read,
    /// Add and change leads and campaigns.
    LeadsWrite,
    /// Everything in the workspace, keys too.
    Admin,
    /// Look after the dead letters, which are of all workspaces: only who runs Rollcall gives it.
    Operator,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::LeadsWrite, Self::Admin, Self::Operator];

    /// Those that a workspace gives to its own keys.
    pub const OF_WORKSPACE: [Self; 3] = [Self::Read, Self::LeadsWrite, Self::Admin];

    /// The name, as callers and the database know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::LeadsWrite => "leads:write",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        named.ok_or_else(|| format!("a scope is one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for Scope {
    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

/// The scopes that a workspace gives to its own keys, as the specification names them.
pub struct WorkspaceScope;

impl JsonSchema for WorkspaceScope {
    fn schema_name() -> Cow<'static, str> {
        "WorkspaceScope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Scope::OF_WORKSPACE.map(Scope::as_str)})
    }
}

/// The scopes of a key: at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These, or `None` where there are none.
    pub fn new(mut scopes: Vec<Scope>) -> Option<Self> {
        scopes.sort_unstable();
        scopes.dedup();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// Whether a key with these may do what needs that one.
    pub fn allow(&self, needed: Scope) -> bool {
        let included = Scope::OF_WORKSPACE.contains(&needed) && self.0.contains(&Scope::Admin);
        included || self.0.contains(&needed)
    }

    /// Whether a workspace gives all of these to its own keys.
    pub fn are_of_workspace(&self) -> bool {
        self.0.iter().all(|scope| Scope::OF_WORKSPACE.contains(scope))
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|scope| scope.as_str()).collect()
    }
}

/// What a key may do where nothing else is said: all that recipes need.
impl Default for Scopes {
    fn default() -> Self {
        Self(vec![Scope::Read, Scope::LeadsWrite])
    }
}

/// From the database, which checks the names.
impl TryFrom<Vec<String>> for Scopes {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let scopes = names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
        Self::new(scopes).ok_or_else(|| "a key without scopes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_includes_everything_of_the_workspace_and_nothing_else_does() {
        for needed in Scope::ALL {
            for held in Scope::ALL {
                let scopes = Scopes::new(vec![held]).expect("one");
                let included = held == Scope::Admin && needed != Scope::Operator;
                assert_eq!(scopes.allow(needed), held == needed || included);
                assert_eq!(scopes.are_of_workspace(), held != Scope::Operator);
            }
        }
        assert!(!Scopes::default().allow(Scope::Admin));
        assert_eq!(Scopes::new(vec![]), None);
    }

    #[test]
    fn names_lead_back() {
        let names = ["leads:write", "read", "read"].map(str::to_owned).to_vec();
        assert_eq!(Scopes::try_from(names), Ok(Scopes::default()));
        assert!(Scopes::try_from(vec!["write".to_owned()]).is_err());
        assert!(Scopes::try_from(vec![]).is_err());
    }
}
