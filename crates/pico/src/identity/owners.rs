//! Whose processes can be the pico's.

use std::collections::BTreeSet;

/// The users whose processes count: root, and the people of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owners(Option<BTreeSet<u32>>);

impl Owners {
    /// Root and these.
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = u32>) -> Self {
        Self(Some(users.into_iter().chain([0]).collect()))
    }

    /// It is not known who they are, so that nobody is excluded.
    #[must_use]
    pub fn unknown() -> Self {
        Self(None)
    }

    /// Do this user's processes count?
    #[must_use]
    pub fn include(&self, user: u32) -> bool {
        self.0.as_ref().is_none_or(|users| users.contains(&user))
    }

    /// Who they are, if that is known.
    #[must_use]
    pub fn users(&self) -> Option<&BTreeSet<u32>> {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_always_counts_and_others_only_if_they_are_named_or_nobody_is() {
        let owners = Owners::new([4711]);
        assert!(owners.include(0) && owners.include(4711) && !owners.include(4712));
        assert!(!Owners::new([]).include(4711));
        assert!(Owners::unknown().include(4712));
    }
}
