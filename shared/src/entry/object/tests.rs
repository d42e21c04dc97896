use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};

use super::*;

fn parse(json: &str) -> Result<Option<JsonObject>, EntryError> {
    JsonObject::parse("metadata", serde_json::from_str(json).expect("valid JSON"))
}

fn object(json: &str) -> JsonObject {
    parse(json).expect(json).expect("not blank")
}

#[test]
fn values_are_kept_exactly() {
    for (given, kept) in [
        (r#"{ "b" : 1 , "a" : [ true , null ] }"#, r#"{"a":[true,null],"b":1}"#),
        (r#"{"n":9007199254740993}"#, r#"{"n":9007199254740993}"#),
        (r#"{"n":-0.10}"#, r#"{"n":-0.10}"#),
        (r#"{"n":1.50e1}"#, r#"{"n":15.0}"#),
        (r#"{"n":1E+3}"#, r#"{"n":1000}"#),
        (r#"{"n":12.5e-3}"#, r#"{"n":0.0125}"#),
        (r#"{"n":-0e2}"#, r#"{"n":0}"#),
        (r#"{"n":0e400}"#, r#"{"n":0}"#),
        (r#"{"s":"\u00e9\n\"\ud83d\ude00"}"#, r#"{"s":"é\n\"😀"}"#),
        (r#"{"o":{"z":{},"a":[]},"":"7"}"#, r#"{"":"7","o":{"a":[],"z":{}}}"#),
    ] {
        let object = object(given);
        assert_eq!(object.to_json(), kept);
        assert_eq!(JsonObject::from_stored(kept), Some(object));
    }
}

#[test]
fn blanks_are_absent() {
    for blank in ["null", r#""""#, r#"" \t""#, "{}", "{ }"] {
        assert_eq!(parse(blank), Ok(None), "{blank}");
    }
}

fn nested(depth: usize) -> String {
    format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
}

fn nested_objects(depth: usize) -> String {
    format!("{}{{}}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}

fn keys(count: usize) -> String {
    let keys: Vec<_> = (0..count).map(|n| format!(r#""{n}":{n}"#)).collect();
    format!("{{{}}}", keys.join(","))
}

fn long_key(chars: usize) -> String {
    format!(r#"{{"{}":1}}"#, "ä".repeat(chars))
}

/// Values of these lengths, with their quotes.
fn long_values(first: usize, second: usize) -> String {
    format!(r#"{{"first":"{}","second":"{}"}}"#, "x".repeat(first - 2), "x".repeat(second - 2))
}

fn padded(bytes: usize) -> String {
    format!(r#"{{"a":{}1}}"#, " ".repeat(bytes - r#"{"a":1}"#.len()))
}

#[test]
fn what_cannot_be_kept_is_refused() {
    for (given, told) in [
        ("7", "an object"),
        (r#""text""#, "an object"),
        (r#"[{"a":1}]"#, "an object"),
        (r#"{"a":1,"a":1}"#, "once"),
        (r#"{"o":{"a":1,"\u0061":2}}"#, "once"),
        (r#"{"a":1e100000}"#, "digits"),
        (r#"{"a":1e-100000}"#, "digits"),
        (r#"{"a":1e99999999999999999999}"#, "digits"),
        (r#"{"a":1e400}"#, "digits"),
        (r#"{"a":1e-400}"#, "digits"),
        (r#"{"a":0e401}"#, "digits"),
        (r#"{"a":"x\u0000"}"#, "U+0000"),
        (r#"{"a\u0000":1}"#, "U+0000"),
        (r#"{"a":"\ud800"}"#, "surrogate"),
        (r#"{"\udfff":1}"#, "surrogate"),
        (&nested(8), "levels"),
        (&nested(50_000), "levels"),
        (&nested_objects(8), "levels"),
        (&keys(101), "keys"),
        (&format!(r#"{{"o":{}}}"#, keys(101)), "keys"),
        (&long_key(256), "characters"),
        (&format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024)), "bytes"),
        (&format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20)), "bytes"),
        (&format!(r#"{{"a":[{}]}}"#, vec!["1e399"; 100].join(",")), "bytes"),
    ] {
        let error = parse(given).expect_err(given);
        assert_eq!(error.code, EntryErrorCode::InvalidField);
        assert!(error.message.contains(told), "{error}: {given}");
    }
}

#[test]
fn limits_are_inclusive() {
    let rest = MAX_BYTES - r#"{"first":,"second":}"#.len();
    assert_eq!(object(&long_values(8_000, rest - 8_000)).to_json().len(), MAX_BYTES);
    for given in [
        nested(7),
        nested_objects(7),
        keys(100),
        long_key(255),
        r#"{"a":1e399,"b":1e-399}"#.to_owned(),
        padded(MAX_BYTES * MAX_PADDING),
    ] {
        assert!(parse(&given).is_ok(), "{given}");
    }
    for given in [long_values(8_000, rest - 7_999), padded(MAX_BYTES * MAX_PADDING + 1)] {
        assert!(parse(&given).is_err(), "{given}");
    }
}

/// It is not first written to its end.
#[test]
fn a_value_alone_is_bounded() {
    let written = |bytes: usize| {
        let value = format!("\"{}\"", "x".repeat(bytes - 2));
        canonical(serde_json::from_str(&value).expect("JSON"), 1).map(|value| value.len())
    };
    assert_eq!(written(MAX_BYTES), Ok(MAX_BYTES));
    assert_eq!(written(MAX_BYTES + 1), Err(Problem::TooLarge));
}

#[test]
fn joining_fills_or_overwrites_key_by_key() {
    let brought = object(r#"{"a":2,"blank":5,"null":null,"empty":" ","new":{}}"#);
    let merged = |follows: fn(bool) -> bool| {
        let mut has = object(r#"{"a":1,"blank":null,"null":3,"empty":4}"#);
        has.merge(&brought, follows);
        has.to_json()
    };
    assert_eq!(merged(|has| !has), r#"{"a":1,"blank":5,"empty":4,"new":{},"null":3}"#);
    assert_eq!(merged(|_| true), r#"{"a":2,"blank":5,"empty":4,"new":{},"null":3}"#);
}

#[test]
fn patching_sets_and_removes() {
    let patched = |changes: &str| object(r#"{"a":1,"b":2}"#).patched(&object(changes));
    assert_eq!(patched(r#"{"a":null,"c":""}"#), Some(object(r#"{"b":2,"c":""}"#)));
    assert_eq!(patched(r#"{"a":null,"b":null}"#), None);
}

/// JSON text of any value, spelt with more white space than needed.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\\PC{0,6}".prop_map(|text| canonical::string(&text)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| format!("[ {} ]", values.join(" ,"))),
            btree_map("[a-c]{0,2}", inner, 0..4).prop_map(|members| object_of(&members)),
        ]
    })
}

fn object_of(members: &BTreeMap<String, String>) -> String {
    let member = |(key, value): (&String, &String)| format!("{} : {value}", canonical::string(key));
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
}

proptest! {
    /// What was kept once is its own form, and means the same.
    #[test]
    fn the_form_is_stable_and_means_the_same(members in btree_map("\\PC{0,4}", json(), 1..5)) {
        let given = object_of(&members);
        let kept = object(&given).to_json();
        prop_assert_eq!(object(&kept).to_json(), kept.clone());
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
        prop_assert_eq!(value(&given), value(&kept));
    }

    /// A number in plain notation is the same number.
    #[test]
    fn numbers_stay_what_they_are(
        number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?"
    ) {
        let kept = object(&format!(r#"{{"n":{number}}}"#)).to_json();
        let plain = kept.trim_start_matches(r#"{"n":"#).trim_end_matches('}');
        prop_assert!(!plain.contains(['e', 'E']));
        prop_assert_eq!(number.parse::<f64>(), plain.parse::<f64>());
    }
}
