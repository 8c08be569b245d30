//! A parsed text: a tree whose names have stacks of values.

use crate::error::{Error, Location};
use crate::include::IncludeLoader;
use crate::parser;
use std::collections::BTreeMap;

/// A parsed text with unresolved substitutions.
#[derive(Debug, Default)]
pub struct Document {
    pub(crate) root: Object,
}

impl Document {
    /// Parses a text; errors name it `origin`. `dotted` are paths of objects that treat a quoted
    /// name with dots like an unquoted one, as in the properties of a Java program: `"a.b" : 1` is
    /// `a.b : 1` there.
    ///
    /// # Errors
    /// The text, or an included one, is malformed or exceeds the [limits](crate::limits).
    pub fn parse(
        text: &str,
        origin: &str,
        dotted: &[&[&str]],
        includes: &mut dyn IncludeLoader,
    ) -> Result<Self, Error> {
        Ok(Self { root: parser::parse(text, origin, dotted, includes)? })
    }
}

/// The names with their values, oldest first; each has at least one.
#[derive(Debug, Default)]
pub(crate) struct Object {
    fields: BTreeMap<String, Vec<Layer>>,
}

/// An unresolved value.
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
    /// At least one part is a reference, a list or an object.
    Concatenation(Vec<Part>),
}

/// A part of a concatenation.
#[derive(Debug)]
pub(crate) enum Part {
    /// White space between two parts; significant only between texts.
    Space(String),
    Value(Layer),
}

/// `${path}` or `${?path}`.
#[derive(Debug)]
pub(crate) struct Substitution {
    /// The path in all documents.
    pub(crate) path: Vec<String>,
    /// The number of leading names that come from the object around the include.
    pub(crate) include_prefix_len: usize,
    pub(crate) optional: bool,
    /// True if it refers to an enclosing object, and so is infinite.
    pub(crate) names_enclosing_object: bool,
}

impl Object {
    pub(crate) fn stack(&self, name: &str) -> &[Layer] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    pub(crate) fn push(&mut self, name: String, layer: Layer) {
        let stack = self.fields.entry(name).or_default();
        match (layer.node, stack.last_mut()) {
            (SyntaxNode::Object(new), Some(Layer { node: SyntaxNode::Object(old), .. })) => {
                old.merge(new);
            }
            (node, _) => {
                // A text hides all lower layers; a list may refer to them.
                if matches!(node, SyntaxNode::Text { .. }) {
                    stack.clear();
                }
                stack.push(Layer { node, location: layer.location });
            }
        }
    }

    /// Inserts `a.b : 1` as `a { b : 1 }`. An empty path does nothing.
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

    /// Merges another object over this one.
    pub(crate) fn merge(&mut self, over: Self) {
        for (name, stack) in over.fields {
            for layer in stack {
                self.push(name.clone(), layer);
            }
        }
    }
}
