//! Parses tokens into a tree.

use crate::error::{Error, Location};
use crate::include::{Include, IncludeLoader, IncludeTarget, IncludedText};
use crate::lexer::{self, Token};
use crate::limits;
use crate::path::{self, PathElement};
use crate::tree::{Layer, Object, Part, Substitution, SyntaxNode};
use std::rc::Rc;

/// See [`Document::parse`](crate::Document::parse).
pub(crate) fn parse(
    text: &str,
    origin: &str,
    dotted: &[&[&str]],
    includes: &mut dyn IncludeLoader,
) -> Result<Object, Error> {
    let mut context = ParseContext { includes, dotted, origins: Vec::new(), path: Vec::new() };
    parse_file(text, origin, &mut context)
}

/// The state that files share when they include each other.
struct ParseContext<'a> {
    includes: &'a mut dyn IncludeLoader,
    dotted: &'a [&'a [&'a str]],
    /// The open files; each includes the next.
    origins: Vec<Rc<str>>,
    /// The names of the enclosing objects.
    path: Vec<String>,
}

fn parse_file(text: &str, origin: &str, context: &mut ParseContext<'_>) -> Result<Object, Error> {
    let origin: Rc<str> = origin.into();
    if text.len() > limits::FILE_BYTES {
        let place = Location { origin, line: 1 };
        return Err(Error::new(&place, format!("is longer than {} KiB", limits::FILE_BYTES >> 10)));
    }
    let words = lexer::tokenize(text, &origin)?;
    context.origins.push(Rc::clone(&origin));
    let included_at = context.path.len();
    let mut parser = Parser {
        tokens: words,
        position: 0,
        origin,
        include_prefix_len: included_at,
        nesting: 0,
        list_depth: 0,
        context,
    };
    let object = parser.document()?;
    context.origins.pop();
    Ok(object)
}

struct Parser<'s, 'a> {
    tokens: Vec<(Token, u32)>,
    position: usize,
    origin: Rc<str>,
    include_prefix_len: usize,
    /// The nesting depth of objects and lists.
    nesting: usize,
    /// The nesting depth of lists, whose elements have no path.
    list_depth: usize,
    context: &'s mut ParseContext<'a>,
}

impl Parser<'_, '_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|(word, _)| word)
    }

    /// The line of the next token.
    fn line(&self) -> u32 {
        let known = self.tokens.get(self.position).or(self.tokens.last());
        known.map_or(1, |(_, line)| *line)
    }

    fn location(&self) -> Location {
        Location { origin: Rc::clone(&self.origin), line: self.line() }
    }

    fn error<T>(&self, text: impl Into<String>) -> Result<T, Error> {
        Err(Error::new(&self.location(), text))
    }

    fn expected_error<T>(&self, what: &str) -> Result<T, Error> {
        match self.peek() {
            Some(found) => self.error(format!("expected {what}, found {found}")),
            None => self.error(format!("expected {what}, found the end of the file")),
        }
    }

    fn eat(&mut self, word: &Token) -> bool {
        let is_next = self.peek() == Some(word);
        self.position += usize::from(is_next);
        is_next
    }

    /// Skips white space and newlines; true if there was a newline.
    fn skip_whitespace(&mut self) -> bool {
        let mut lines = false;
        while matches!(self.peek(), Some(Token::Space(_) | Token::Newline)) {
            lines |= self.peek() == Some(&Token::Newline);
            self.position += 1;
        }
        lines
    }

    fn document(&mut self) -> Result<Object, Error> {
        self.skip_whitespace();
        let mut object = Object::default();
        match self.peek() {
            Some(Token::OpenList) => return self.expected_error("a name or '{'"),
            Some(Token::OpenObject) => object = self.object()?,
            _ => self.fields(&mut object, None)?,
        }
        self.skip_whitespace();
        if self.peek().is_some() {
            return self.expected_error("the end of the file");
        }
        Ok(object)
    }

    fn enter_nesting(&mut self) -> Result<(), Error> {
        self.nesting += 1;
        if self.nesting > limits::NESTING {
            return self.error(format!(
                "more than {} objects and lists inside each other",
                limits::NESTING
            ));
        }
        Ok(())
    }

    fn object(&mut self) -> Result<Object, Error> {
        let opened = self.line();
        self.enter_nesting()?;
        self.position += 1;
        let mut object = Object::default();
        self.fields(&mut object, Some(opened))?;
        self.nesting -= 1;
        Ok(object)
    }

    /// Parses the fields of an object, and its `}` if a `{` opened it.
    fn fields(&mut self, object: &mut Object, opened: Option<u32>) -> Result<(), Error> {
        loop {
            self.skip_whitespace();
            if self.eat_close(&Token::CloseObject, "'}'", opened)? {
                return Ok(());
            }
            self.field(object)?;
            match opened {
                Some(_) => self.separator(Some(&Token::CloseObject), "',', '}' or a new line")?,
                None => self.separator(None, "',' or a new line")?,
            }
        }
    }

    fn eat_close(&mut self, close: &Token, what: &str, opened: Option<u32>) -> Result<bool, Error> {
        match (self.peek(), opened) {
            (None, None) => Ok(true),
            (None, Some(line)) => self.error(format!(
                "expected {what} for that in line {line}, found the end of the file"
            )),
            (Some(word), Some(_)) if word == close => {
                self.position += 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Parses a separator; `close` may follow without one.
    fn separator(&mut self, close: Option<&Token>, what: &str) -> Result<(), Error> {
        let new_line = self.skip_whitespace();
        if self.eat(&Token::Comma) || new_line {
            return Ok(());
        }
        match self.peek() {
            // The caller that opened it reports the missing close.
            None => Ok(()),
            word if word == close => Ok(()),
            Some(_) => self.expected_error(what),
        }
    }

    fn field(&mut self, object: &mut Object) -> Result<(), Error> {
        if self.peek() == Some(&Token::Unquoted("include".to_owned())) {
            return self.include_field(object);
        }
        let place = self.location();
        let mut words = Vec::new();
        while let Some(word @ (Token::Unquoted(_) | Token::Quoted(_) | Token::Space(_))) =
            self.peek()
        {
            words.push(word.clone());
            self.position += 1;
        }
        if words.is_empty() {
            return self.expected_error("a name");
        }
        let path = match path::parse(lexer::trim_spaces(&words)) {
            Ok(names) => self.split_dotted(names),
            Err(why) => return Err(Error::new(&place, why)),
        };
        let (after, mut bare) = (self.position, false);
        self.skip_whitespace();
        let append = self.peek() == Some(&Token::PlusEquals);
        match self.peek() {
            Some(Token::Colon | Token::Equals | Token::PlusEquals) => self.position += 1,
            // Without a separator the value is an object, which can't be concatenated.
            Some(Token::OpenObject) => bare = true,
            _ => {
                self.position = after;
                return self.expected_error(&format!(
                    "':', '=', '+=' or '{{' after {}",
                    path::format_path(&path)
                ));
            }
        }
        self.skip_whitespace();
        if append && self.list_depth > 0 {
            return self.error("'+=' can't stand inside a list");
        }
        self.context.path.extend(path.iter().cloned());
        if self.context.path.len() > limits::PATH_ELEMENTS {
            return self.error(format!("has a path of more than {} names", limits::PATH_ELEMENTS));
        }
        let mut layer = if bare {
            let place = self.location();
            Layer { node: SyntaxNode::Object(self.object()?), location: place }
        } else {
            self.value()?
        };
        if append {
            let own = self.substitution(self.context.path.clone(), true);
            let own =
                Part::Value(Layer { node: SyntaxNode::Substitution(own), location: place.clone() });
            let element =
                Part::Value(Layer { node: SyntaxNode::List(vec![layer]), location: place.clone() });
            layer = Layer { node: SyntaxNode::Concatenation(vec![own, element]), location: place };
        }
        self.context.path.truncate(self.context.path.len() - path.len());
        object.push_path(path, layer);
        Ok(())
    }

    /// Splits quoted names at dots below one of the `dotted` paths.
    fn split_dotted(&self, names: Vec<PathElement>) -> Vec<String> {
        let mut whole = self.context.path.clone();
        let around = whole.len();
        for name in names {
            let starts_with =
                |path: &&[&str]| whole.len() >= path.len() && path.iter().eq(&whole[..path.len()]);
            let parts = || name.text.split('.');
            if name.quoted
                && self.context.dotted.iter().any(starts_with)
                && parts().all(|p| !p.is_empty())
            {
                whole.extend(parts().map(str::to_owned));
            } else {
                whole.push(name.text);
            }
        }
        whole.split_off(around)
    }

    /// `path` starts at the root of all documents.
    fn substitution(&self, path: Vec<String>, optional: bool) -> Substitution {
        let around = &self.context.path;
        let is_around = path.len() < around.len() && around.starts_with(&path);
        Substitution {
            path,
            include_prefix_len: self.include_prefix_len,
            optional,
            names_enclosing_object: is_around,
        }
    }

    /// Parses one value: all parts on one line.
    fn value(&mut self) -> Result<Layer, Error> {
        let place = self.location();
        let mut parts: Vec<Part> = Vec::new();
        loop {
            let own = self.location();
            let node = match self.peek().cloned() {
                Some(Token::Space(text)) => {
                    self.position += 1;
                    parts.push(Part::Space(text));
                    continue;
                }
                Some(Token::OpenObject) => SyntaxNode::Object(self.object()?),
                Some(Token::OpenList) => SyntaxNode::List(self.list()?),
                Some(
                    word @ (Token::Unquoted(_) | Token::Quoted(_) | Token::Substitution { .. }),
                ) => {
                    self.position += 1;
                    self.simple_value(word)
                }
                _ => break,
            };
            parts.push(Part::Value(Layer { node, location: own }));
        }
        while matches!(parts.last(), Some(Part::Space(_))) {
            parts.pop();
        }
        if parts.is_empty() {
            return self.expected_error("a value");
        }
        combine_parts(parts, place)
    }

    fn simple_value(&self, word: Token) -> SyntaxNode {
        match word {
            Token::Substitution { path, optional } => {
                let mut whole = self.context.path[..self.include_prefix_len].to_vec();
                whole.extend(path.into_iter().map(|name| name.text));
                SyntaxNode::Substitution(self.substitution(whole, optional))
            }
            Token::Quoted(text) => SyntaxNode::Text { text, quoted: true },
            Token::Unquoted(text) => SyntaxNode::Text { text, quoted: false },
            _ => unreachable!("value() gives no other word"),
        }
    }

    fn list(&mut self) -> Result<Vec<Layer>, Error> {
        let opened = Some(self.line());
        self.enter_nesting()?;
        self.list_depth += 1;
        self.position += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_whitespace();
            if self.eat_close(&Token::CloseList, "']'", opened)? {
                self.nesting -= 1;
                self.list_depth -= 1;
                return Ok(elements);
            }
            elements.push(self.value()?);
            self.separator(Some(&Token::CloseList), "',', ']' or a new line")?;
        }
    }

    fn include_field(&mut self, object: &mut Object) -> Result<(), Error> {
        let include = self.parse_include()?;
        let place = &include.location;
        let sources = self.context.includes.load(&include).map_err(|why| Error::new(place, why))?;
        if self.list_depth > 0 {
            return Err(Error::new(place, "an include can't stand inside a list"));
        }
        for IncludedText { origin, text } in sources {
            if self.context.origins.iter().any(|o| **o == *origin) {
                return Err(Error::new(place, format!("{origin} includes itself")));
            }
            if self.context.origins.len() >= limits::INCLUDE_DEPTH {
                let text =
                    format!("more than {} files that include each other", limits::INCLUDE_DEPTH);
                return Err(Error::new(place, text));
            }
            object.merge(parse_file(&text, &origin, self.context)?);
        }
        Ok(())
    }

    fn parse_include(&mut self) -> Result<Include, Error> {
        const EXPECTED: &str = "\"name\", file(\"name\") or required(...) after include";
        let place = self.location();
        self.position += 1;
        let before = self.take_unquoted();
        let Some(Token::Quoted(name)) = self.peek().cloned() else {
            return self.expected_error(EXPECTED);
        };
        self.position += 1;
        let inner = before.strip_prefix("required(");
        let closed = match inner.unwrap_or(&before) {
            "" => 0,
            _ => 1,
        } + usize::from(inner.is_some());
        let what = match inner.unwrap_or(&before) {
            "" => IncludeTarget::Relative(name),
            "file(" => IncludeTarget::File(name),
            "url(" => IncludeTarget::Url(name),
            "classpath(" => IncludeTarget::Classpath(name),
            _ => return Err(Error::new(&place, format!("expected {EXPECTED}, found {before}"))),
        };
        if self.take_unquoted() != ")".repeat(closed) {
            return Err(Error::new(&place, format!("expected {EXPECTED}, and as many ')' as '('")));
        }
        Ok(Include { target: what, required: inner.is_some(), location: place })
    }

    /// Joins unquoted tokens without white space.
    fn take_unquoted(&mut self) -> String {
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(Token::Unquoted(word)) => text.push_str(word),
                Some(Token::Space(_)) => {}
                _ => return text,
            }
            self.position += 1;
        }
    }
}

/// Concatenates parts. It joins, or refuses, parts without substitutions at once.
fn combine_parts(mut parts: Vec<Part>, place: Location) -> Result<Layer, Error> {
    if let [Part::Value(_)] = parts.as_slice() {
        let Some(Part::Value(layer)) = parts.pop() else { unreachable!("it was just seen") };
        return Ok(layer);
    }
    let (mut texts, mut lists, mut objects, mut references) = (0, 0, 0, 0);
    for part in &parts {
        match part {
            Part::Value(Layer { node: SyntaxNode::Text { .. }, .. }) => texts += 1,
            Part::Value(Layer { node: SyntaxNode::List(_), .. }) => lists += 1,
            Part::Value(Layer { node: SyntaxNode::Object(_), .. }) => objects += 1,
            Part::Value(_) => references += 1,
            Part::Space(_) => {}
        }
    }
    if [texts, lists, objects].iter().filter(|&&number| number > 0).count() > 1 {
        return Err(Error::new(
            &place,
            "text, a list and an object can't be put together: is a ',' or a new line missing?",
        ));
    }
    if references + lists + objects > 0 {
        return Ok(Layer { node: SyntaxNode::Concatenation(parts), location: place });
    }
    let text = parts.into_iter().map(|part| match part {
        Part::Space(text) | Part::Value(Layer { node: SyntaxNode::Text { text, .. }, .. }) => text,
        Part::Value(_) => unreachable!("they are all texts"),
    });
    Ok(Layer { node: SyntaxNode::Text { text: text.collect(), quoted: true }, location: place })
}
