//! `import`: writes a manifest from what a tenant is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::args::{Global, ImportArgs};
use super::console::{Console, folder, replace};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{clock, in_sandbox, real};
use crate::import::{Candidate, Choice, Counts, Found, Imported, MOST_DEPARTMENTS, candidates, import};
use crate::manifest::{self, Manifest};
use crate::microsoft::{Ask, Reader};
use crate::model::{Known, Members, Membership, NamedGroup, PersonId, RefusalKind, Selector, TenantId};
use crate::render;
use crate::sandbox;

pub(super) async fn run(global: &Global, console: &Console, args: &ImportArgs) -> Result<Exit, Failure> {
    spare(&global.file)?;
    let bare = bare(global, console, args)?;
    let clock = clock(global);
    let (mut connection, sandbox) = match &global.sandbox {
        Some(at) => in_sandbox(global, at, &bare, &clock).await?,
        None => (real(global, console, &bare)?, None),
    };
    connection.on_reading = Some(console.on_reading());
    connection.name = bare.tenant_name().map(Into::into);
    connection.rate = global.rate;
    let reader = Reader::connect(connection, clock).await?;
    reader.open_settings().await?;
    let imported = look(&reader, console, &bare, args, global.transport).await;
    reader.close().await;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    let imported = imported?;
    let files = write(&global.file, &imported)?;
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    console.say(&render::import::text(&files, &imported.counts))?;
    let Counts { not_read, defaults_not_read, .. } = imported.counts;
    Ok(if not_read + defaults_not_read > 0 { Exit::Incomplete } else { Exit::Done })
}

/// Makes a manifest that names the tenant and nothing else.
fn bare(global: &Global, console: &Console, args: &ImportArgs) -> Result<Manifest, Failure> {
    let file = global.sandbox.as_deref().filter(|at| !at.starts_with("http"));
    let (id, name) = match file {
        Some(file) => {
            let (id, name) = sandbox::whose(Path::new(file))?;
            (Some(id), Some(name))
        }
        None => (console.proofs.tenant.as_deref().and_then(|id| id.parse::<Uuid>().ok()), None),
    };
    let Some(id) = args.tenant_id.or(id) else {
        return Err(Failure::wrong("no tenant is named").hint("name it with --tenant-id"));
    };
    let id = TenantId(id);
    let name = args.tenant_name.clone().or(name).unwrap_or_else(|| id.to_string());
    Ok(manifest::bare(id, &name, args.cloud)?)
}

/// Reads the tenant and makes a manifest of it.
async fn look(
    reader: &Reader,
    console: &Console,
    bare: &Manifest,
    args: &ImportArgs,
    transport: Option<manifest::Transport>,
) -> Result<Imported, Failure> {
    let wanted: BTreeSet<Selector> = args
        .group
        .iter()
        .map(|name| manifest::group_selector(name))
        .chain(args.filter.iter().cloned().map(Selector::Filter))
        .collect();
    let typed: BTreeSet<Selector> = args.groups.iter().map(|name| manifest::group_selector(name)).collect();
    // A name that is misspelt is told before the whole directory is read.
    let asked: BTreeSet<Selector> = wanted.union(&typed).cloned().collect();
    let mut membership =
        if asked.is_empty() { Membership::default() } else { reader.membership(&asked).await? };
    whole(&typed, &membership)?;
    let scope = if wanted.is_empty() { None } else { Some(whole(&wanted, &membership)?) };
    let profiles = match &scope {
        Some(people) => reader.profiles(people).await?,
        None => reader.all_profiles().await?,
    };
    let groups = if typed.is_empty() { groups(reader, console, args.most_groups).await? } else { Vec::new() };
    let Choice { candidates: named, departments_left_out } =
        candidates(&groups, args.most_groups, &profiles, &reader.products().await?);
    if let Some(note) = departments_note(departments_left_out) {
        console.say(&note)?;
    }
    drop((groups, profiles));
    let candidate =
        |selector: &Selector| Candidate { selector: selector.clone(), label: label(selector).into() };
    let mut candidates: Vec<Candidate> = asked.iter().map(candidate).collect();
    candidates.extend(named.into_iter().filter(|candidate| !asked.contains(&candidate.selector)));
    let others =
        candidates.iter().map(|candidate| &candidate.selector).filter(|selector| !asked.contains(selector));
    membership.of.extend(reader.membership(&others.cloned().collect()).await?.of);
    let people = match &scope {
        Some(people) => people.clone(),
        None => whole(&BTreeSet::from([Selector::Everyone]), &membership)?,
    };
    let ask = Ask { settings: true, tenant_settings: true, count_people: false };
    let actual = reader.observe(&people, ask).await?;
    let found = Found {
        name: bare.tenant_name().unwrap_or_default(),
        cloud: bare.cloud(),
        transport,
        actual: &actual,
        scope: scope.as_ref(),
        candidates: &candidates,
        membership: &membership,
    };
    Ok(import(&found))
}

/// Lists the tenant's groups; whoever may not list them imports without.
async fn groups(reader: &Reader, console: &Console, most: usize) -> Result<Vec<NamedGroup>, Failure> {
    let groups = match reader.groups().await {
        Ok(groups) => groups,
        Err(refusal) if refusal.kind == RefusalKind::Forbidden => {
            console.say(&format!(
                "warning: groups cannot be listed, so that no rule names one: {}\n\
                 hint: grant `GroupMember.Read.All`, or name groups with --groups",
                render::inert(&refusal.to_string())
            ))?;
            return Ok(Vec::new());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let hidden = groups.iter().filter(|group| group.hidden).count();
    if hidden > 0 {
        console
            .say(&format!("note: groups that hide their members, so that no rule names them: {hidden}"))?;
    }
    let usable = groups.iter().filter(|group| !group.hidden && !group.only_mail).count();
    if usable > most {
        console.say(&format!(
            "note: the members of {most} groups out of {usable} are read\n\
             hint: --most-groups reads more, and --groups chooses"
        ))?;
    }
    Ok(groups)
}

/// Says that departments are left out, where some are.
fn departments_note(left_out: usize) -> Option<String> {
    (left_out > 0).then(|| {
        let all = MOST_DEPARTMENTS + left_out;
        format!(
            "note: the {MOST_DEPARTMENTS} largest departments out of {all} are read; no rule names another"
        )
    })
}

fn label(selector: &Selector) -> &str {
    match selector {
        Selector::Group(text)
        | Selector::Filter(text)
        | Selector::Licence(text)
        | Selector::User(text)
        | Selector::Mail(text) => text,
        Selector::Id(_) => "person",
        Selector::Everyone => "everyone",
    }
}

/// Gathers the people of sets that somebody asked for, each of which has to be there and be read.
fn whole(selectors: &BTreeSet<Selector>, membership: &Membership) -> Result<BTreeSet<PersonId>, Failure> {
    let mut people = BTreeSet::new();
    for selector in selectors {
        match membership.of.get(selector) {
            Some(Known::Is(Members::Are(members))) => people.extend(members),
            Some(Known::Is(Members::Gone | Members::NoSuchPerson)) | None => {
                return Err(Failure::wrong(format!("there is no group `{}`", label(selector)))
                    .hint("name it by object id, mail address or display name"));
            }
            Some(Known::Is(Members::Ambiguous(groups))) => {
                return Err(Failure::wrong(format!("{groups} groups are called `{}`", label(selector)))
                    .hint("name one by its object id"));
            }
            Some(Known::Unknown(why)) => {
                return Err(Failure::from(why.as_ref().clone())
                    .context(format!("`{}` could not be read", label(selector))));
            }
        }
    }
    Ok(people)
}

/// Refuses to replace a file.
fn spare(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::wrong(format!("{} exists already", path.display()))
            .hint("name another manifest with --file, or move the file away"));
    }
    Ok(())
}

/// Writes the lists, and last of all the manifest that names them; gives the files.
fn write(path: &Path, imported: &Imported) -> Result<Vec<PathBuf>, Failure> {
    let lists = imported.lists.iter().map(|(name, text)| (folder(path).join(name), text));
    let files: Vec<(PathBuf, &String)> = lists.chain([(path.to_owned(), &imported.manifest)]).collect();
    for (file, _) in &files {
        spare(file)?;
    }
    for (file, text) in &files {
        let folder = folder(file);
        fs::create_dir_all(folder).map_err(|error| {
            Failure::new(Exit::Wrong, error)
                .context(format!("could not make the folder {}", folder.display()))
        })?;
        replace(file, |out| out.write_all(text.as_bytes()))?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn departments_that_are_left_out_are_told() {
        assert_eq!(departments_note(0), None);
        let note = departments_note(2).unwrap();
        assert_eq!(note, "note: the 500 largest departments out of 502 are read; no rule names another");
    }
}
