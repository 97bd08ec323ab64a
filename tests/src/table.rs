//! The table of `info`, to the letter.

/// A row: a fingerprint of a peer.
pub struct InfoRow<'a> {
    /// The nick; empty for its second and later fingerprints.
    pub peer: &'a str,
    /// `plaintext`, `encrypted` or `finished`; empty with an empty nick.
    pub state: &'a str,
    /// Five groups of eight digits.
    pub fingerprint: &'a str,
    /// Is it the key of the running conversation?
    pub active: bool,
    /// `not trusted`, `manual` or `shared secret`.
    pub trust: &'a str,
}

/// What `info` prints for these rows.
pub fn info_table(rows: &[InfoRow<'_>], own_fingerprint: &str) -> Vec<String> {
    let head = ["Peer", "State", "Fingerprint", "Act", "Trust"].map(str::to_owned);
    let mut cells = vec![head];
    cells.extend(rows.iter().map(|row| {
        let act = if row.active { " *" } else { "" };
        [row.peer, row.state, row.fingerprint, act, row.trust].map(str::to_owned)
    }));
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: [usize; 5] = std::array::from_fn(width);
    let rule =
        widths.iter().fold(String::from("+"), |rule, width| rule + &"-".repeat(width + 2) + "+");
    let mut lines: Vec<String> = cells
        .iter()
        .map(|row| {
            let cells = row.iter().zip(widths);
            cells.fold(String::from("|"), |line, (cell, width)| line + &format!(" {cell:width$} |"))
        })
        .collect();
    lines.insert(0, rule.clone());
    lines.insert(2, rule.clone());
    lines.push(rule);
    lines.push(format!("Your fingerprint: {own_fingerprint}."));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_old_modules_page() {
        let carol = "378A8445 3FC3933C 73C917C8 BFE4C18B 5CE65CFC";
        let row = |peer, state, fingerprint, active, trust| InfoRow {
            peer,
            state,
            fingerprint,
            active,
            trust,
        };
        let bob = "94A1353B 60A58E73 82CE8999 CBBD7B92 5E9EBB87";
        let other = "AEB4DEDE 5D025A1C 6A735BD5 7D82385A 7E03E21D";
        let rows = [
            row("bob", "plaintext", bob, false, "manual"),
            row("carol", "encrypted", carol, true, "shared secret"),
            row("", "", other, false, "not trusted"),
        ];
        let expected = "\
+-------+-----------+----------------------------------------------+-----+---------------+
| Peer  | State     | Fingerprint                                  | Act | Trust         |
+-------+-----------+----------------------------------------------+-----+---------------+
| bob   | plaintext | 94A1353B 60A58E73 82CE8999 CBBD7B92 5E9EBB87 |     | manual        |
| carol | encrypted | 378A8445 3FC3933C 73C917C8 BFE4C18B 5CE65CFC |  *  | shared secret |
|       |           | AEB4DEDE 5D025A1C 6A735BD5 7D82385A 7E03E21D |     | not trusted   |
+-------+-----------+----------------------------------------------+-----+---------------+
Your fingerprint: A305FE90 2B4A8038 03BF89F7 5BBD5595 4B9D209A.";
        let own = "A305FE90 2B4A8038 03BF89F7 5BBD5595 4B9D209A";
        assert_eq!(info_table(&rows, own).join("\n"), expected);
    }
}
