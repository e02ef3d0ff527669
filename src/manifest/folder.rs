//! Opens the files that a manifest names, and none outside its repository.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::problem::{meant, quoted};

/// Is the largest list that is read, in bytes: places in it are counted in 32 bits.
pub(super) const LARGEST: u64 = 1 << 30;

/// Is the largest template of a message that is read, in bytes.
const LARGEST_TEMPLATE: u64 = 256 << 10;

/// Says what a file is for, and with that how large it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A list of people.
    List,
    /// The template of a message.
    Template,
}

impl Purpose {
    /// Gives the most bytes that are read.
    fn largest(self) -> u64 {
        match self {
            Self::List => LARGEST,
            Self::Template => LARGEST_TEMPLATE,
        }
    }

    fn no_file(self, typed: &str) -> Refused {
        let hint = match self {
            Self::List => "name a CSV file",
            Self::Template => "name a text file",
        };
        Refused::new(format!("{} is no file", quoted(typed)), hint)
    }

    fn too_large(self, typed: &str) -> Refused {
        match self {
            Self::List => Refused::new(format!("{} is larger than 1 GiB", quoted(typed)), "split it"),
            Self::Template => {
                Refused::new(format!("the template {} is larger than 256 KiB", quoted(typed)), "shorten it")
            }
        }
    }
}

/// Is where a manifest stands, and what its paths start from.
#[derive(Debug)]
pub(super) enum Folder {
    /// A folder of this machine.
    Disk {
        /// As it is shown: the parent of the manifest's path as given.
        shown: PathBuf,
        /// The same without symbolic links.
        real: PathBuf,
        /// The nearest folder above that has a `.git`, or else the manifest's own.
        root: PathBuf,
    },
    /// Files in memory, by path.
    Memory(BTreeMap<PathBuf, Vec<u8>>),
}

/// Is a file that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// The path as it is shown.
    pub(super) shown: PathBuf,
    /// The path without symbolic links: two names of one file have the same.
    pub(super) real: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Says why a path is not used.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Refused {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

impl Folder {
    /// Finds the folder of a manifest and the root of its repository.
    pub(super) fn of(manifest: &Path) -> io::Result<Self> {
        let shown = manifest.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
        let real = fs::canonicalize(manifest)?.parent().map(Path::to_path_buf).unwrap_or_default();
        let root = real.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&real).to_path_buf();
        Ok(Self::Disk { shown, real, root })
    }

    /// Resolves a path without opening it; the file need not exist.
    pub(super) fn place(&self, typed: &str) -> Result<PathBuf, Refused> {
        let relative = relative(typed)?;
        match self {
            Self::Memory(_) => flat(relative).ok_or_else(|| leaves(typed)),
            Self::Disk { shown, real, root } => {
                let wanted = flat(&real.join(relative)).filter(|path| path.starts_with(root));
                let wanted = wanted.ok_or_else(|| leaves(typed))?;
                // A symbolic link on the way may lead elsewhere: ask about the part that exists.
                let there = wanted.ancestors().find_map(|above| fs::canonicalize(above).ok());
                if there.is_none_or(|there| there.starts_with(root)) {
                    Ok(shown.join(relative))
                } else {
                    Err(leaves(typed))
                }
            }
        }
    }

    /// Opens a file and reads it whole, unless it is larger than its purpose allows.
    pub(super) fn open(&self, typed: &str, purpose: Purpose) -> Result<Opened, Refused> {
        let shown = self.place(typed)?;
        match self {
            Self::Memory(files) => {
                let real = flat(&shown).unwrap_or_default();
                match files.get(&real) {
                    Some(bytes) if clip(bytes.len()) > purpose.largest() => Err(purpose.too_large(typed)),
                    Some(bytes) => Ok(Opened { shown, real, bytes: bytes.clone() }),
                    None => Err(self.missing(typed, &real)),
                }
            }
            Self::Disk { real, root, .. } => {
                let wanted = real.join(typed);
                let real = match fs::canonicalize(&wanted) {
                    Ok(real) => real,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(self.missing(typed, &wanted));
                    }
                    Err(error) => return Err(unreadable(typed, &error)),
                };
                if !real.starts_with(root) {
                    return Err(leaves(typed));
                }
                let about = fs::metadata(&real).map_err(|error| unreadable(typed, &error))?;
                if !about.is_file() {
                    return Err(purpose.no_file(typed));
                }
                let bytes = up_to(&real, purpose.largest(), about.len());
                let bytes = bytes.map_err(|error| unreadable(typed, &error))?;
                let bytes = bytes.ok_or_else(|| purpose.too_large(typed))?;
                Ok(Opened { shown, real, bytes })
            }
        }
    }

    /// Lists the names of the files beside a path, sorted; the path itself need not exist.
    pub(super) fn beside(&self, typed: &str) -> Result<Vec<String>, Refused> {
        let shown = self.place(typed)?;
        match self {
            Self::Memory(files) => {
                let folder = flat(&shown).unwrap_or_default().parent().map(Path::to_path_buf);
                let beside = files.keys().filter(|path| path.parent() == folder.as_deref());
                let names = beside.filter_map(|path| path.file_name());
                Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
            }
            Self::Disk { real, .. } => Ok(siblings(&real.join(typed), MOST_BESIDE)),
        }
    }

    fn missing(&self, typed: &str, wanted: &Path) -> Refused {
        let beside: Vec<String> = match self {
            Self::Memory(files) => files.keys().map(|path| path.display().to_string()).collect(),
            // Never more than a person could look through.
            Self::Disk { .. } => siblings(wanted, 1_000),
        };
        let name = wanted.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let files = beside.iter().map(|path| Path::new(path).file_name().and_then(|name| name.to_str()));
        let hint = meant(&name, files.flatten()).map(|close| format!("did you mean {}?", quoted(close)));
        Refused {
            message: format!("the file {} does not exist", quoted(typed)),
            hint: hint.or_else(|| Some("the path starts from the manifest's own folder".to_owned())),
        }
    }
}

/// Is how many files of one folder are looked at.
const MOST_BESIDE: usize = 100_000;

/// Lists the names beside a file, sorted, but no more than so many.
fn siblings(wanted: &Path, most: usize) -> Vec<String> {
    let Some(Ok(beside)) = wanted.parent().map(fs::read_dir) else { return Vec::new() };
    let mut names: Vec<String> =
        beside.flatten().take(most).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Reads a file of at most so many bytes; `None` where it is larger, also when it only grew while it was read.
fn up_to(path: &Path, most: u64, expected: u64) -> io::Result<Option<Vec<u8>>> {
    if expected > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok((clip(bytes.len()) <= most).then_some(bytes))
}

fn clip(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn relative(typed: &str) -> Result<&Path, Refused> {
    if typed.contains('\\') {
        let with_slashes = typed.replace('\\', "/");
        return Err(Refused::new(
            format!("the path {} has backslashes", quoted(typed)),
            format!("write {}, which works everywhere", quoted(&with_slashes)),
        ));
    }
    let path = Path::new(typed);
    let has_drive = typed.as_bytes().get(1) == Some(&b':') && typed.as_bytes()[0].is_ascii_alphabetic();
    if path.has_root() || path.is_absolute() || has_drive {
        return Err(Refused::new(
            format!("the path {} is absolute", quoted(typed)),
            "write it as seen from the manifest's own folder",
        ));
    }
    Ok(path)
}

/// Takes `.` and `..` out of a path by its letters; `None` when it climbs above its beginning.
fn flat(path: &Path) -> Option<PathBuf> {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !flat.pop() {
                    return None;
                }
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => flat.push(part),
        }
    }
    Some(flat)
}

fn leaves(typed: &str) -> Refused {
    Refused::new(
        format!("the path {} leaves the repository", quoted(typed)),
        "a manifest uses files of its own repository only, or of its own folder where there is none",
    )
}

fn unreadable(typed: &str, error: &io::Error) -> Refused {
    Refused { message: format!("the file {} cannot be read: {error}", quoted(typed)), hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let repository = home.path().join("repository");
        fs::create_dir_all(repository.join(".git")).unwrap();
        fs::create_dir_all(repository.join("tenants/contoso/people")).unwrap();
        fs::write(repository.join("shared.csv"), "shared").unwrap();
        fs::write(repository.join("tenants/contoso/insights.yaml"), "").unwrap();
        fs::write(repository.join("tenants/contoso/people/pilot.csv"), "pilot").unwrap();
        fs::write(home.path().join("secret.csv"), "secret").unwrap();
        home
    }

    fn open(home: &Path, typed: &str) -> Result<Opened, String> {
        let manifest = home.join("repository/tenants/contoso/insights.yaml");
        Folder::of(&manifest)
            .unwrap()
            .open(typed, Purpose::List)
            .map_err(|refused| format!("{} ({})", refused.message, refused.hint.unwrap_or_default()))
    }

    #[test]
    fn paths_start_from_the_manifests_own_folder_and_may_climb_to_the_root() {
        let home = repository();
        assert_eq!(open(home.path(), "people/pilot.csv").unwrap().bytes, b"pilot");
        assert_eq!(open(home.path(), "../../shared.csv").unwrap().bytes, b"shared");
    }

    #[test]
    fn nothing_outside_the_repository_is_opened() {
        let home = repository();
        let secret = home.path().join("secret.csv");
        for typed in ["../../../secret.csv", "../../../no-such.csv", "people/../../../../secret.csv"] {
            assert!(open(home.path(), typed).unwrap_err().contains("leaves the repository"), "{typed}");
        }
        assert!(open(home.path(), secret.to_str().unwrap()).unwrap_err().contains("is absolute"));
        assert!(open(home.path(), "C:/secret.csv").unwrap_err().contains("is absolute"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_leads_nowhere_outside() {
        let home = repository();
        let link = home.path().join("repository/tenants/contoso/link.csv");
        std::os::unix::fs::symlink(home.path().join("secret.csv"), &link).unwrap();
        assert!(open(home.path(), "link.csv").unwrap_err().contains("leaves the repository"));
        let folder = home.path().join("repository/tenants/contoso/out");
        std::os::unix::fs::symlink(home.path(), &folder).unwrap();
        let manifest = home.path().join("repository/tenants/contoso/insights.yaml");
        assert!(Folder::of(&manifest).unwrap().place("out/store").is_err());
    }

    #[test]
    fn a_file_that_is_too_large_for_its_purpose_is_not_read() {
        let home = repository();
        let manifest = home.path().join("repository/tenants/contoso/insights.yaml");
        let file = home.path().join("repository/tenants/contoso/message.en.md");
        fs::File::create(&file).unwrap().set_len(LARGEST_TEMPLATE).unwrap();
        let open = || Folder::of(&manifest).unwrap().open("message.en.md", Purpose::Template);
        assert_eq!(open().unwrap().bytes.len() as u64, LARGEST_TEMPLATE);
        fs::File::create(&file).unwrap().set_len(LARGEST_TEMPLATE + 1).unwrap();
        let told = open().unwrap_err().message;
        assert_eq!(told, "the template `message.en.md` is larger than 256 KiB");
        // What says that it is empty, and goes on for ever, is left in time.
        #[cfg(target_os = "linux")]
        assert!(up_to(Path::new("/dev/zero"), LARGEST_TEMPLATE, 0).unwrap().is_none());
    }

    #[test]
    fn a_misspelt_file_finds_its_neighbour() {
        let home = repository();
        let told = open(home.path(), "people/pilots.csv").unwrap_err();
        assert_eq!(told, "the file `people/pilots.csv` does not exist (did you mean `pilot.csv`?)");
    }

    #[test]
    fn backslashes_are_answered_with_the_right_spelling() {
        let home = repository();
        assert!(open(home.path(), r"people\pilot.csv").unwrap_err().contains("write `people/pilot.csv`"));
    }

    #[test]
    fn a_folder_is_no_file() {
        let home = repository();
        assert!(open(home.path(), "people").unwrap_err().contains("is no file"));
    }
}
