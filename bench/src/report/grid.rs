//! Columns of text.

use std::fmt;

/// Where a column's text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table.
pub struct Grid {
    columns: Vec<(Align, usize)>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with this head.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let mut grid =
            Self { columns: columns.iter().map(|&(_, align)| (align, 0)).collect(), rows: vec![] };
        grid.row(columns.iter().map(|&(name, _)| name.to_owned()).collect());
        grid
    }

    /// Adds a row: one text for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        for ((_, width), cell) in self.columns.iter_mut().zip(&cells) {
            *width = (*width).max(cell.chars().count());
        }
        self.rows.push(cells);
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (&(align, width), cell) in self.columns.iter().zip(row) {
                line += &match align {
                    Align::Left => format!("{cell:width$}  "),
                    Align::Right => format!("{cell:>width$}  "),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
            if place == 0 {
                let width = self.columns.iter().map(|(_, width)| width + 2).sum::<usize>();
                writeln!(f, "{}", "-".repeat(width.saturating_sub(2)))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut grid = Grid::new(&[("work", Align::Left), ("n", Align::Right)]);
        grid.row(vec!["a".to_owned(), "12".to_owned()]);
        assert_eq!(grid.to_string(), "work   n\n--------\na     12\n");
    }
}
