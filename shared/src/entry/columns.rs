//! By which names the columns of other tools' files are known: for `rollcall import`, and for the
//! console, which is told by [`known`].

use serde_json::{Value, json};

use super::{DETAIL_FIELDS, OBJECT_FIELDS, PROFILE_FIELDS};

/// Matched by this very name alone: the "Lead ID" of other systems' exports is not ours.
pub const LEAD_ID: &str = "lead_id";
/// The phone.
pub const PHONE: &str = "phone";
/// The email.
pub const EMAIL: &str = "email";

/// What other tools call the fields. Nothing that is shared by many leads: the phone of a whole
/// company would make one lead of all who work there.
pub const SYNONYMS: [(&str, &[&str]); 9] = [
    (
        PHONE,
        &[
            "Phone Number",
            "Phone No",
            "Phone 1",
            "Primary Phone",
            "Telephone",
            "Telephone Number",
            "Tel",
            "Mobile",
            "Mobile Phone",
            "Mobile Number",
            "Mobile Phone Number",
            "Cell",
            "Cell Phone",
            "Cell Number",
            "Direct Phone",
            "Direct Dial",
            "Work Phone",
            "Work Direct Phone",
            "Home Phone",
            "Contact Number",
            "Contact Phone",
        ],
    ),
    (
        EMAIL,
        &[
            "Mail",
            "Email Address",
            "Mail Address",
            "Email 1",
            "Primary Email",
            "Work Email",
            "Business Email",
            "Personal Email",
            "Contact Email",
        ],
    ),
    ("first_name", &["First", "Given Name", "Forename", "Contact First Name"]),
    ("last_name", &["Last", "Surname", "Family Name", "Contact Last Name"]),
    (
        "company_name",
        &[
            "Company",
            "Organization",
            "Organisation",
            "Organization Name",
            "Organisation Name",
            "Account",
            "Account Name",
            "Employer",
            "Business",
            "Business Name",
        ],
    ),
    ("title", &["Job Title", "Job", "Position", "Role", "Occupation"]),
    (
        "linkedin_url",
        &[
            "LinkedIn",
            "LinkedIn Profile",
            "LinkedIn Profile URL",
            "LinkedIn Link",
            "Person LinkedIn URL",
            "Contact LinkedIn URL",
        ],
    ),
    ("company_website", &["Website", "Company URL", "Company Domain"]),
    (
        "company_size",
        &["Employees", "Number of Employees", "No of Employees", "Headcount", "Employee Count"],
    ),
];

/// All fields, those that name a lead first.
pub fn fields() -> impl Iterator<Item = &'static str> {
    let others = PROFILE_FIELDS.iter().chain(&DETAIL_FIELDS).map(|field| field.name);
    [PHONE, EMAIL, LEAD_ID].into_iter().chain(others)
}

/// A name without what people write in different ways: case, spaces, dashes, underscores.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// All of this as data: the fields, the objects whose members are columns, the names that are known to
/// mean a field, and the field that is matched by its very name alone.
pub fn known() -> Value {
    let synonyms: Vec<Value> =
        SYNONYMS.iter().map(|(field, names)| json!({"field": field, "names": names})).collect();
    json!({
        "fields": fields().collect::<Vec<_>>(),
        "objects": OBJECT_FIELDS,
        "exact": LEAD_ID,
        "synonyms": synonyms,
    })
}
