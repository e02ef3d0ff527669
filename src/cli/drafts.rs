//! The folder into which `announce` writes: what is in it stays, and what a crash left there is finished or dropped.
//!
//! Drafts are written to a hidden folder first, then their people are remembered, then the drafts get their names. So
//! nobody is remembered without a draft that tells them, and a run that died in between is finished by the next one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::console::replace;
use super::exit::Exit;
use super::failure::Failure;
use crate::model::TenantId;
use crate::render;
use crate::rollout::Announcement;

/// Is the file that says what the drafts of a hidden folder are; it is written last.
const LEFT: &str = "announcement.json";

/// Is the version of the form of that file.
const FORMAT: u32 = 1;

/// Is a folder for the drafts of one milestone.
#[derive(Debug)]
pub(super) struct Drafts {
    folder: PathBuf,
    milestone: Arc<str>,
    tenant: TenantId,
}

/// Is what a run that died has left.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Left {
    format: u32,
    milestone: Arc<str>,
    tenant: TenantId,
    /// Names these drafts; the ledger holds it as soon as their people are remembered.
    drafts: Uuid,
}

/// Is the one thing that is read of a file whose form may be another.
#[derive(Debug, Deserialize)]
struct Form {
    format: u32,
}

impl Drafts {
    /// Opens a folder that is empty, is still to be made, or has drafts of this milestone alone.
    pub(super) fn open(folder: &Path, milestone: &Arc<str>, tenant: TenantId) -> Result<Self, Failure> {
        let drafts = Self { folder: folder.to_owned(), milestone: Arc::clone(milestone), tenant };
        let foreign = drafts.names()?.into_iter().find(|name| drafts.number(name).is_none());
        match foreign {
            None => Ok(drafts),
            Some(name) => {
                let (folder, name) = (folder.display().to_string(), render::inert(&name).into_owned());
                let fact = format!("{} holds something else: {name}", render::inert(&folder));
                Err(Failure::wrong(fact).hint("name a folder of its own for the drafts of each milestone"))
            }
        }
    }

    /// Writes drafts where a crash leaves them unfinished, and not lost; gives their id.
    pub(super) fn prepare(&self, announcement: &Announcement) -> Result<Uuid, Failure> {
        self.drop_pending()?;
        let pending = self.pending();
        fs::create_dir_all(&pending).map_err(|error| failed(&pending, error))?;
        let number =
            self.names()?.iter().filter_map(|name| self.number(name)).max().map_or(1, |last| last + 1);
        let stem = match number {
            1 => self.milestone.to_string(),
            number => format!("{}.{number}", self.milestone),
        };
        for draft in &announcement.drafts {
            let path = pending.join(format!("{stem}.{}.eml", draft.language));
            replace(&path, |out| out.write_all(render::announcement::eml(draft).as_bytes()))?;
        }
        replace(&pending.join(format!("{stem}.csv")), |out| render::announcement::csv(out, announcement))?;
        let drafts = Uuid::new_v4();
        let milestone = Arc::clone(&self.milestone);
        let left = Left { format: FORMAT, milestone, tenant: self.tenant, drafts };
        replace(&pending.join(LEFT), |out| serde_json::to_writer(out, &left).map_err(io::Error::from))?;
        Ok(drafts)
    }

    /// Gives the id of the drafts that a run which died has left, if it had written all of them.
    pub(super) fn left(&self) -> Result<Option<Uuid>, Failure> {
        let path = self.pending().join(LEFT);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        let form: Form = serde_json::from_slice(&bytes).map_err(|error| failed(&path, error.into()))?;
        if form.format != FORMAT {
            let fact =
                format!("{} is of the form {}, and only {FORMAT} is known", path.display(), form.format);
            return Err(
                Failure::wrong(fact).hint("finish it with the version that began it, or name another folder")
            );
        }
        let left: Left = serde_json::from_slice(&bytes).map_err(|error| failed(&path, error.into()))?;
        if left.milestone != self.milestone || left.tenant != self.tenant {
            let fact = format!("{} is left of another announcement", path.display());
            return Err(Failure::wrong(fact).hint("finish that one first, or name another folder"));
        }
        Ok(Some(left.drafts))
    }

    /// Gives the drafts their names, now that everybody whom they tell is remembered; lists them.
    pub(super) fn finish(&self) -> Result<Vec<PathBuf>, Failure> {
        let pending = self.pending();
        let mut moved = Vec::new();
        let mut names = names(&pending).map_err(|error| failed(&pending, error))?;
        names.retain(|name| name != LEFT);
        for name in names {
            let to = self.folder.join(&name);
            fs::rename(pending.join(&name), &to).map_err(|error| failed(&to, error))?;
            moved.push(to);
        }
        self.drop_pending()?;
        Ok(moved)
    }

    /// Drops what a run has left that died before anybody was remembered.
    pub(super) fn drop_pending(&self) -> Result<(), Failure> {
        let pending = self.pending();
        match fs::remove_dir_all(&pending) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&pending, error)),
        }
    }

    fn pending(&self) -> PathBuf {
        self.folder.join(self.hidden())
    }

    fn hidden(&self) -> String {
        format!(".{}.unfinished", self.milestone)
    }

    fn names(&self) -> Result<Vec<String>, Failure> {
        match names(&self.folder) {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed(&self.folder, error)),
        }
    }

    /// Gives the number of the announcement that a file belongs to; `None` where it is none of this milestone.
    fn number(&self, name: &str) -> Option<u32> {
        if name == self.hidden() {
            return Some(0);
        }
        let rest = name.strip_prefix(&*self.milestone)?.strip_prefix('.')?;
        let rest = rest
            .strip_suffix(".csv")
            .or_else(|| rest.strip_suffix(".eml"))
            .or((rest == "csv").then_some(""))?;
        let first = rest.split('.').next().unwrap_or_default();
        Some(first.parse().unwrap_or(1))
    }
}

/// Says that a file could not be read or written.
fn failed(path: &Path, error: io::Error) -> Failure {
    let fact = format!("could not write the drafts: {}", path.display());
    Failure::new(Exit::Unexpected, error).context(fact)
}

/// Lists the names in a folder, sorted.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: BTreeSet<String> = entries.collect::<io::Result<_>>()?;
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;

    use super::*;
    use crate::model::rollout::Audience;
    use crate::model::{PersonId, Profile};
    use crate::rollout::{Addressee, Draft};

    fn open(folder: &Path) -> Result<Drafts, Failure> {
        Drafts::open(folder, &"welcome".into(), TenantId(Uuid::nil()))
    }

    fn announcement(numbers: std::ops::Range<u128>) -> Announcement {
        let person = |number: u128| Addressee {
            id: PersonId(Uuid::from_u128(number)),
            upn: format!("{number}@contoso.com").into(),
            profile: Profile::default(),
            language: "en".into(),
            group: "pilot".into(),
            changes: BTreeMap::new(),
        };
        let draft = Draft {
            language: "en".into(),
            subject: "Hello".to_owned(),
            body: "Hello\n".to_owned(),
            open: BTreeSet::new(),
        };
        Announcement {
            milestone: "welcome".into(),
            wave: "pilot".into(),
            date: date(2026, 2, 23),
            conditional: false,
            to: Audience::Changing,
            drafts: vec![draft],
            people: numbers.map(person).collect(),
            told_before: 0,
        }
    }

    #[test]
    fn later_drafts_stand_beside_earlier_ones() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("drafts");
        let drafts = open(&folder).expect("it is still to be made");
        for numbers in [1..3, 3..4] {
            drafts.prepare(&announcement(numbers)).expect("written");
            drafts.finish().expect("named");
        }
        let found = names(&folder).expect("readable");
        assert_eq!(found, ["welcome.2.csv", "welcome.2.en.eml", "welcome.csv", "welcome.en.eml"]);
        let first = fs::read_to_string(folder.join("welcome.csv")).expect("readable");
        assert!(first.contains("1@contoso.com") && !first.contains("3@contoso.com"), "nobody is lost");
        assert!(open(&folder).is_ok(), "they are of the same milestone");
    }

    #[test]
    fn a_folder_that_holds_something_else_is_left_alone() {
        let home = tempfile::tempdir().expect("a folder");
        for foreign in ["closing.csv", "welcome-2.csv", "welcome.txt", "welcome"] {
            let path = home.path().join(foreign);
            fs::write(&path, "").expect("written");
            let refused = open(home.path()).expect_err("it holds something else");
            assert_eq!(refused.exit, Exit::Wrong, "{foreign}");
            fs::remove_file(&path).expect("removed");
        }
    }

    #[test]
    fn what_a_crash_left_is_known_by_its_id_and_finished() {
        let home = tempfile::tempdir().expect("a folder");
        let drafts = open(home.path()).expect("empty");
        assert!(drafts.left().expect("readable").is_none());
        let id = drafts.prepare(&announcement(1..3)).expect("written");

        let drafts = open(home.path()).expect("what is unfinished is ours");
        assert_eq!(drafts.left().expect("readable"), Some(id), "somebody died here");
        let other =
            Drafts::open(home.path(), &"welcome".into(), TenantId(Uuid::from_u128(1))).expect("opened");
        assert!(other.left().is_err(), "another tenant's is not finished");

        // The next one dies between two names.
        let pending = drafts.pending();
        fs::rename(pending.join("welcome.csv"), home.path().join("welcome.csv")).expect("named");
        assert_eq!(drafts.finish().expect("finished").len(), 1);
        assert_eq!(names(home.path()).expect("readable"), ["welcome.csv", "welcome.en.eml"]);
        assert!(drafts.left().expect("readable").is_none());
    }

    #[test]
    fn drafts_of_the_same_people_have_another_id_in_another_folder() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let id = |home: &tempfile::TempDir| {
            open(home.path()).expect("empty").prepare(&announcement(1..3)).expect("written")
        };
        assert_ne!(id(&one), id(&other));
    }

    #[test]
    fn what_another_version_left_is_left_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let drafts = open(home.path()).expect("empty");
        drafts.prepare(&announcement(1..3)).expect("written");
        let path = drafts.pending().join(LEFT);
        let text = fs::read_to_string(&path).expect("readable").replace("\"format\":1", "\"format\":2");
        fs::write(&path, text).expect("written");
        assert_eq!(drafts.left().expect_err("its form is not known").exit, Exit::Wrong);
    }

    #[test]
    fn what_was_dropped_leaves_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        let drafts = open(home.path()).expect("empty");
        drafts.prepare(&announcement(1..3)).expect("written");
        drafts.drop_pending().expect("dropped");
        assert_eq!(names(home.path()).expect("readable"), [""; 0]);
    }
}
