//! Documents over each other, and the values of their paths.

use crate::error::{Error, Place};
use crate::limits;
use crate::resolve::{Forced, Merged, Resolver};
use crate::tree::{Document, Object};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A value, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// Text, a number or a truth value: as it was written.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(BTreeMap<String, Value>),
}

/// A text that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text.
    pub text: String,
    /// Where it stands; `None`: it was known from elsewhere.
    pub place: Option<Place>,
}

type Known<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// Documents over each other.
pub struct Config<'a> {
    roots: Vec<&'a Object>,
    searched: &'a [&'a [&'a str]],
    known: Known<'a>,
}

impl fmt::Debug for Config<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("roots", &self.roots).field("searched", &self.searched).finish()
    }
}

impl<'a> Config<'a> {
    /// Of these documents, the uppermost first.
    pub fn of(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let roots = documents.into_iter().map(|document| &document.root).collect();
        Self { roots, searched: &[], known: Box::new(|_| None) }
    }

    /// What a substitution names that the documents don't have is looked for below these paths as well.
    #[must_use]
    pub fn searching(mut self, paths: &'a [&'a [&'a str]]) -> Self {
        self.searched = paths;
        self
    }

    /// What a substitution names and no document has is asked of `known`, by its path with dots.
    #[must_use]
    pub fn knowing(mut self, known: impl Fn(&str) -> Option<String> + 'a) -> Self {
        self.known = Box::new(known);
        self
    }

    /// The text of a path; `None`: it is not set, is `null`, or is an object (of which other paths are the texts).
    ///
    /// # Errors
    /// A substitution on the way can't be followed, or it is a list.
    pub fn text(&self, path: &[&str]) -> Result<Option<Found>, Error> {
        match self.resolver().find(path.iter().copied())? {
            Forced::Nothing | Forced::Merged(_) => Ok(None),
            Forced::Text(text) if !text.quoted && text.text == "null" => Ok(None),
            Forced::Text(text) => {
                Ok(Some(Found { text: text.text.into_owned(), place: text.place.cloned() }))
            }
            Forced::List(elements) => match elements.first() {
                Some(first) => Err(Error::new(&first.place, "is a list, where a text is expected")),
                None => Ok(None),
            },
        }
    }

    /// The names in the object of a path, sorted; none, if it is no object. An empty path is the whole.
    ///
    /// # Errors
    /// A substitution on the way, or one that may add names, can't be followed.
    pub fn names(&self, path: &[&str]) -> Result<Vec<String>, Error> {
        match self.resolver().find(path.iter().copied())? {
            Forced::Merged(merged) => {
                let names: BTreeSet<&str> = merged.whole()?.names().collect();
                Ok(names.into_iter().map(str::to_owned).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// All of the value of a path. An empty path is the whole.
    ///
    /// # Errors
    /// A substitution in it can't be followed, or it is more than the [limits](crate::limits) allow.
    pub fn value(&self, path: &[&str]) -> Result<Option<Value>, Error> {
        let mut resolver = self.resolver();
        let found = resolver.find(path.iter().copied())?;
        all(&mut resolver, found, 0)
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver::new(&self.roots, self.searched, &*self.known)
    }
}

/// `None`: there is nothing.
fn all<'a>(resolver: &mut Resolver<'a>, found: Forced<'a>, depth: usize) -> Result<Option<Value>, Error> {
    Ok(Some(match found {
        Forced::Nothing => return Ok(None),
        Forced::Text(text) if !text.quoted && text.text == "null" => Value::Null,
        Forced::Text(text) => Value::Text(text.text.into_owned()),
        Forced::List(elements) => {
            let mut list = Vec::new();
            for element in elements {
                bounded(depth, &element.place)?;
                let value = resolver.layer(element)?;
                list.extend(all(resolver, value, depth + 1)?);
            }
            Value::List(list)
        }
        Forced::Merged(merged) => object(resolver, &merged, depth)?,
    }))
}

fn object<'a>(resolver: &mut Resolver<'a>, merged: &Merged<'a>, depth: usize) -> Result<Value, Error> {
    let names: BTreeSet<&str> = merged.whole()?.names().collect();
    let mut object = BTreeMap::new();
    for name in names {
        bounded(depth, merged.place(name))?;
        let value = resolver.below(merged, name)?;
        if let Some(value) = all(resolver, value, depth + 1)? {
            object.insert(name.to_owned(), value);
        }
    }
    Ok(Value::Object(object))
}

/// An object may have a substitution of itself in it, and so no end.
fn bounded(depth: usize, place: &Place) -> Result<(), Error> {
    if depth < limits::NAMES {
        return Ok(());
    }
    Err(Error::new(place, format!("stands for more than {} values inside each other", limits::NAMES)))
}
