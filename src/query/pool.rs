//! Lists of stretches that are lent and given back, so that a thread that judges articles soon allocates no more.

use std::{
    cell::RefCell,
    ops::{Deref, DerefMut},
};

use super::pattern::Stretch;

/// Lists that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Pool(RefCell<Vec<Vec<Stretch>>>);

/// A list of the pool, which goes back to it.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    pool: &'a Pool,
    list: Vec<Stretch>,
}

/// Stretches as they were found, or made for the purpose.
pub(super) enum Placed<'a> {
    Found(&'a [Stretch]),
    Made(Lent<'a>),
}

impl Deref for Placed<'_> {
    type Target = [Stretch];

    fn deref(&self) -> &[Stretch] {
        match self {
            Self::Found(stretches) => stretches,
            Self::Made(stretches) => stretches,
        }
    }
}

impl Pool {
    /// An empty list.
    pub(super) fn list(&self) -> Lent<'_> {
        Lent {
            pool: self,
            list: self.0.borrow_mut().pop().unwrap_or_default(),
        }
    }

    /// A copy of `stretches`.
    pub(super) fn copy(&self, stretches: &[Stretch]) -> Lent<'_> {
        let mut list = self.list();
        list.extend_from_slice(stretches);
        list
    }
}

impl Deref for Lent<'_> {
    type Target = Vec<Stretch>;

    fn deref(&self) -> &Vec<Stretch> {
        &self.list
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Vec<Stretch> {
        &mut self.list
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut list = std::mem::take(&mut self.list);
        list.clear();
        self.pool.0.borrow_mut().push(list);
    }
}
