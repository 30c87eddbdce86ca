//! Lines of a table for a terminal.

/// Each column as wide as its widest entry, numbers to the right.
pub fn columns(lines: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    let line = |line: &Vec<String>| {
        let cell = |(column, (text, width)): (usize, (&String, &usize))| match column {
            0 => format!("{text:<width$}"),
            _ => format!("{text:>width$}"),
        };
        line.iter().zip(&widths).enumerate().map(cell).collect::<Vec<_>>().join("  ")
    };
    lines.iter().map(line).collect()
}
