//! The tokenizer.
//!
//! White space inside a line is a token, because it belongs to concatenated texts. A comment is no
//! token, but the end of its line is.

use crate::error::{Error, Location};
use crate::path::{self, PathElement};
use std::fmt;
use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Newline,
    Space(String),
    Unquoted(String),
    Quoted(String),
    Substitution { path: Vec<PathElement>, optional: bool },
    Comma,
    Colon,
    Equals,
    PlusEquals,
    OpenObject,
    CloseObject,
    OpenList,
    CloseList,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self {
            Self::Newline => return f.write_str("the end of the line"),
            Self::Space(_) => return f.write_str("white space"),
            Self::Substitution { .. } => return f.write_str("a substitution"),
            Self::Unquoted(text) | Self::Quoted(text) => {
                let short: String = text.chars().take(40).collect();
                return write!(f, "{short:?}");
            }
            Self::Comma => ',',
            Self::Colon => ':',
            Self::Equals => '=',
            Self::PlusEquals => return f.write_str("'+='"),
            Self::OpenObject => '{',
            Self::CloseObject => '}',
            Self::OpenList => '[',
            Self::CloseList => ']',
        };
        write!(f, "'{sign}'")
    }
}

/// All tokens of a text, each with its line.
pub(crate) fn tokenize(text: &str, origin: &Rc<str>) -> Result<Vec<(Token, u32)>, Error> {
    let mut lexer = Lexer { rest: text.chars().peekable(), line: 1, origin };
    let mut words = Vec::new();
    loop {
        let line = lexer.line;
        match lexer.next_token()? {
            Some(word) => words.push((word, line)),
            None => return Ok(words),
        }
    }
}

/// The white space of Java, the no-break spaces, and the byte order mark.
fn is_space(c: char) -> bool {
    match c {
        '\n' | '\u{85}' => false,
        '\u{feff}' | '\u{1c}'..='\u{1f}' => true,
        c => c.is_whitespace(),
    }
}

/// True if the character ends an unquoted text.
fn is_reserved(c: char) -> bool {
    "$\"{}[]:=,+#`^?!@*&\\".contains(c) || c == '\n' || is_space(c)
}

struct Lexer<'t> {
    rest: Peekable<Chars<'t>>,
    line: u32,
    origin: &'t Rc<str>,
}

impl Lexer<'_> {
    fn error<T>(&self, text: impl Into<String>) -> Result<T, Error> {
        Err(Error::new(&Location { origin: Rc::clone(self.origin), line: self.line }, text))
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.line += u32::from(c == Some('\n'));
        c
    }

    fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.next_if(|&c| belongs(c)) {
            self.line += u32::from(c == '\n');
            taken.push(c);
        }
        taken
    }

    fn starts_with(&self, start: &str) -> bool {
        let mut rest = self.rest.clone();
        start.chars().all(|c| rest.next() == Some(c))
    }

    fn next_token(&mut self) -> Result<Option<Token>, Error> {
        if self.starts_with("//") || self.rest.peek() == Some(&'#') {
            self.take_while(|c| c != '\n');
        }
        let Some(&c) = self.rest.peek() else { return Ok(None) };
        let sign = match c {
            '\n' => Token::Newline,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '=' => Token::Equals,
            '{' => Token::OpenObject,
            '}' => Token::CloseObject,
            '[' => Token::OpenList,
            ']' => Token::CloseList,
            '+' if self.starts_with("+=") => {
                self.next_char();
                Token::PlusEquals
            }
            '"' if self.starts_with("\"\"\"") => return self.triple_quoted().map(Some),
            '"' => return self.quoted().map(Some),
            '$' => return self.substitution().map(Some),
            c if is_space(c) => return Ok(Some(Token::Space(self.take_while(is_space)))),
            c if c.is_ascii_digit() || c == '-' => return Ok(Some(self.number())),
            c if is_reserved(c) => {
                return self.error(format!("{c:?} can't stand here without quotes"));
            }
            _ => return Ok(Some(Token::Unquoted(self.unquoted()))),
        };
        self.next_char();
        Ok(Some(sign))
    }

    /// Reads unquoted text; a comment ends it, too.
    fn unquoted(&mut self) -> String {
        let mut text = String::new();
        while self.rest.peek().is_some_and(|&c| !is_reserved(c)) && !self.starts_with("//") {
            text.extend(self.next_char());
        }
        text
    }

    /// Reads a number, or text that starts like one. Only numbers contain `+` (in an exponent).
    fn number(&mut self) -> Token {
        let digits: String =
            self.rest.clone().take_while(|c| c.is_ascii_digit() || "+-.eE".contains(*c)).collect();
        if digits.contains('+') && digits.parse::<f64>().is_ok() {
            for _ in digits.chars() {
                self.next_char();
            }
            return Token::Unquoted(digits);
        }
        Token::Unquoted(self.unquoted())
    }

    fn quoted(&mut self) -> Result<Token, Error> {
        self.next_char();
        let mut text = String::new();
        loop {
            match self.next_char() {
                Some('"') => return Ok(Token::Quoted(text)),
                Some('\\') => text.push(self.escape_sequence()?),
                Some('\n') => {
                    self.line -= 1;
                    return self.error("expected '\"' before the end of the line");
                }
                Some(c) if c.is_control() && c < ' ' => {
                    return self
                        .error(format!("{c:?} in a quoted text must be written as an escape"));
                }
                Some(c) => text.push(c),
                None => return self.error("expected '\"' before the end of the text"),
            }
        }
    }

    fn escape_sequence(&mut self) -> Result<char, Error> {
        let c = match self.next_char() {
            Some('u') => return self.code_point(),
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            _ => return self.error("expected one of \" \\ / b f n r t u after '\\'"),
        };
        Ok(c)
    }

    /// Reads `\uXXXX` or a surrogate pair. It replaces a lone surrogate.
    fn code_point(&mut self) -> Result<char, Error> {
        let first = self.four_hex_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.starts_with("\\u") {
            let mut ahead = self.rest.clone().skip(2);
            let second = (0..4).try_fold(0, |n, _| Some(n * 16 + ahead.next()?.to_digit(16)?));
            if let Some(second @ 0xdc00..0xe000) = second {
                self.next_char();
                self.next_char();
                self.four_hex_digits()?;
                let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_hex_digits(&mut self) -> Result<u32, Error> {
        let mut number = 0;
        for _ in 0..4 {
            let Some(digit) =
                self.rest.next_if(char::is_ascii_hexdigit).and_then(|c| c.to_digit(16))
            else {
                return self.error("expected four hexadecimal digits after '\\u'");
            };
            number = number * 16 + digit;
        }
        Ok(number)
    }

    /// Reads `"""..."""` without escapes. If more than three quotes end it, the last three close
    /// it.
    fn triple_quoted(&mut self) -> Result<Token, Error> {
        let begun = self.line;
        for _ in 0..3 {
            self.next_char();
        }
        let mut text = String::new();
        loop {
            if self.starts_with("\"\"\"") {
                let quotes = self.take_while(|c| c == '"').len();
                text.extend(std::iter::repeat_n('"', quotes - 3));
                return Ok(Token::Quoted(text));
            }
            match self.next_char() {
                Some(c) => text.push(c),
                None => {
                    return self.error(format!(
                        "expected '\"\"\"' before the end of the text, for that in line {begun}"
                    ));
                }
            }
        }
    }

    fn substitution(&mut self) -> Result<Token, Error> {
        self.next_char();
        if self.rest.next_if_eq(&'{').is_none() {
            return self.error("expected '{' after '$'");
        }
        let optional = self.rest.next_if_eq(&'?').is_some();
        let mut words = Vec::new();
        loop {
            // The check comes before the parsing, because the recursion is as deep as the nesting.
            if self.rest.peek() == Some(&'$') {
                return self.error("expected '}' of a substitution, found a substitution");
            }
            match self.next_token()? {
                Some(Token::CloseObject) => break,
                Some(word @ (Token::Quoted(_) | Token::Unquoted(_) | Token::Space(_))) => {
                    words.push(word);
                }
                Some(word) => {
                    return self.error(format!("expected '}}' of a substitution, found {word}"));
                }
                None => {
                    return self.error("expected '}' of a substitution before the end of the text");
                }
            }
        }
        match path::parse(trim_spaces(&words)) {
            Ok(path) => Ok(Token::Substitution { path, optional }),
            Err(why) => self.error(format!("${{...}}: {why}")),
        }
    }
}

pub(crate) fn trim_spaces(mut words: &[Token]) -> &[Token] {
    while let [Token::Space(_), rest @ ..] | [rest @ .., Token::Space(_)] = words {
        words = rest;
    }
    words
}
