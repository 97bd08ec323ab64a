//! Names of users and groups, as `/etc/passwd` and `/etc/group` have them.
//!
//! The C library's own lookup loads a library for each source of names, which a static program
//! cannot rely on. The names of system users and groups are in these files everywhere.

/// The lines of the file that names users.
pub const USERS: &str = "/etc/passwd";
/// The lines of the file that names groups.
pub const GROUPS: &str = "/etc/group";

/// A line of [`GROUPS`], see group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// The group's name.
    pub name: &'a str,
    /// The group's numeric id.
    pub gid: u32,
    /// The names of the users in it, but for those whose first group it is.
    pub members: Vec<&'a str>,
}

/// The groups in the text of [`GROUPS`]; lines that are none are skipped.
pub fn groups(text: &str) -> impl Iterator<Item = Group<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
        let members = fields.next().unwrap_or_default().split(',');
        Some(Group { name, gid, members: members.filter(|name| !name.is_empty()).collect() })
    })
}

/// The name of a user in the text of [`USERS`], see passwd(5).
pub fn user_name(text: &str, uid: u32) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, found) = (fields.next()?, fields.next()?, fields.next()?);
        (found.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_number() {
        let text = "root:x:0:\n# none\nbroken:x\notrd:x:998:znc,alice\n:::\nadm:x:-1:\n";
        let found: Vec<_> = groups(text).map(|group| (group.name, group.gid)).collect();
        assert_eq!(found, [("root", 0), ("otrd", 998)]);
        let otrd = groups(text).find(|group| group.name == "otrd").unwrap();
        assert_eq!(otrd.members, ["znc", "alice"]);
        assert!(groups(text).next().unwrap().members.is_empty());
    }

    #[test]
    fn users_are_found_by_number() {
        let text = "root:x:0:0:root:/root:/bin/sh\nznc:x:999:999::/var/lib/znc:/bin/false\nx:y\n";
        assert_eq!(user_name(text, 999), Some("znc"));
        assert_eq!(user_name(text, 1), None);
    }
}
