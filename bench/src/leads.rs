//! Leads that look like real ones, each known by its number.

/// Numbers up to this are shuffled among themselves.
const NUMBERS: u64 = 1 << 33;

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Grace",
    "Katherine",
    "Alan",
    "Barbara",
    "Edsger",
    "Frances",
    "Donald",
    "Margaret",
    "Dennis",
    "Radia",
    "Kenneth",
    "Hedy",
    "Leslie",
    "Annie",
    "Niklaus",
];
const LAST_NAMES: [&str; 16] = [
    "Lovelace", "Hopper", "Johnson", "Turing", "Liskov", "Dijkstra", "Allen", "Knuth", "Hamilton",
    "Ritchie", "Perlman", "Thompson", "Lamarr", "Lamport", "Easley", "Wirth",
];
const COMPANIES: [&str; 8] = [
    "Northwind Traders",
    "Acme Logistics",
    "Blue Harbor Capital",
    "Initech",
    "Globex Industries",
    "Stark Components",
    "Meridian Health",
    "Ironwood Partners",
];
const DOMAINS: [&str; 8] = [
    "northwind.example",
    "acme-logistics.example",
    "blueharbor.example",
    "initech.example",
    "globex.example",
    "stark.example",
    "meridian-health.example",
    "ironwood.example",
];
const TITLES: [&str; 8] = [
    "VP Sales",
    "Head of Operations",
    "Chief Technology Officer",
    "Account Executive",
    "Director of Marketing",
    "Founder",
    "Procurement Manager",
    "Regional Sales Manager",
];

/// A number's place among all, as good as random: phones and emails then fall all over their
/// indexes, as real ones do. One to one, so that no two leads share one. The SQL that makes leads
/// (`bench/pgbench`, [`crate::system::Fill`]) does the same.
pub fn shuffled(number: u64) -> u64 {
    let mut x = number % NUMBERS;
    x = ((x ^ (x >> 17)) * 739_982_445) % NUMBERS;
    x = ((x ^ (x >> 15)) * 695_872_825) % NUMBERS;
    x ^ (x >> 16)
}

/// Appends the lead with this number, as JSON. Plain appending: formatting would cost more than
/// everything else that the generator does.
pub fn push(json: &mut Vec<u8>, number: u64) {
    let place = shuffled(number);
    let pick = |bits: u32, count: usize| (place >> bits) as usize % count;
    let (first, last) = (FIRST_NAMES[pick(0, 16)], LAST_NAMES[pick(4, 16)]);
    let (company, title) = (pick(8, 8), TITLES[pick(11, 8)]);
    let mut put = |text: &str| json.extend_from_slice(text.as_bytes());
    let digits = Digits::of(1_000_000_000 + place);
    put(r#"{"phone":"+1"#);
    put(digits.text());
    put(r#"","email":""#);
    put(first);
    put(".");
    put(last);
    put(digits.text());
    put("@");
    put(DOMAINS[company]);
    put(r#"","first_name":""#);
    put(first);
    put(r#"","last_name":""#);
    put(last);
    put(r#"","company_name":""#);
    put(COMPANIES[company]);
    put(r#"","title":""#);
    put(title);
    put(r#""}"#);
}

/// Ten decimal digits.
struct Digits([u8; 10]);

impl Digits {
    fn of(mut number: u64) -> Self {
        let mut digits = [b'0'; 10];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        Self(digits)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_share_a_place() {
        let places: HashSet<_> = (0..100_000).map(shuffled).collect();
        assert_eq!(places.len(), 100_000);
        assert!(places.iter().all(|&place| place < NUMBERS));
    }

    #[test]
    fn a_lead_is_json_with_a_phone() {
        let mut json = Vec::new();
        push(&mut json, 7);
        let lead: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(lead["phone"].as_str().map(str::len), Some(12));
        assert!(lead["email"].as_str().is_some_and(|email| email.contains('@')));
    }
}
