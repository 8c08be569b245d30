//! Following substitutions.

use crate::error::{Error, Place};
use crate::limits;
use crate::path::show;
use crate::tree::{Layer, Node, Object, Part, Reference};
use std::borrow::Cow;
use std::collections::HashSet;

type Result<T> = std::result::Result<T, Error>;

/// A value, as far as it must be known to say what it is.
#[derive(Debug)]
pub(crate) enum Forced<'a> {
    /// There is none.
    Nothing,
    Text(Scalar<'a>),
    List(Vec<&'a Layer>),
    Merged(Merged<'a>),
}

#[derive(Debug)]
pub(crate) struct Scalar<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) quoted: bool,
    /// Where it stands; what was known from elsewhere stands nowhere.
    pub(crate) place: Option<&'a Place>,
}

/// Objects over each other, the uppermost first.
#[derive(Debug, Default)]
pub(crate) struct Merged<'a> {
    objects: Vec<&'a Object>,
    /// Below them there is something that can't be told, and why.
    broken: Option<Error>,
}

impl<'a> Merged<'a> {
    pub(crate) fn of(objects: Vec<&'a Object>) -> Self {
        Self { objects, broken: None }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.objects.iter().flat_map(|object| object.names())
    }

    /// Where one of these names stands.
    pub(crate) fn place(&self, name: &str) -> &'a Place {
        let layers = self.objects.iter().filter_map(|object| object.stack(name).last());
        layers.map(|layer| &layer.place).next().expect("a name has at least one value")
    }

    /// Itself, if all of it can be told.
    pub(crate) fn whole(&self) -> Result<&Self> {
        match &self.broken {
            Some(why) => Err(why.clone()),
            None => Ok(self),
        }
    }
}

/// One question. It has a limited number of steps.
pub(crate) struct Resolver<'a> {
    pub(crate) roots: &'a [&'a Object],
    pub(crate) searched: &'a [&'a [&'a str]],
    pub(crate) known: &'a dyn Fn(&str) -> Option<String>,
    steps: usize,
    /// What is being followed. Seen again, it means what lies below it.
    active: HashSet<*const Layer>,
    /// Was something seen again, and nothing below it?
    circled: bool,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        roots: &'a [&'a Object],
        searched: &'a [&'a [&'a str]],
        known: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { roots, searched, known, steps: 0, active: HashSet::new(), circled: false }
    }

    pub(crate) fn root(&self) -> Merged<'a> {
        Merged::of(self.roots.to_vec())
    }

    /// The value of a path in the whole.
    pub(crate) fn find<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) -> Result<Forced<'a>> {
        let mut found = Forced::Merged(self.root());
        for name in path {
            let Forced::Merged(objects) = found else { return Ok(Forced::Nothing) };
            found = self.below(&objects, name)?;
        }
        Ok(found)
    }

    /// The value of a name in objects.
    pub(crate) fn below(&mut self, merged: &Merged<'a>, name: &str) -> Result<Forced<'a>> {
        let stacks = merged.objects.iter().flat_map(|object| object.stack(name).iter().rev());
        let found = self.force(&stacks.collect::<Vec<_>>())?;
        Ok(match (found, &merged.broken) {
            // What is broken lies below: it can't change a text, but it may add to an object.
            (Forced::Nothing, Some(why)) => return Err(why.clone()),
            (Forced::Merged(Merged { objects, broken: None }), Some(why)) => {
                Forced::Merged(Merged { objects, broken: Some(why.clone()) })
            }
            (found, _) => found,
        })
    }

    /// The value of a stack, its uppermost layer first.
    fn force(&mut self, stack: &[&'a Layer]) -> Result<Forced<'a>> {
        self.steps += stack.len();
        let from = stack.iter().rposition(|layer| self.active.contains(&std::ptr::from_ref(*layer)));
        let mut merged = Merged::default();
        for layer in &stack[from.map_or(0, |at| at + 1)..] {
            match self.layer(layer) {
                Ok(Forced::Nothing) => {}
                Ok(Forced::Merged(below)) => {
                    merged.objects.extend(below.objects);
                    if below.broken.is_some() {
                        merged.broken = below.broken;
                        break;
                    }
                }
                Err(why) if !merged.objects.is_empty() => {
                    merged.broken = Some(why);
                    break;
                }
                other if merged.objects.is_empty() => return other,
                // It lies below an object, which hides it.
                _ => break,
            }
        }
        self.circled |= from.is_some() && merged.objects.is_empty();
        Ok(if merged.objects.is_empty() { Forced::Nothing } else { Forced::Merged(merged) })
    }

    /// The value of one layer, without those below it.
    pub(crate) fn layer(&mut self, layer: &'a Layer) -> Result<Forced<'a>> {
        self.steps += 1;
        if self.steps > limits::STEPS {
            return Err(Error::new(&layer.place, format!("stands for more than {} values", limits::STEPS)));
        }
        if self.active.len() >= limits::REFERENCES {
            let text = format!("more than {} substitutions that lead to one another", limits::REFERENCES);
            return Err(Error::new(&layer.place, text));
        }
        match &layer.node {
            Node::Text { text, quoted } => Ok(Forced::Text(Scalar {
                text: Cow::Borrowed(text),
                quoted: *quoted,
                place: Some(&layer.place),
            })),
            Node::List(elements) => {
                // A list is copied as often as it is named.
                self.steps += elements.len();
                Ok(Forced::List(elements.iter().collect()))
            }
            Node::Object(object) => Ok(Forced::Merged(Merged::of(vec![object]))),
            Node::Reference(reference) => {
                self.while_active(layer, |this| this.reference(reference, &layer.place))
            }
            Node::Concatenation(parts) => {
                self.while_active(layer, |this| this.concatenation(parts, &layer.place))
            }
        }
    }

    fn while_active<T>(&mut self, layer: &'a Layer, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let is_new = self.active.insert(layer);
        let done = work(self);
        if is_new {
            self.active.remove(&std::ptr::from_ref(layer));
        }
        done
    }

    fn reference(&mut self, reference: &'a Reference, place: &Place) -> Result<Forced<'a>> {
        self.circled = reference.is_around;
        match self.referred(reference) {
            Ok(Forced::Nothing) => {}
            Err(why) if why.is_circular() && reference.optional => return Ok(Forced::Nothing),
            other => return other,
        }
        let own = &reference.path[reference.included_at..];
        match (self.known)(&own.join(".")) {
            Some(text) => Ok(Forced::Text(Scalar { text: text.into(), quoted: true, place: None })),
            None if reference.optional => Ok(Forced::Nothing),
            None if self.circled => {
                Err(Error::circular(place, format!("${{{}}} is set nowhere but by itself", show(own))))
            }
            None => Err(Error::new(place, format!("${{{}}} is set nowhere", show(own)))),
        }
    }

    /// What the documents have for it: in the whole, as its own file has it, and below the paths that are searched.
    fn referred(&mut self, reference: &'a Reference) -> Result<Forced<'a>> {
        fn names(path: &[String]) -> impl Iterator<Item = &str> {
            path.iter().map(String::as_str)
        }
        let own = &reference.path[reference.included_at..];
        if !reference.is_around {
            let found = self.find(names(&reference.path))?;
            if !matches!(found, Forced::Nothing) {
                return Ok(found);
            }
        }
        let prefixes: &[&[&str]] = if reference.included_at > 0 { &[&[]] } else { &[] };
        for prefix in prefixes.iter().chain(self.searched) {
            let found = self.find(prefix.iter().copied().chain(names(own)))?;
            if !matches!(found, Forced::Nothing) {
                return Ok(found);
            }
        }
        Ok(Forced::Nothing)
    }

    fn concatenation(&mut self, parts: &'a [Part], place: &'a Place) -> Result<Forced<'a>> {
        let mut whole = Forced::Nothing;
        let mut spaces = String::new();
        for part in parts {
            let value = match part {
                Part::Space(text) => {
                    spaces.push_str(text);
                    continue;
                }
                Part::Value(layer) => self.layer(layer)?,
            };
            whole = join(whole, &std::mem::take(&mut spaces), value, place)?;
        }
        Ok(whole)
    }
}

/// Two parts of a concatenation with the white space between them.
fn join<'a>(left: Forced<'a>, space: &str, right: Forced<'a>, place: &'a Place) -> Result<Forced<'a>> {
    let whole = match (left, right) {
        (left, Forced::Nothing) if space.is_empty() => left,
        (Forced::Nothing, right) if space.is_empty() => right,
        (Forced::Nothing, right @ (Forced::List(_) | Forced::Merged(_))) => right,
        (left @ (Forced::List(_) | Forced::Merged(_)), Forced::Nothing) => left,
        (Forced::List(mut left), Forced::List(right)) => {
            left.extend(right);
            Forced::List(left)
        }
        (Forced::Merged(left), Forced::Merged(mut right)) => {
            right.objects.extend(left.objects);
            let broken = right.broken.or(left.broken);
            Forced::Merged(Merged { objects: right.objects, broken })
        }
        (left @ (Forced::Text(_) | Forced::Nothing), right @ (Forced::Text(_) | Forced::Nothing)) => {
            let mut text = match left {
                Forced::Text(left) => left.text.into_owned(),
                _ => String::new(),
            };
            text.push_str(space);
            if let Forced::Text(right) = right {
                text.push_str(&right.text);
            }
            if text.len() > limits::VALUE {
                let longest = limits::VALUE >> 10;
                return Err(Error::new(place, format!("stands for a text of more than {longest} KiB")));
            }
            Forced::Text(Scalar { text: text.into(), quoted: true, place: Some(place) })
        }
        _ => return Err(Error::new(place, "text, a list and an object can't be put together")),
    };
    Ok(whole)
}
