//! Tables as kubectl draws them: capital headings, three spaces between columns, one line a row.

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::escape;

/// Draws `rows` under `headings`; every cell is escaped, an empty one shows as `<none>`.
pub(crate) fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(headings.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| {
            if cell.is_empty() {
                "<none>".to_owned()
            } else {
                escape::line(cell)
            }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let mut text: String = table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_cells_are_escaped() {
        let rows = vec![
            vec!["ci-42".to_owned(), "True".to_owned(), "3m".to_owned()],
            vec![
                "a-much-longer-name".to_owned(),
                String::new(),
                "\u{1b}[31m".to_owned(),
            ],
        ];
        insta::assert_snapshot!(render(&["NAME", "READY", "AGE"], &rows), @r"
        NAME                 READY    AGE
        ci-42                True     3m
        a-much-longer-name   <none>   \u{1b}[31m
        ");
    }
}
