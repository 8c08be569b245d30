//! From words to a tree.

use crate::error::{Error, Place};
use crate::include::{Include, Includes, Source, What};
use crate::lexer::{self, Token};
use crate::limits;
use crate::path::{self, Name};
use crate::tree::{Layer, Node, Object, Part, Reference};
use std::rc::Rc;

/// Reads a text; see [`Document::parse`](crate::Document::parse).
pub(crate) fn parse(
    text: &str,
    origin: &str,
    dotted: &[&[&str]],
    includes: &mut dyn Includes,
) -> Result<Object, Error> {
    let mut surroundings = Surroundings { includes, dotted, origins: Vec::new(), path: Vec::new() };
    file(text, origin, &mut surroundings)
}

/// What the files that include each other share.
struct Surroundings<'a> {
    includes: &'a mut dyn Includes,
    dotted: &'a [&'a [&'a str]],
    /// The files that are being read, each included by the one before.
    origins: Vec<Rc<str>>,
    /// Names of the objects around what is being read.
    path: Vec<String>,
}

fn file(text: &str, origin: &str, surroundings: &mut Surroundings<'_>) -> Result<Object, Error> {
    let origin: Rc<str> = origin.into();
    if text.len() > limits::TEXT {
        let place = Place { origin, line: 1 };
        return Err(Error::new(&place, format!("is longer than {} KiB", limits::TEXT >> 10)));
    }
    let words = lexer::words(text, &origin)?;
    surroundings.origins.push(Rc::clone(&origin));
    let included_at = surroundings.path.len();
    let mut parser = Parser { words, at: 0, origin, included_at, nesting: 0, lists: 0, surroundings };
    let object = parser.document()?;
    surroundings.origins.pop();
    Ok(object)
}

struct Parser<'s, 'a> {
    words: Vec<(Token, u32)>,
    at: usize,
    origin: Rc<str>,
    included_at: usize,
    /// Objects and lists around this.
    nesting: usize,
    /// Lists around this: what stands in one has no path.
    lists: usize,
    surroundings: &'s mut Surroundings<'a>,
}

impl Parser<'_, '_> {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.at).map(|(word, _)| word)
    }

    /// The line of what comes next.
    fn line(&self) -> u32 {
        let known = self.words.get(self.at).or(self.words.last());
        known.map_or(1, |(_, line)| *line)
    }

    fn place(&self) -> Place {
        Place { origin: Rc::clone(&self.origin), line: self.line() }
    }

    fn error<T>(&self, text: impl Into<String>) -> Result<T, Error> {
        Err(Error::new(&self.place(), text))
    }

    fn expected<T>(&self, what: &str) -> Result<T, Error> {
        match self.peek() {
            Some(found) => self.error(format!("expected {what}, found {found}")),
            None => self.error(format!("expected {what}, found the end of the file")),
        }
    }

    fn took(&mut self, word: &Token) -> bool {
        let is_next = self.peek() == Some(word);
        self.at += usize::from(is_next);
        is_next
    }

    /// Skips white space and ends of lines; were there any of these?
    fn skip_lines(&mut self) -> bool {
        let mut lines = false;
        while matches!(self.peek(), Some(Token::Space(_) | Token::Newline)) {
            lines |= self.peek() == Some(&Token::Newline);
            self.at += 1;
        }
        lines
    }

    fn document(&mut self) -> Result<Object, Error> {
        self.skip_lines();
        let mut object = Object::default();
        match self.peek() {
            Some(Token::OpenList) => return self.expected("a name or '{'"),
            Some(Token::OpenObject) => object = self.object()?,
            _ => self.fields(&mut object, None)?,
        }
        self.skip_lines();
        if self.peek().is_some() {
            return self.expected("the end of the file");
        }
        Ok(object)
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.nesting += 1;
        if self.nesting > limits::NESTING {
            return self.error(format!("more than {} objects and lists inside each other", limits::NESTING));
        }
        Ok(())
    }

    fn object(&mut self) -> Result<Object, Error> {
        let opened = self.line();
        self.deeper()?;
        self.at += 1;
        let mut object = Object::default();
        self.fields(&mut object, Some(opened))?;
        self.nesting -= 1;
        Ok(object)
    }

    /// The fields of an object, with its `}` if it was opened by a `{`.
    fn fields(&mut self, object: &mut Object, opened: Option<u32>) -> Result<(), Error> {
        loop {
            self.skip_lines();
            if self.ended(&Token::CloseObject, "'}'", opened)? {
                return Ok(());
            }
            self.field(object)?;
            match opened {
                Some(_) => self.separator(Some(&Token::CloseObject), "',', '}' or a new line")?,
                None => self.separator(None, "',' or a new line")?,
            }
        }
    }

    /// Is this the end of what was `opened` in a line, or of the text?
    fn ended(&mut self, close: &Token, what: &str, opened: Option<u32>) -> Result<bool, Error> {
        match (self.peek(), opened) {
            (None, None) => Ok(true),
            (None, Some(line)) => {
                self.error(format!("expected {what} for that in line {line}, found the end of the file"))
            }
            (Some(word), Some(_)) if word == close => {
                self.at += 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// What stands between two fields or two elements, or nothing before the `close` of both.
    fn separator(&mut self, close: Option<&Token>, what: &str) -> Result<(), Error> {
        let new_line = self.skip_lines();
        if self.took(&Token::Comma) || new_line {
            return Ok(());
        }
        match self.peek() {
            // That it is not closed is found, and said, by whoever opened it.
            None => Ok(()),
            word if word == close => Ok(()),
            Some(_) => self.expected(what),
        }
    }

    fn field(&mut self, object: &mut Object) -> Result<(), Error> {
        if self.peek() == Some(&Token::Unquoted("include".to_owned())) {
            return self.include(object);
        }
        let place = self.place();
        let mut words = Vec::new();
        while let Some(word @ (Token::Unquoted(_) | Token::Quoted(_) | Token::Space(_))) = self.peek() {
            words.push(word.clone());
            self.at += 1;
        }
        if words.is_empty() {
            return self.expected("a name");
        }
        let path = match path::parse(lexer::trim(&words)) {
            Ok(names) => self.undotted(names),
            Err(why) => return Err(Error::new(&place, why)),
        };
        let (after, mut bare) = (self.at, false);
        self.skip_lines();
        let append = self.peek() == Some(&Token::PlusEquals);
        match self.peek() {
            Some(Token::Colon | Token::Equals | Token::PlusEquals) => self.at += 1,
            // Without a sign between them it is an object, and nothing can be put together with it.
            Some(Token::OpenObject) => bare = true,
            _ => {
                self.at = after;
                return self.expected(&format!("':', '=', '+=' or '{{' after {}", path::show(&path)));
            }
        }
        self.skip_lines();
        if append && self.lists > 0 {
            return self.error("'+=' can't stand inside a list");
        }
        self.surroundings.path.extend(path.iter().cloned());
        if self.surroundings.path.len() > limits::NAMES {
            return self.error(format!("has a path of more than {} names", limits::NAMES));
        }
        let mut layer = if bare {
            let place = self.place();
            Layer { node: Node::Object(self.object()?), place }
        } else {
            self.value()?
        };
        if append {
            let own = self.reference(self.surroundings.path.clone(), true);
            let own = Part::Value(Layer { node: Node::Reference(own), place: place.clone() });
            let element = Part::Value(Layer { node: Node::List(vec![layer]), place: place.clone() });
            layer = Layer { node: Node::Concatenation(vec![own, element]), place };
        }
        self.surroundings.path.truncate(self.surroundings.path.len() - path.len());
        object.push_at(path, layer);
        Ok(())
    }

    /// The names, where those that are quoted and have dots are taken apart if they stand below one of the `dotted` paths.
    fn undotted(&self, names: Vec<Name>) -> Vec<String> {
        let mut whole = self.surroundings.path.clone();
        let around = whole.len();
        for name in names {
            let starts_with =
                |path: &&[&str]| whole.len() >= path.len() && path.iter().eq(&whole[..path.len()]);
            let parts = || name.text.split('.');
            if name.quoted
                && self.surroundings.dotted.iter().any(starts_with)
                && parts().all(|p| !p.is_empty())
            {
                whole.extend(parts().map(str::to_owned));
            } else {
                whole.push(name.text);
            }
        }
        whole.split_off(around)
    }

    /// A substitution of `path`, which is a path of the whole documents.
    fn reference(&self, path: Vec<String>, optional: bool) -> Reference {
        let around = &self.surroundings.path;
        let is_around = path.len() < around.len() && around.starts_with(&path);
        Reference { path, included_at: self.included_at, optional, is_around }
    }

    /// One value: all that stands together in one line.
    fn value(&mut self) -> Result<Layer, Error> {
        let place = self.place();
        let mut parts: Vec<Part> = Vec::new();
        loop {
            let own = self.place();
            let node = match self.peek().cloned() {
                Some(Token::Space(text)) => {
                    self.at += 1;
                    parts.push(Part::Space(text));
                    continue;
                }
                Some(Token::OpenObject) => Node::Object(self.object()?),
                Some(Token::OpenList) => Node::List(self.list()?),
                Some(word @ (Token::Unquoted(_) | Token::Quoted(_) | Token::Reference { .. })) => {
                    self.at += 1;
                    self.simple(word)
                }
                _ => break,
            };
            parts.push(Part::Value(Layer { node, place: own }));
        }
        while matches!(parts.last(), Some(Part::Space(_))) {
            parts.pop();
        }
        if parts.is_empty() {
            return self.expected("a value");
        }
        together(parts, place)
    }

    fn simple(&self, word: Token) -> Node {
        match word {
            Token::Reference { path, optional } => {
                let mut whole = self.surroundings.path[..self.included_at].to_vec();
                whole.extend(path.into_iter().map(|name| name.text));
                Node::Reference(self.reference(whole, optional))
            }
            Token::Quoted(text) => Node::Text { text, quoted: true },
            Token::Unquoted(text) => Node::Text { text, quoted: false },
            _ => unreachable!("value() gives no other word"),
        }
    }

    fn list(&mut self) -> Result<Vec<Layer>, Error> {
        let opened = Some(self.line());
        self.deeper()?;
        self.lists += 1;
        self.at += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_lines();
            if self.ended(&Token::CloseList, "']'", opened)? {
                self.nesting -= 1;
                self.lists -= 1;
                return Ok(elements);
            }
            elements.push(self.value()?);
            self.separator(Some(&Token::CloseList), "',', ']' or a new line")?;
        }
    }

    fn include(&mut self, object: &mut Object) -> Result<(), Error> {
        let include = self.included()?;
        let place = &include.place;
        let sources = self.surroundings.includes.read(&include).map_err(|why| Error::new(place, why))?;
        if self.lists > 0 {
            return Err(Error::new(place, "an include can't stand inside a list"));
        }
        for Source { origin, text } in sources {
            if self.surroundings.origins.iter().any(|o| **o == *origin) {
                return Err(Error::new(place, format!("{origin} includes itself")));
            }
            if self.surroundings.origins.len() >= limits::INCLUDES {
                let text = format!("more than {} files that include each other", limits::INCLUDES);
                return Err(Error::new(place, text));
            }
            object.merge(file(&text, &origin, self.surroundings)?);
        }
        Ok(())
    }

    /// The words of an `include`.
    fn included(&mut self) -> Result<Include, Error> {
        const EXPECTED: &str = "\"name\", file(\"name\") or required(...) after include";
        let place = self.place();
        self.at += 1;
        let before = self.unquoted();
        let Some(Token::Quoted(name)) = self.peek().cloned() else { return self.expected(EXPECTED) };
        self.at += 1;
        let inner = before.strip_prefix("required(");
        let closed = match inner.unwrap_or(&before) {
            "" => 0,
            _ => 1,
        } + usize::from(inner.is_some());
        let what = match inner.unwrap_or(&before) {
            "" => What::Beside(name),
            "file(" => What::File(name),
            "url(" => What::Url(name),
            "classpath(" => What::Classpath(name),
            _ => return Err(Error::new(&place, format!("expected {EXPECTED}, found {before}"))),
        };
        if self.unquoted() != ")".repeat(closed) {
            return Err(Error::new(&place, format!("expected {EXPECTED}, and as many ')' as '('")));
        }
        Ok(Include { what, required: inner.is_some(), place })
    }

    /// Words without quotes, put together without the white space.
    fn unquoted(&mut self) -> String {
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(Token::Unquoted(word)) => text.push_str(word),
                Some(Token::Space(_)) => {}
                _ => return text,
            }
            self.at += 1;
        }
    }
}

/// Makes one value of parts. What no substitution can change is put together, or refused, at once.
fn together(mut parts: Vec<Part>, place: Place) -> Result<Layer, Error> {
    if let [Part::Value(_)] = parts.as_slice() {
        let Some(Part::Value(layer)) = parts.pop() else { unreachable!("it was just seen") };
        return Ok(layer);
    }
    let (mut texts, mut lists, mut objects, mut references) = (0, 0, 0, 0);
    for part in &parts {
        match part {
            Part::Value(Layer { node: Node::Text { .. }, .. }) => texts += 1,
            Part::Value(Layer { node: Node::List(_), .. }) => lists += 1,
            Part::Value(Layer { node: Node::Object(_), .. }) => objects += 1,
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
        return Ok(Layer { node: Node::Concatenation(parts), place });
    }
    let text = parts.into_iter().map(|part| match part {
        Part::Space(text) | Part::Value(Layer { node: Node::Text { text, .. }, .. }) => text,
        Part::Value(_) => unreachable!("they are all texts"),
    });
    Ok(Layer { node: Node::Text { text: text.collect(), quoted: true }, place })
}
