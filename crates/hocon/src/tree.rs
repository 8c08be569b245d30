//! A text as it was read: a tree whose names have stacks of values.

use crate::error::{Error, Location};
use crate::include::IncludeLoader;
use crate::parser;
use std::collections::BTreeMap;

/// A text that was read. Its substitutions are not followed yet.
#[derive(Debug, Default)]
pub struct Document {
    pub(crate) root: Object,
}

impl Document {
    /// Reads a text that is called `origin`. `dotted` are paths of objects below which a quoted name with dots is the same as
    /// without its quotes, as in the properties of a Java program: `"a.b" : 1` is `a.b : 1` there.
    ///
    /// # Errors
    /// It is no HOCON, or beyond one of the [limits](crate::limits), or what it includes is.
    pub fn parse(
        text: &str,
        origin: &str,
        dotted: &[&[&str]],
        includes: &mut dyn IncludeLoader,
    ) -> Result<Self, Error> {
        Ok(Self { root: parser::parse(text, origin, dotted, includes)? })
    }
}

/// Names, and for each its values, the oldest first. There is at least one.
#[derive(Debug, Default)]
pub(crate) struct Object {
    fields: BTreeMap<String, Vec<Layer>>,
}

/// A value as it stands in the text.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) node: SyntaxNode,
    pub(crate) location: Location,
}

#[derive(Debug)]
pub(crate) enum SyntaxNode {
    Text {
        text: String,
        quoted: bool,
    },
    List(Vec<Layer>),
    Object(Object),
    Substitution(Substitution),
    /// At least one part of it is a reference, a list or an object.
    Concatenation(Vec<Part>),
}

/// A part of a concatenation.
#[derive(Debug)]
pub(crate) enum Part {
    /// White space between two parts: text between texts, and nothing between others.
    Space(String),
    Value(Layer),
}

/// `${path}` or `${?path}`.
#[derive(Debug)]
pub(crate) struct Substitution {
    /// In the whole of the documents.
    pub(crate) path: Vec<String>,
    /// So many names of the path are those of the object into which the file was included that this stands in.
    pub(crate) include_prefix_len: usize,
    pub(crate) optional: bool,
    /// It names an object that it stands in, and so has no end.
    pub(crate) names_enclosing_object: bool,
}

impl Object {
    pub(crate) fn stack(&self, name: &str) -> &[Layer] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Gives `name` one more value.
    pub(crate) fn push(&mut self, name: String, layer: Layer) {
        let stack = self.fields.entry(name).or_default();
        match (layer.node, stack.last_mut()) {
            (SyntaxNode::Object(new), Some(Layer { node: SyntaxNode::Object(old), .. })) => old.merge(new),
            (node, _) => {
                // A text hides all below; a list may hold a reference to what is below it.
                if matches!(node, SyntaxNode::Text { .. }) {
                    stack.clear();
                }
                stack.push(Layer { node, location: layer.location });
            }
        }
    }

    /// The same by a path: `a.b : 1` is `a { b : 1 }`. An empty path is nothing.
    pub(crate) fn push_path(&mut self, path: Vec<String>, layer: Layer) {
        let mut names = path.into_iter();
        let Some(first) = names.next() else { return };
        let layer = names.rev().fold(layer, |layer, name| {
            let place = layer.location.clone();
            let mut object = Self::default();
            object.push(name, layer);
            Layer { node: SyntaxNode::Object(object), location: place }
        });
        self.push(first, layer);
    }

    /// Lays another over it.
    pub(crate) fn merge(&mut self, over: Self) {
        for (name, stack) in over.fields {
            for layer in stack {
                self.push(name.clone(), layer);
            }
        }
    }
}
