//! A manual page in mdoc(7), line by line.

const WIDTH: usize = 78;

pub(super) struct MdocPage(String);

impl MdocPage {
    /// `title` is the name of the page; `date` is as in `November 30, 2026`.
    pub(super) fn new(title: &str, section: u8, date: &str) -> Self {
        Self(format!(".Dd {date}\n.Dt {} {section}\n.Os\n", title.to_uppercase()))
    }

    /// A line of macros. Text in it is escaped by the caller.
    pub(super) fn request(&mut self, line: &str) -> &mut Self {
        self.0.push('.');
        self.0.push_str(line.trim_end());
        self.0.push('\n');
        self
    }

    /// Sentences. mdoc(7) asks for a new line at each.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        // Help texts are doc comments, which may hold Markdown.
        let text = text.replace('`', "");
        let mut line = String::new();
        let mut ends_sentence = false;
        for word in text.split_whitespace() {
            let begins_sentence = ends_sentence && word.starts_with(|c: char| !c.is_lowercase());
            if !line.is_empty() && (begins_sentence || line.len() + 1 + word.len() > WIDTH) {
                self.text_line(&line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            ends_sentence = word.ends_with(['.', '?', '!']);
        }
        self.text_line(&line);
        self
    }

    fn text_line(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        // A dot or an apostrophe at the beginning would make it a request.
        if line.starts_with(['.', '\'']) {
            self.0.push_str("\\&");
        }
        self.0.push_str(&line.replace('\\', "\\e"));
        self.0.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A word among macros. It must not be taken for a macro, or for punctuation that mdoc would move.
pub(super) fn word(text: &str) -> String {
    format!("\\&{}", text.replace('\\', "\\e").replace(' ', "\\ ").replace('"', "\\(dq"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_begins_a_line_and_none_is_a_request() {
        let mut page = MdocPage::new("x", 7, "May 1, 2026");
        page.text("One a.b c. Two\n  is `here`, e.g. this. .dot \\n");
        let written = page.finish();
        let body = written.split_once(".Os\n").map(|(_, body)| body);
        assert_eq!(body, Some("One a.b c.\nTwo is here, e.g. this.\n\\&.dot \\en\n"));
    }

    #[test]
    fn word_of_a_macro_name_stays_text() {
        assert_eq!(word("No"), "\\&No");
        assert_eq!(word("a b"), "\\&a\\ b");
    }
}
