//! One form for equal JSON: compact, sorted keys, numbers in plain notation.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::super::Members;

/// The most bytes of an object in this form.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// The most keys of one object.
pub(super) const MAX_KEYS: usize = 100;
/// The most characters of a key.
const MAX_KEY_CHARS: usize = 255;
/// How deep arrays and objects may stand in each other, the outermost counted.
const MAX_DEPTH: usize = 8;
/// The most digits of a number in plain notation, and so its largest exponent: enough for every double,
/// and far from what `jsonb` would blow `1e100000` up to.
const MAX_DIGITS: usize = 400;

/// Why an object is refused. Reads as the end of a sentence that begins with the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("must be an object")]
    NoObject,
    #[error("must have at most {MAX_BYTES} bytes")]
    TooLarge,
    #[error("must have at most {MAX_KEYS} keys in an object")]
    TooManyKeys,
    #[error("must have keys of at most {MAX_KEY_CHARS} characters")]
    LongKey,
    #[error("must have each key once")]
    DuplicateKey,
    #[error("must be at most {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("must have numbers of at most {MAX_DIGITS} digits")]
    LongNumber,
    #[error("must not contain U+0000")]
    Nul,
    #[error("must be valid Unicode, without lone surrogates")]
    Surrogate,
}

/// A value in this form, `depth` objects or arrays down.
pub(super) fn canonical(raw: &RawValue, depth: usize) -> Result<String, Problem> {
    let mut out = String::new();
    write(raw, depth, &mut out)?;
    Ok(out)
}

/// A string in this form.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), Problem> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == MAX_DEPTH => return Err(Problem::TooDeep),
        Some(b'{') => write_object(raw, depth + 1, out)?,
        Some(b'[') => write_array(text, depth + 1, out)?,
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(|_| Problem::Surrogate)?;
            if text.contains('\0') {
                return Err(Problem::Nul);
            }
            out.push_str(&string(&text));
        }
        Some(b'-' | b'0'..=b'9') => out.push_str(&number(text).ok_or(Problem::LongNumber)?),
        _ => out.push_str(text),
    }
    // Looked at early and often, because numbers can grow to a hundred times what they were.
    if out.len() > MAX_BYTES { Err(Problem::TooLarge) } else { Ok(()) }
}

fn write_object(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), Problem> {
    out.push('{');
    for (place, (key, value)) in checked_members(raw)?.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(&string(&key));
        out.push(':');
        write(value, depth, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_array(text: &str, depth: usize, out: &mut String) -> Result<(), Problem> {
    // It is an array for sure, and its elements are not looked at yet.
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Problem::Surrogate)?;
    out.push('[');
    for (place, element) in elements.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(element, depth, out)?;
    }
    out.push(']');
    Ok(())
}

/// A JSON number in plain notation, with as many decimals as it was written with. `None` when that
/// takes too many digits.
fn number(text: &str) -> Option<String> {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |text| ("-", text));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let zeros = usize::try_from(exponent.unsigned_abs()).ok()?;
    // Before they are written.
    if zeros > MAX_DIGITS {
        return None;
    }
    let (whole, fraction) = if exponent >= 0 {
        let moved = zeros.min(fraction.len());
        let padding = "0".repeat(zeros - moved);
        (format!("{whole}{}{padding}", &fraction[..moved]), fraction[moved..].to_owned())
    } else {
        let moved = zeros.min(whole.len());
        let (stays, moves) = whole.split_at(whole.len() - moved);
        (stays.to_owned(), format!("{}{moves}{fraction}", "0".repeat(zeros - moved)))
    };
    let whole = Some(whole.trim_start_matches('0')).filter(|digits| !digits.is_empty());
    let whole = whole.unwrap_or("0");
    if whole.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    // PostgreSQL knows no negative zero.
    let is_zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if is_zero { "" } else { sign };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// The members of an object.
pub(super) fn members(raw: &RawValue) -> Result<Vec<(String, &RawValue)>, Problem> {
    // It is an object for sure, so what fails is a key.
    let Members(members) = serde_json::from_str(raw.get()).map_err(|_| Problem::Surrogate)?;
    Ok(members)
}

/// The members of an object, sorted, if all keys are fit to be kept.
pub(super) fn checked_members(raw: &RawValue) -> Result<BTreeMap<String, &RawValue>, Problem> {
    let members = members(raw)?;
    if members.len() > MAX_KEYS {
        return Err(Problem::TooManyKeys);
    }
    let mut checked = BTreeMap::new();
    for (key, value) in members {
        if key.contains('\0') {
            return Err(Problem::Nul);
        }
        if key.chars().count() > MAX_KEY_CHARS {
            return Err(Problem::LongKey);
        }
        if checked.insert(key, value).is_some() {
            return Err(Problem::DuplicateKey);
        }
    }
    Ok(checked)
}
