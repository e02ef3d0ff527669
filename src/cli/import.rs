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
use crate::import::{Candidate, Counts, Found, Imported, candidates, import};
use crate::manifest::{self, Manifest};
use crate::microsoft::{Ask, Reader};
use crate::model::{Known, Members, Membership, PersonId, Selector, TenantId};
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
    let imported = look(&reader, &bare, args).await;
    reader.close().await;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    let imported = imported?;
    write(&global.file, &imported)?;
    console.say(&told(&global.file, &imported))?;
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
async fn look(reader: &Reader, bare: &Manifest, args: &ImportArgs) -> Result<Imported, Failure> {
    let wanted: BTreeSet<Selector> = args
        .group
        .iter()
        .map(|name| manifest::group_selector(name))
        .chain(args.filter.iter().cloned().map(Selector::Filter))
        .collect();
    let scope = if wanted.is_empty() {
        None
    } else {
        let membership = reader.membership(&wanted).await?;
        Some(whole(&wanted, &membership)?)
    };
    let profiles = match &scope {
        Some(people) => reader.profiles(people).await?,
        None => reader.all_profiles().await?,
    };
    let (groups, typed) = if args.groups.is_empty() {
        (reader.groups().await?, Vec::new())
    } else {
        let typed = args
            .groups
            .iter()
            .map(|name| Candidate { selector: manifest::group_selector(name), label: name.trim().into() });
        (Vec::new(), typed.collect())
    };
    let named = candidates(&groups, args.most_groups, &profiles, &reader.products().await?);
    drop((groups, profiles));
    let typed: BTreeSet<Candidate> = typed.into_iter().collect();
    let wanted_too =
        wanted.iter().map(|selector| Candidate { selector: selector.clone(), label: label(selector).into() });
    let mut candidates: Vec<Candidate> = wanted_too.chain(typed.iter().cloned()).collect();
    let seen: BTreeSet<Selector> = candidates.iter().map(|candidate| candidate.selector.clone()).collect();
    candidates.extend(named.into_iter().filter(|candidate| !seen.contains(&candidate.selector)));
    let selectors: BTreeSet<Selector> =
        candidates.iter().map(|candidate| candidate.selector.clone()).collect();
    let membership = reader.membership(&selectors).await?;
    whole(&typed.into_iter().map(|candidate| candidate.selector).collect(), &membership)?;
    let people = match &scope {
        Some(people) => people.clone(),
        None => whole(&BTreeSet::from([Selector::Everyone]), &membership)?,
    };
    let ask = Ask { settings: true, tenant_settings: true, count_people: false };
    let actual = reader.observe(&people, ask).await?;
    let found = Found {
        name: bare.tenant_name().unwrap_or_default(),
        cloud: bare.cloud(),
        actual: &actual,
        scope: scope.as_ref(),
        candidates: &candidates,
        membership: &membership,
    };
    Ok(import(&found))
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

/// Writes the lists, and last of all the manifest that names them.
fn write(path: &Path, imported: &Imported) -> Result<(), Failure> {
    let lists: Vec<(PathBuf, &String)> =
        imported.lists.iter().map(|(name, text)| (folder(path).join(name), text)).collect();
    for (list, _) in &lists {
        spare(list)?;
    }
    for (file, text) in
        lists.iter().map(|(list, text)| (list.as_path(), *text)).chain([(path, &imported.manifest)])
    {
        let folder = folder(file);
        fs::create_dir_all(folder).map_err(|error| {
            Failure::new(Exit::Wrong, error)
                .context(format!("could not make the folder {}", folder.display()))
        })?;
        replace(file, |out| out.write_all(text.as_bytes()))?;
    }
    Ok(())
}

/// Says what was written.
fn told(path: &Path, imported: &Imported) -> String {
    let file = path.display().to_string();
    render::import::text(&render::inert(&file), imported)
}
