//! Reads a manifest and its CSV files: a desired state, or everything that is wrong with them.
//!
//! Text goes in and a [`Manifest`] comes out, which names people as its author does. Once the directory has answered
//! who they are, [`Manifest::resolve`] makes the desired state of it.
//!
//! ```text
//! bytes ─ text ─ syntax ─ fields ─┬─ tenant ───────────────┐
//!                                 ├─ group ─ members ─ csv ─┼─ scenario ─▶ Manifest ─ resolve ─▶ DesiredState
//!                                 └─ words                  │
//!                     problem ◀── everything that is wrong ─┘
//! ```

mod accept;
mod csv;
mod document;
mod edit;
mod fields;
mod folder;
mod group;
mod members;
mod needs;
mod people;
mod pilot;
mod problem;
mod resolve;
mod results;
mod rollout;
mod rows;
mod scenario;
mod schema;
mod script;
mod store;
mod syntax;
mod template;
mod tenant;
mod text;
mod transport;
mod waiver;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use edit::{Edit, NotEdited, edit, reread};
pub use group::Group;
pub use pilot::{Pilot, pilot};
pub use problem::{Problem, Problems, Severity};
pub use results::{Results, results};
pub use scenario::Scenario;
pub use schema::schema;
pub use script::{Script, script};
pub use store::{NotAStore, StoreAddress};
pub use template::template;
pub(crate) use text::in_quotes;
pub use transport::Transport;
pub use waiver::{parse_waiver, read_waiver, waiver_schema, waiver_text};

use crate::model::{Class, Cloud, Limit, Needs, Rollout, Selector, Settle, TenantId, TenantSetting, Value};
use accept::Accept;
use folder::Folder;
use people::Rule;
use problem::{At, File};

/// Is a manifest that was read without an error, with the people it names still unresolved.
#[derive(Clone, Debug)]
pub struct Manifest {
    tenant: TenantId,
    tenant_name: Option<String>,
    transport: Option<Transport>,
    cloud: Cloud,
    scenario: Option<Scenario>,
    defaults: BTreeMap<TenantSetting, Value>,
    groups: Vec<Group>,
    through_groups: bool,
    rollout: Rollout,
    protected: Vec<Rule>,
    accepts: Vec<Accept>,
    limits: BTreeMap<Class, Limit>,
    settle: Settle,
    store: StoreAddress,
    needs: Needs,
    digest: String,
    file: File,
    warnings: Problems,
}

/// Reads a manifest and every file that it names.
///
/// Paths start from the manifest's own folder and may not leave the root of its repository (the nearest folder above
/// with a `.git`), or that folder itself where there is none. Everything that is wrong is told at once.
pub fn read(path: &Path) -> Result<Manifest, Problems> {
    let about = fs::metadata(path).and_then(|about| {
        if about.len() > LARGEST { Err(std::io::Error::other("it is larger than 64 MiB")) } else { Ok(()) }
    });
    let opened = about.and_then(|()| Ok((fs::read(path)?, Folder::of(path)?)));
    match opened {
        Ok((bytes, folder)) => document::read(path, bytes, &folder),
        Err(error) => {
            let mut problems = Problems::default();
            let file: Arc<Path> = path.into();
            problems
                .add(Severity::Error, &file, At::TOP, format!("the manifest cannot be read: {error}"))
                .hint("`-f FILE` names another; `insightctl init --scenario default-off` writes one to begin with");
            Err(problems)
        }
    }
}

/// Makes a manifest that names a tenant, and asks for nothing.
pub(crate) fn bare(tenant: TenantId, name: &str, cloud: Cloud) -> Result<Manifest, Problems> {
    let name = in_quotes(name);
    parse(&format!("version: 1\ntenant:\n  id: {tenant}\n  name: {name}\ncloud: {cloud}\nstore: none\n"), &[])
}

/// Gives the selector that `group: NAME` stands for.
pub(crate) fn group_selector(name: &str) -> Selector {
    Selector::Group(members::folded(name.trim()))
}

/// Says whether text is one address, with all of its letters.
pub(crate) fn is_address(text: &str) -> bool {
    people::check(text).is_ok() && !people::lost_letters(text)
}

/// Is the largest manifest that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Reads a manifest from text, and the files that it names from memory.
///
/// Files are given as path and bytes; the manifest is called `insights.yaml`.
pub fn parse(text: &str, files: &[(&str, &[u8])]) -> Result<Manifest, Problems> {
    let files = files.iter().map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())).collect();
    document::read(Path::new("insights.yaml"), text.as_bytes().to_vec(), &Folder::Memory(files))
}

impl Manifest {
    /// Gives the tenant that the manifest is pinned to.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Gives the tenant's name, for people to read.
    pub fn tenant_name(&self) -> Option<&str> {
        self.tenant_name.as_deref()
    }

    /// Gives what carries the insights settings, if it says so.
    pub fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// Gives the cloud that the tenant is in.
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// Gives the scenario that it names, if it does.
    pub fn scenario(&self) -> Option<Scenario> {
        self.scenario
    }

    /// Gives the defaults that it sets; what is absent is not managed.
    pub fn defaults(&self) -> &BTreeMap<TenantSetting, Value> {
        &self.defaults
    }

    /// Gives the groups in order of precedence.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Says whether the licence of a group may change where all of its members want the same.
    pub fn through_groups(&self) -> bool {
        self.through_groups
    }

    /// Gives what time decides about; empty where everything is in force at any time.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// Gives the limits that it sets; classes not named have their default limit.
    pub fn limits(&self) -> &BTreeMap<Class, Limit> {
        &self.limits
    }

    /// Gives how long writes may take to show.
    pub fn settle(&self) -> Settle {
        self.settle
    }

    /// Gives where the ledger and the journal are kept.
    pub fn store(&self) -> &StoreAddress {
        &self.store
    }

    /// Gives the least that an application has to be granted to plan and apply it.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Gives the SHA-256 of the manifest's bytes followed by that of each file it names, in order of first naming.
    ///
    /// For a manifest that names no file, it is the file's own SHA-256. Lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Gives the warnings and notes, with their places.
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }

    /// Gives the manifest's path as it was given.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Lists the manifest itself and every file that it names: CSV files and templates of messages.
    pub fn files(&self) -> BTreeSet<&Path> {
        let lists = self.rules().filter_map(|rule| match rule {
            Rule::One(_) => None,
            Rule::List(list) => Some(&*list.file.path),
        });
        let messages =
            self.rollout.campaign.milestones.iter().filter_map(|milestone| milestone.message.as_ref());
        let templates =
            messages.flat_map(|message| &message.templates).map(|template| template.file.as_path());
        lists.chain(templates).chain([self.path()]).collect()
    }

    /// Gathers the selectors of the people whom no plan changes.
    pub fn protected_selectors(&self) -> BTreeSet<Selector> {
        self.protected.iter().flat_map(Rule::named).map(|named| named.selector).collect()
    }

    /// Gathers every selector whose answer [`Manifest::resolve`] needs.
    pub fn selectors(&self) -> BTreeSet<Selector> {
        self.rules().flat_map(Rule::named).map(|named| named.selector).collect()
    }

    /// Gathers the directory's groups that it names, as it calls them.
    pub fn named_groups(&self) -> BTreeSet<String> {
        let ones = self.rules().filter_map(|rule| match rule {
            Rule::One(one) => Some(&one.selector),
            Rule::List(_) => None,
        });
        let groups = ones.filter_map(|selector| match selector {
            Selector::Group(name) => Some(name.clone()),
            Selector::Id(_)
            | Selector::User(_)
            | Selector::Mail(_)
            | Selector::Filter(_)
            | Selector::Licence(_)
            | Selector::Everyone => None,
        });
        groups.collect()
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        let of_groups = self.groups.iter().flat_map(|group| group.members.iter().chain(&group.except));
        of_groups.chain(&self.protected).chain(self.accepts.iter().map(|accept| &accept.whom))
    }
}
