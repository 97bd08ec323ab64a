//! POSIX access control lists, as the kernel gives them: who may use a file besides what its mode
//! says. `setfacl` writes them. acl(5) has the rules, linux/posix_acl_xattr.h the layout.

use rustix::fs::getxattr;
use std::path::Path;

const NAME: &str = "system.posix_acl_access";
const VERSION: u32 = 2;
/// More bytes than the lists have that people write.
const LONGEST: usize = 8 + 64 * 8;

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The access control list of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Acl(Vec<Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: u16,
    /// Read 4, write 2, execute 1.
    bits: u16,
    id: u32,
}

impl Acl {
    /// The list of a file; nothing where its mode says all, or the list cannot be read.
    pub fn of(path: &Path) -> Option<Self> {
        let mut list = [0; LONGEST];
        let length = getxattr(path, NAME, &mut list).ok()?;
        Self::parse(list.get(..length)?)
    }

    fn parse(list: &[u8]) -> Option<Self> {
        let (version, entries) = list.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*version) != VERSION || entries.len() % 8 != 0 {
            return None;
        }
        let entry = |entry: &[u8]| {
            let &[tag, more_tag, bits, more_bits, ref id @ ..] = entry else { return None };
            Some(Entry {
                tag: u16::from_le_bytes([tag, more_tag]),
                bits: u16::from_le_bytes([bits, more_bits]),
                id: u32::from_le_bytes(id.try_into().ok()?),
            })
        };
        entries.chunks_exact(8).map(entry).collect::<Option<_>>().map(Self)
    }

    /// Whether it lets these bits be used by a process of this uid and these groups. `owner` and
    /// `group` are the file's.
    pub fn allows(&self, bits: u16, uid: u32, groups: &[u32], owner: u32, group: u32) -> bool {
        let of = |tag| self.0.iter().find(move |entry| entry.tag == tag);
        let has = |entry: &Entry| entry.bits & bits == bits;
        let mask = of(MASK).is_none_or(has);
        if uid == owner {
            return of(USER_OBJ).is_some_and(has);
        }
        if let Some(named) = self.0.iter().find(|entry| entry.tag == USER && entry.id == uid) {
            return mask && has(named);
        }
        let is_ours = |entry: &&Entry| match entry.tag {
            GROUP_OBJ => groups.contains(&group),
            GROUP => groups.contains(&entry.id),
            _ => false,
        };
        let mut ours = self.0.iter().filter(is_ours).peekable();
        match ours.peek() {
            Some(_) => mask && ours.any(has),
            None => of(OTHER).is_some_and(has),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = VERSION.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(bits.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        list
    }

    #[test]
    fn a_named_user_may_what_the_mask_leaves_him() {
        let none = u32::MAX;
        let acl = |mask| {
            let entries = [
                (USER_OBJ, 6, none),
                (USER, 6, 101),
                (GROUP_OBJ, 6, none),
                (GROUP, 4, 7),
                (MASK, mask, none),
                (OTHER, 0, none),
            ];
            Acl::parse(&list(&entries)).unwrap()
        };
        let write = |acl: &Acl, uid, groups: &[u32]| acl.allows(2, uid, groups, 0, 997);
        let open = acl(6);
        assert!(write(&open, 0, &[]) && write(&open, 101, &[]) && write(&open, 5, &[997]));
        assert!(!write(&open, 5, &[7]) && write(&open, 5, &[7, 997]) && !write(&open, 5, &[]));
        let masked = acl(4);
        assert!(write(&masked, 0, &[]) && !write(&masked, 101, &[]) && !write(&masked, 5, &[997]));
    }

    #[test]
    fn what_is_no_list_is_none() {
        let good = list(&[(USER_OBJ, 6, 0)]);
        assert!(Acl::parse(&good).is_some());
        let mut newer = good.clone();
        newer[0] = 3;
        for bad in [&good[..3], &good[..11], &newer, &[]] {
            assert_eq!(Acl::parse(bad), None);
        }
    }

    #[test]
    fn the_kernel_gives_what_setfacl_wrote() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let before = Acl::of(file.path());
        let setfacl = std::process::Command::new("setfacl")
            .args(["--modify", "user:4242:rw"])
            .arg(file.path())
            .status();
        if !setfacl.is_ok_and(|status| status.success()) {
            return eprintln!("skipped: no setfacl, or a file system without lists");
        }
        assert_eq!(before, None);
        let acl = Acl::of(file.path()).unwrap();
        assert!(acl.allows(6, 4242, &[], 0, 0) && !acl.allows(6, 4243, &[], 0, 0));
    }
}
