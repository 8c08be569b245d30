//! Who a command runs as.

use nix::unistd::{Gid, Group, Uid, User, getgrouplist, setgroups, setresgid, setresuid};
use std::ffi::CString;
use std::io;
use std::path::PathBuf;

use crate::files::{read_small, unreadable};
use crate::process::Pid;

/// A user as a login would have it: ids, supplementary groups, home, shell.
///
/// Looking one up asks the name service (LDAP, SSSD), which may block: do it in a child only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Login name; the number as text where the name service knows none.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Supplementary groups, the primary one included. Group 0 is among them only if the user is root.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: PathBuf,
    /// Login shell.
    pub shell: PathBuf,
    /// The owner of what it is to work on, as far as whoever chose this user has decided that: whose files it executes, beside root's and
    /// its own. The name service says `None`.
    pub trusted_owner: Option<u32>,
}

/// Why a user can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The name service answered that it has no such user.
    #[error("user {0} is unknown on this node")]
    UnknownUser(String),
    /// Its primary group is root's, and itself is not root.
    #[error(
        "user {0}: refused (its primary group is gid 0, root's); give it a group of its own: usermod -g"
    )]
    PrimaryGroupIsRoot(String),
    /// The name service gave an error, which says nothing about the user.
    #[error("user {user} could not be looked up: {source}")]
    LookupFailed {
        /// Who was looked for.
        user: String,
        /// What the name service said.
        source: io::Error,
    },
}

impl Credentials {
    /// Looks up a login name; what is no login name may be a number. A login name of digits is a name, as to chown(1).
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn from_name(name: &str) -> Result<Self, CredentialsError> {
        match (User::from_name(name), name.parse()) {
            (Ok(Some(user)), _) => Self::from_passwd_entry(&user),
            (Ok(None), Ok(uid)) => Self::from_uid(uid),
            (Ok(None), Err(_)) => Err(CredentialsError::UnknownUser(name.to_owned())),
            (Err(e), _) => {
                Err(CredentialsError::LookupFailed { user: name.to_owned(), source: e.into() })
            }
        }
    }

    /// Looks up a number.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn from_uid(uid: u32) -> Result<Self, CredentialsError> {
        match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => Self::from_passwd_entry(&user),
            Ok(None) => Err(CredentialsError::UnknownUser(uid.to_string())),
            Err(e) => {
                Err(CredentialsError::LookupFailed { user: uid.to_string(), source: e.into() })
            }
        }
    }

    /// User and group of a process, by /proc alone: nobody's name is looked up, it has no home, and of its supplementary groups
    /// none is taken over.
    ///
    /// # Errors
    /// It is gone, or /proc can't be understood; or its group is root's, and its user is not.
    pub fn from_process(pid: Pid) -> io::Result<Self> {
        let file = format!("/proc/{pid}/status");
        let status = read_small(&file).map_err(unreadable(&file))?;
        let status = String::from_utf8_lossy(&status);
        let numbers = |field: &str| -> io::Result<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
            let words =
                line.ok_or_else(|| io::Error::other(format!("/proc/{pid}/status has no {field}")))?;
            words.split_whitespace().map(|word| word.parse().map_err(io::Error::other)).collect()
        };
        // Real, effective, saved, file system.
        let effective =
            |ids: Vec<u32>| ids.get(1).copied().ok_or_else(|| io::Error::other("no effective id"));
        let (uid, gid) = (effective(numbers("Uid")?)?, effective(numbers("Gid")?)?);
        if gid == 0 && uid != 0 {
            return Err(io::Error::other(CredentialsError::PrimaryGroupIsRoot(uid.to_string())));
        }
        Ok(Self {
            name: uid.to_string(),
            uid,
            gid,
            groups: vec![gid],
            home: "/".into(),
            shell: "/bin/sh".into(),
            trusted_owner: None,
        })
    }

    fn from_passwd_entry(user: &User) -> Result<Self, CredentialsError> {
        let failed = |source| CredentialsError::LookupFailed { user: user.name.clone(), source };
        let name = CString::new(user.name.clone()).map_err(|e| failed(e.into()))?;
        let is_root = user.uid.is_root();
        if !is_root && user.gid.as_raw() == 0 {
            return Err(CredentialsError::PrimaryGroupIsRoot(user.name.clone()));
        }
        let groups = getgrouplist(&name, user.gid)
            .map_err(|e| failed(e.into()))?
            .into_iter()
            .map(Gid::as_raw);
        Ok(Self {
            name: user.name.clone(),
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            groups: groups.filter(|&gid| is_root || gid != 0).collect(),
            home: user.dir.clone(),
            shell: user.shell.clone(),
            trusted_owner: None,
        })
    }

    /// Is the group this user's own: of the same name, and without other members listed? By the habit of private groups
    /// nobody else has it as primary group, which no look-up tells. `None`: the name service does not know the group now.
    #[must_use]
    pub fn is_sole_member_of(&self, gid: u32) -> Option<bool> {
        sole_member_is(gid, &self.name)
    }

    /// Becomes this user for good: groups first, then group, then user. Nothing is done where the process is
    /// this user with this group already (a rehearsal without root).
    ///
    /// # Errors
    /// No permission.
    pub fn switch_user(&self) -> io::Result<()> {
        if Uid::effective().as_raw() == self.uid && Gid::effective().as_raw() == self.gid {
            return Ok(());
        }
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        // A change of user clears it.
        let death_signal = rustix::process::parent_process_death_signal()?;
        setgroups(&groups)?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        rustix::process::set_parent_process_death_signal(death_signal)?;
        Ok(())
    }
}

/// Is it root's group, with nobody else in it? As [`Credentials::is_sole_member_of`].
#[must_use]
pub fn root_is_sole_member_of(gid: u32) -> Option<bool> {
    if gid == 0 { sole_member_is(0, "root") } else { Some(false) }
}

fn sole_member_is(gid: u32, user: &str) -> Option<bool> {
    let group = Group::from_gid(Gid::from_raw(gid)).ok()??;
    Some(group.name == user && group.mem.iter().all(|member| member == user))
}

/// Is this process root's?
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_by_uid() {
        let root = Credentials::from_name("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(Credentials::from_name("0").unwrap(), root);
    }

    #[test]
    fn own_process_has_the_effective_ids() {
        let own = Credentials::from_process(Pid::own()).unwrap();
        assert_eq!((own.uid, own.gid), (Uid::effective().as_raw(), Gid::effective().as_raw()));
    }

    #[test]
    fn missing_user_is_unknown_and_not_a_failed_lookup() {
        let error = Credentials::from_name("no-such-user-here").unwrap_err();
        assert!(matches!(error, CredentialsError::UnknownUser(_)), "{error}");
    }
}
