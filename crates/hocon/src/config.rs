//! Layered documents and the values of their paths.

use crate::error::{Error, Location};
use crate::limits;
use crate::resolve::{MergedObjects, Resolved, Resolver};
use crate::tree::{Document, Object};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A resolved value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// A text, number or boolean as written.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(BTreeMap<String, Value>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedText {
    pub text: String,
    /// `None` if the text comes from the fallback.
    pub location: Option<Location>,
}

type Fallback<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

pub struct Config<'a> {
    roots: Vec<&'a Object>,
    search_paths: &'a [&'a [&'a str]],
    fallback: Fallback<'a>,
}

impl fmt::Debug for Config<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("roots", &self.roots)
            .field("searched", &self.search_paths)
            .finish()
    }
}

impl<'a> Config<'a> {
    /// `documents` has the uppermost layer first.
    pub fn from_documents(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let roots = documents.into_iter().map(|document| &document.root).collect();
        Self { roots, search_paths: &[], fallback: Box::new(|_| None) }
    }

    /// Adds paths below which substitutions are searched if the documents lack them.
    #[must_use]
    pub fn with_search_paths(mut self, paths: &'a [&'a [&'a str]]) -> Self {
        self.search_paths = paths;
        self
    }

    /// Passes substitutions that no document has to `known`, as dotted paths.
    #[must_use]
    pub fn with_fallback(mut self, known: impl Fn(&str) -> Option<String> + 'a) -> Self {
        self.fallback = Box::new(known);
        self
    }

    /// The text at a path; `None` if it is unset, `null` or an object.
    ///
    /// # Errors
    /// A substitution on the path can't be resolved, or the value is a list.
    pub fn text(&self, path: &[&str]) -> Result<Option<LocatedText>, Error> {
        match self.resolver().resolve_path(path.iter().copied())? {
            Resolved::Missing | Resolved::Objects(_) => Ok(None),
            Resolved::Text(text) if !text.quoted && text.text == "null" => Ok(None),
            Resolved::Text(text) => Ok(Some(LocatedText {
                text: text.text.into_owned(),
                location: text.location.cloned(),
            })),
            Resolved::List(elements) => match elements.first() {
                Some(first) => {
                    Err(Error::new(&first.location, "is a list, where a text is expected"))
                }
                None => Ok(None),
            },
        }
    }

    /// The sorted names in the object at a path; empty for other values. The empty path is the
    /// root.
    ///
    /// # Errors
    /// A substitution on the path, or one that may add names, can't be resolved.
    pub fn names(&self, path: &[&str]) -> Result<Vec<String>, Error> {
        match self.resolver().resolve_path(path.iter().copied())? {
            Resolved::Objects(merged) => {
                let names: BTreeSet<&str> = merged.require_resolved()?.names().collect();
                Ok(names.into_iter().map(str::to_owned).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The resolved value at a path. The empty path is the root.
    ///
    /// # Errors
    /// A substitution in it can't be resolved, or it exceeds the [limits](crate::limits).
    pub fn value(&self, path: &[&str]) -> Result<Option<Value>, Error> {
        let mut resolver = self.resolver();
        let found = resolver.resolve_path(path.iter().copied())?;
        to_value(&mut resolver, found, 0)
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver::new(&self.roots, self.search_paths, &*self.fallback)
    }
}

fn to_value<'a>(
    resolver: &mut Resolver<'a>,
    found: Resolved<'a>,
    depth: usize,
) -> Result<Option<Value>, Error> {
    Ok(Some(match found {
        Resolved::Missing => return Ok(None),
        Resolved::Text(text) if !text.quoted && text.text == "null" => Value::Null,
        Resolved::Text(text) => Value::Text(text.text.into_owned()),
        Resolved::List(elements) => {
            let mut list = Vec::new();
            for element in elements {
                check_depth(depth, &element.location)?;
                let value = resolver.resolve_layer(element)?;
                list.extend(to_value(resolver, value, depth + 1)?);
            }
            Value::List(list)
        }
        Resolved::Objects(merged) => to_object(resolver, &merged, depth)?,
    }))
}

fn to_object<'a>(
    resolver: &mut Resolver<'a>,
    merged: &MergedObjects<'a>,
    depth: usize,
) -> Result<Value, Error> {
    let names: BTreeSet<&str> = merged.require_resolved()?.names().collect();
    let mut object = BTreeMap::new();
    for name in names {
        check_depth(depth, merged.location_of(name))?;
        let value = resolver.resolve_name(merged, name)?;
        if let Some(value) = to_value(resolver, value, depth + 1)? {
            object.insert(name.to_owned(), value);
        }
    }
    Ok(Value::Object(object))
}

/// An object may contain a substitution of itself and so be infinite.
fn check_depth(depth: usize, place: &Location) -> Result<(), Error> {
    if depth < limits::PATH_ELEMENTS {
        return Ok(());
    }
    Err(Error::new(
        place,
        format!("stands for more than {} values inside each other", limits::PATH_ELEMENTS),
    ))
}
