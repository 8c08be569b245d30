//! Paths: names separated by dots, optionally quoted.

use crate::lexer::Token;

/// A name, and whether a part of it was quoted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct PathElement {
    pub(crate) text: String,
    pub(crate) quoted: bool,
}

/// Parses the trimmed tokens of a name or substitution. Inner white space belongs to the names.
pub(crate) fn parse(words: &[Token]) -> Result<Vec<PathElement>, &'static str> {
    let mut names = vec![PathElement::default()];
    for word in words {
        match word {
            Token::Quoted(text) => {
                let name = last_element(&mut names);
                name.text.push_str(text);
                name.quoted = true;
            }
            Token::Unquoted(text) | Token::Space(text) => {
                for (at, part) in text.split('.').enumerate() {
                    if at > 0 {
                        names.push(PathElement::default());
                    }
                    last_element(&mut names).text.push_str(part);
                }
            }
            _ => return Err("expected a path: names with dots between them"),
        }
    }
    if names.iter().any(|name| name.text.is_empty() && !name.quoted) {
        return Err("a path begins or ends with '.', has two of them together, or is empty");
    }
    Ok(names)
}

fn last_element(names: &mut [PathElement]) -> &mut PathElement {
    names.last_mut().expect("there is always one")
}

pub(crate) fn format_path(path: &[String]) -> String {
    let plain = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/'))
    };
    let names =
        path.iter().map(|name| if plain(name) { name.clone() } else { format!("{name:?}") });
    names.collect::<Vec<_>>().join(".")
}
