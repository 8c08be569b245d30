pub fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let rule = vec!["---".to_owned(); heads.len()];
    // An unescaped bar ends a cell.
    let rows = rows
        .into_iter()
        .map(|row| row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>());
    let body: String = rows.map(|row| line(&row)).collect();
    line(&heads) + &line(&rule) + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertical_bar_in_a_cell_is_escaped() {
        let cells = vec!["a|b".to_owned(), "c".to_owned()];
        assert_eq!(table(&["x", "y"], [cells]), "| x | y |\n| --- | --- |\n| a\\|b | c |\n");
    }
}
