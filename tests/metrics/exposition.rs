//! Reading what `/metrics` answers, as strictly as Prometheus' own tools do
//! (<https://prometheus.io/docs/instrumenting/exposition_formats>).

use std::collections::{BTreeMap, BTreeSet};

/// Labels and their values.
pub type Labels = BTreeMap<String, String>;

/// What was scraped.
pub struct Exposition(BTreeMap<String, Family>);

/// All samples of one metric.
pub struct Family {
    kind: String,
    samples: Vec<Sample>,
}

struct Sample {
    /// `_bucket`, `_sum` or `_count`, of a histogram.
    part: String,
    labels: Labels,
    value: f64,
}

impl Exposition {
    /// Reads a whole answer.
    ///
    /// # Panics
    /// When it has not Prometheus' format.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut families = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# HELP ")) {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').expect("a name and a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let family = Family { kind: kind.to_owned(), samples: Vec::new() };
                assert!(families.insert(name.to_owned(), family).is_none(), "{name}: twice");
                current = name.to_owned();
                continue;
            }
            let (name, sample) = Sample::read(line);
            let part = name.strip_prefix(&*current).unwrap_or_else(|| panic!("no type: {line}"));
            let family = families.get_mut(&current).expect("declared before");
            let parts = ["_bucket", "_sum", "_count"];
            let fits =
                if family.kind == "histogram" { parts.contains(&part) } else { part.is_empty() };
            assert!(fits, "no {}: {line}", family.kind);
            let part = part.to_owned();
            family.samples.push(Sample { part, ..sample });
        }
        families.iter().for_each(|(name, family)| family.check(name));
        Self(families)
    }

    /// The names of the metrics.
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The kind of a metric, and the names of its labels.
    pub fn shape(&self, name: &str) -> (&str, BTreeSet<&str>) {
        let family = &self.0[name];
        let labels = family.samples.iter().flat_map(|sample| sample.labels.keys());
        (&family.kind, labels.map(String::as_str).filter(|label| *label != "le").collect())
    }

    /// All values of a label of a metric.
    pub fn values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        let samples = self.0[name].samples.iter();
        samples.filter_map(|sample| Some(sample.labels.get(label)?.as_str())).collect()
    }

    /// The sum of all samples of a metric with these labels, of a histogram's counts.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let Some(family) = self.0.get(name) else { return 0.0 };
        let part = if family.kind == "histogram" { "_count" } else { "" };
        let fitting = family.samples.iter().filter(|sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).is_some_and(|it| it == value)
            };
            sample.part == part && labels.iter().all(has)
        });
        fitting.map(|sample| sample.value).sum()
    }
}

impl Sample {
    fn read(line: &str) -> (&str, Self) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value = if value == "+Inf" { f64::INFINITY } else { value.parse().expect("a number") };
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("closed")),
            None => (series, ""),
        };
        let labels = labels.split("\",").filter(|label| !label.is_empty()).map(|label| {
            let (name, value) = label.split_once("=\"").expect("a quoted value");
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        });
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(named) && !name.is_empty(), "{line}");
        (name, Self { part: String::new(), labels: labels.collect(), value })
    }
}

impl Family {
    fn check(&self, name: &str) {
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            assert!(seen.insert((&sample.part, &sample.labels)), "{name}: twice");
            assert!(self.kind != "counter" || sample.value >= 0.0, "{name} runs backwards");
        }
        assert!((self.kind == "counter") == name.ends_with("_total"), "{name}: a {}", self.kind);
        let of =
            |part: &str| self.samples.iter().filter(move |it| it.part == part).collect::<Vec<_>>();
        for count in of("_count") {
            let mut below = 0.0;
            let buckets = of("_bucket").into_iter().filter(|bucket| {
                count.labels.iter().all(|(label, value)| bucket.labels.get(label) == Some(value))
            });
            for bucket in buckets {
                assert!(bucket.value >= below, "{name}: buckets add up");
                below = bucket.value;
            }
            assert_eq!(below, count.value, "{name}: all are in the last bucket");
        }
    }
}
