//! What a query names itself: `let` variables, functions and parameters.
//!
//! Frames nest (the scope's functions, the query, then the body of a called function), and a function sees its frame as
//! it was when the function was declared; those of the scope see each other.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::ast;
use crate::bound;

use super::Relation;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// A scalar; none when its own declaration was wrong.
    Scalar(Option<Rc<bound::Expr>>),
    /// Rows; every use gets a copy with fresh column ids.
    Tabular(Rc<Relation>),
    /// A function.
    Function(Rc<Closure>),
}

/// A function with the place that it was declared at.
#[derive(Clone, Debug)]
pub(super) struct Closure {
    /// The declaration.
    pub function: Arc<ast::Function>,
    /// Where names of its body are looked up.
    pub place: Place,
    /// It is one of the scope's: its text is not the query's.
    pub saved: Option<Saved>,
}

/// How a function of the scope is called.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    /// Its name.
    pub name: String,
    /// The first argument of `invoke` names a column of the rows, by default this one.
    pub column: Option<&'static str>,
}

/// A point in a frame: names that were declared before it can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    frame: usize,
    before: usize,
}

#[derive(Debug, Default)]
struct Frame {
    names: HashMap<String, usize>,
    parent: Option<Place>,
}

/// All names that were ever declared.
#[derive(Debug)]
pub(super) struct Environment {
    bindings: Vec<Binding>,
    frames: Vec<Frame>,
    current: usize,
}

impl Environment {
    /// One empty frame.
    pub(super) fn new() -> Self {
        Self {
            bindings: Vec::new(),
            frames: vec![Frame::default()],
            current: 0,
        }
    }

    /// The present point.
    pub(super) fn here(&self) -> Place {
        Place {
            frame: self.current,
            before: self.bindings.len(),
        }
    }

    /// All of the present frame, also what is declared in it later.
    pub(super) fn whole(&self) -> Place {
        Place {
            frame: self.current,
            before: usize::MAX,
        }
    }

    /// Opens a frame that sees what `place` sees; gives the frame to come back to.
    pub(super) fn enter(&mut self, place: Place) -> usize {
        self.frames.push(Frame {
            names: HashMap::new(),
            parent: Some(place),
        });
        std::mem::replace(&mut self.current, self.frames.len() - 1)
    }

    /// Goes back to a frame.
    pub(super) fn leave(&mut self, frame: usize) {
        self.current = frame;
    }

    /// Declares a name in the present frame; false when it is taken there.
    pub(super) fn declare(&mut self, name: &str, binding: Binding) -> bool {
        let frame = &mut self.frames[self.current];
        if frame.names.contains_key(name) {
            return false;
        }
        frame.names.insert(name.to_owned(), self.bindings.len());
        self.bindings.push(binding);
        true
    }

    /// Takes back what was declared in a frame since a point of it.
    pub(super) fn forget(&mut self, since: Place) {
        let names = &mut self.frames[since.frame].names;
        names.retain(|_, index| *index < since.before);
    }

    /// What a name stands for at the present point.
    pub(super) fn find(&self, name: &str) -> Option<&Binding> {
        let mut place = self.here();
        loop {
            let frame = &self.frames[place.frame];
            if let Some(index) = frame.names.get(name).filter(|index| **index < place.before) {
                return self.bindings.get(*index);
            }
            place = frame.parent?;
        }
    }

    /// The names that can be seen, with what they stand for, inner ones first.
    pub(super) fn visible(&self) -> Vec<(&str, &Binding)> {
        let mut found = Vec::new();
        let mut place = Some(self.here());
        while let Some(at) = place {
            let frame = &self.frames[at.frame];
            let names = frame.names.iter().filter(|(_, index)| **index < at.before);
            found.extend(names.map(|(name, index)| (name.as_str(), &self.bindings[*index])));
            place = frame.parent;
        }
        found.sort_by_key(|(name, _)| *name);
        found
    }
}
