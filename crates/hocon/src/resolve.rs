//! Resolution of substitutions.

use crate::error::{Error, Location};
use crate::limits;
use crate::path::format_path;
use crate::tree::{Layer, Object, Part, Substitution, SyntaxNode};
use std::borrow::Cow;
use std::collections::HashSet;

type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub(crate) enum Resolved<'a> {
    Missing,
    Text(Scalar<'a>),
    List(Vec<&'a Layer>),
    Objects(MergedObjects<'a>),
}

#[derive(Debug)]
pub(crate) struct Scalar<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) quoted: bool,
    /// `None` if the text comes from the fallback.
    pub(crate) location: Option<&'a Location>,
}

/// Layered objects, the uppermost first.
#[derive(Debug, Default)]
pub(crate) struct MergedObjects<'a> {
    objects: Vec<&'a Object>,
    /// The error of an unresolvable layer below them.
    unresolved: Option<Error>,
}

impl<'a> MergedObjects<'a> {
    pub(crate) fn from_objects(objects: Vec<&'a Object>) -> Self {
        Self { objects, unresolved: None }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.objects.iter().flat_map(|object| object.names())
    }

    pub(crate) fn location_of(&self, name: &str) -> &'a Location {
        let layers = self.objects.iter().filter_map(|object| object.stack(name).last());
        layers.map(|layer| &layer.location).next().expect("a name has at least one value")
    }

    /// Returns itself if every layer is resolvable.
    pub(crate) fn require_resolved(&self) -> Result<&Self> {
        match &self.unresolved {
            Some(why) => Err(why.clone()),
            None => Ok(self),
        }
    }
}

/// One query with a limited number of steps.
pub(crate) struct Resolver<'a> {
    pub(crate) roots: &'a [&'a Object],
    pub(crate) search_paths: &'a [&'a [&'a str]],
    pub(crate) fallback: &'a dyn Fn(&str) -> Option<String>,
    steps: usize,
    /// The substitutions in progress. A repeated one refers to the layers below it.
    in_progress: HashSet<*const Layer>,
    /// True if a substitution was repeated without a layer below it.
    hit_cycle: bool,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        roots: &'a [&'a Object],
        searched: &'a [&'a [&'a str]],
        known: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self {
            roots,
            search_paths: searched,
            fallback: known,
            steps: 0,
            in_progress: HashSet::new(),
            hit_cycle: false,
        }
    }

    pub(crate) fn root(&self) -> MergedObjects<'a> {
        MergedObjects::from_objects(self.roots.to_vec())
    }

    /// The value of a path in all documents.
    pub(crate) fn resolve_path<'p>(
        &mut self,
        path: impl IntoIterator<Item = &'p str>,
    ) -> Result<Resolved<'a>> {
        let mut found = Resolved::Objects(self.root());
        for name in path {
            let Resolved::Objects(objects) = found else { return Ok(Resolved::Missing) };
            found = self.resolve_name(&objects, name)?;
        }
        Ok(found)
    }

    pub(crate) fn resolve_name(
        &mut self,
        merged: &MergedObjects<'a>,
        name: &str,
    ) -> Result<Resolved<'a>> {
        let stacks = merged.objects.iter().flat_map(|object| object.stack(name).iter().rev());
        let found = self.resolve_stack(&stacks.collect::<Vec<_>>())?;
        Ok(match (found, &merged.unresolved) {
            // An unresolvable lower layer can't change a text, but may add to an object.
            (Resolved::Missing, Some(why)) => return Err(why.clone()),
            (Resolved::Objects(MergedObjects { objects, unresolved: None }), Some(why)) => {
                Resolved::Objects(MergedObjects { objects, unresolved: Some(why.clone()) })
            }
            (found, _) => found,
        })
    }

    /// The value of a stack, uppermost layer first.
    fn resolve_stack(&mut self, stack: &[&'a Layer]) -> Result<Resolved<'a>> {
        self.steps += stack.len();
        let from =
            stack.iter().rposition(|layer| self.in_progress.contains(&std::ptr::from_ref(*layer)));
        let mut merged = MergedObjects::default();
        for layer in &stack[from.map_or(0, |at| at + 1)..] {
            match self.resolve_layer(layer) {
                Ok(Resolved::Missing) => {}
                Ok(Resolved::Objects(below)) => {
                    merged.objects.extend(below.objects);
                    if below.unresolved.is_some() {
                        merged.unresolved = below.unresolved;
                        break;
                    }
                }
                Err(why) if !merged.objects.is_empty() => {
                    merged.unresolved = Some(why);
                    break;
                }
                other if merged.objects.is_empty() => return other,
                // An object above hides the value.
                _ => break,
            }
        }
        self.hit_cycle |= from.is_some() && merged.objects.is_empty();
        Ok(if merged.objects.is_empty() { Resolved::Missing } else { Resolved::Objects(merged) })
    }

    /// The value of one layer alone.
    pub(crate) fn resolve_layer(&mut self, layer: &'a Layer) -> Result<Resolved<'a>> {
        self.steps += 1;
        if self.steps > limits::STEPS {
            return Err(Error::new(
                &layer.location,
                format!("stands for more than {} values", limits::STEPS),
            ));
        }
        if self.in_progress.len() >= limits::SUBSTITUTION_DEPTH {
            let text = format!(
                "more than {} substitutions that lead to one another",
                limits::SUBSTITUTION_DEPTH
            );
            return Err(Error::new(&layer.location, text));
        }
        match &layer.node {
            SyntaxNode::Text { text, quoted } => Ok(Resolved::Text(Scalar {
                text: Cow::Borrowed(text),
                quoted: *quoted,
                location: Some(&layer.location),
            })),
            SyntaxNode::List(elements) => {
                // Every reference copies the list.
                self.steps += elements.len();
                Ok(Resolved::List(elements.iter().collect()))
            }
            SyntaxNode::Object(object) => {
                Ok(Resolved::Objects(MergedObjects::from_objects(vec![object])))
            }
            SyntaxNode::Substitution(reference) => self.with_cycle_guard(layer, |this| {
                this.resolve_substitution(reference, &layer.location)
            }),
            SyntaxNode::Concatenation(parts) => self
                .with_cycle_guard(layer, |this| this.resolve_concatenation(parts, &layer.location)),
        }
    }

    fn with_cycle_guard<T>(
        &mut self,
        layer: &'a Layer,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let is_new = self.in_progress.insert(layer);
        let done = work(self);
        if is_new {
            self.in_progress.remove(&std::ptr::from_ref(layer));
        }
        done
    }

    fn resolve_substitution(
        &mut self,
        reference: &'a Substitution,
        place: &Location,
    ) -> Result<Resolved<'a>> {
        self.hit_cycle = reference.names_enclosing_object;
        match self.find_substitution(reference) {
            Ok(Resolved::Missing) => {}
            Err(why) if why.is_circular() && reference.optional => return Ok(Resolved::Missing),
            other => return other,
        }
        let own = &reference.path[reference.include_prefix_len..];
        match (self.fallback)(&own.join(".")) {
            Some(text) => {
                Ok(Resolved::Text(Scalar { text: text.into(), quoted: true, location: None }))
            }
            None if reference.optional => Ok(Resolved::Missing),
            None if self.hit_cycle => Err(Error::circular(
                place,
                format!("${{{}}} is set nowhere but by itself", format_path(own)),
            )),
            None => Err(Error::new(place, format!("${{{}}} is set nowhere", format_path(own)))),
        }
    }

    /// Searches all documents, then relative to its own file, then below the search paths.
    fn find_substitution(&mut self, reference: &'a Substitution) -> Result<Resolved<'a>> {
        fn names(path: &[String]) -> impl Iterator<Item = &str> {
            path.iter().map(String::as_str)
        }
        let own = &reference.path[reference.include_prefix_len..];
        if !reference.names_enclosing_object {
            let found = self.resolve_path(names(&reference.path))?;
            if !matches!(found, Resolved::Missing) {
                return Ok(found);
            }
        }
        let prefixes: &[&[&str]] = if reference.include_prefix_len > 0 { &[&[]] } else { &[] };
        for prefix in prefixes.iter().chain(self.search_paths) {
            let found = self.resolve_path(prefix.iter().copied().chain(names(own)))?;
            if !matches!(found, Resolved::Missing) {
                return Ok(found);
            }
        }
        Ok(Resolved::Missing)
    }

    fn resolve_concatenation(
        &mut self,
        parts: &'a [Part],
        place: &'a Location,
    ) -> Result<Resolved<'a>> {
        let mut whole = Resolved::Missing;
        let mut spaces = String::new();
        for part in parts {
            let value = match part {
                Part::Space(text) => {
                    spaces.push_str(text);
                    continue;
                }
                Part::Value(layer) => self.resolve_layer(layer)?,
            };
            whole = concatenate(whole, &std::mem::take(&mut spaces), value, place)?;
        }
        Ok(whole)
    }
}

fn concatenate<'a>(
    left: Resolved<'a>,
    space: &str,
    right: Resolved<'a>,
    place: &'a Location,
) -> Result<Resolved<'a>> {
    let whole = match (left, right) {
        (left, Resolved::Missing) if space.is_empty() => left,
        (Resolved::Missing, right) if space.is_empty() => right,
        (Resolved::Missing, right @ (Resolved::List(_) | Resolved::Objects(_))) => right,
        (left @ (Resolved::List(_) | Resolved::Objects(_)), Resolved::Missing) => left,
        (Resolved::List(mut left), Resolved::List(right)) => {
            left.extend(right);
            Resolved::List(left)
        }
        (Resolved::Objects(left), Resolved::Objects(mut right)) => {
            right.objects.extend(left.objects);
            let broken = right.unresolved.or(left.unresolved);
            Resolved::Objects(MergedObjects { objects: right.objects, unresolved: broken })
        }
        (
            left @ (Resolved::Text(_) | Resolved::Missing),
            right @ (Resolved::Text(_) | Resolved::Missing),
        ) => {
            let mut text = match left {
                Resolved::Text(left) => left.text.into_owned(),
                _ => String::new(),
            };
            text.push_str(space);
            if let Resolved::Text(right) = right {
                text.push_str(&right.text);
            }
            if text.len() > limits::VALUE_BYTES {
                let longest = limits::VALUE_BYTES >> 10;
                return Err(Error::new(
                    place,
                    format!("stands for a text of more than {longest} KiB"),
                ));
            }
            Resolved::Text(Scalar { text: text.into(), quoted: true, location: Some(place) })
        }
        _ => return Err(Error::new(place, "text, a list and an object can't be put together")),
    };
    Ok(whole)
}
