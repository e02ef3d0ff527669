//! Writes tenant files of any size, the same for the same seed.

mod names;
mod person;
mod products;
mod staff;

use std::io::{self, Write};

use serde_json::{Value, json};

use self::names::REGIONS;
use self::person::{DEPARTMENTS, Dice, Licensing, Place, person};
use self::products::PRODUCTS;
use self::staff::Staff;

const DOMAIN: &str = "northwindtraders.com";

/// Says how large a tenant to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generate {
    /// How many users, guests and shared mailboxes among them.
    pub people: u64,
    /// How many groups. The two that hand down licences come first, then all staff, the works council, the executives,
    /// the departments, their regions, and projects for the rest.
    pub groups: u64,
    /// The same seed gives the same file.
    pub seed: u64,
}

/// Writes a tenant file, one object per line, without keeping the people in memory.
pub fn generate(options: &Generate, out: &mut impl Write) -> io::Result<()> {
    let Generate { people, groups, seed } = *options;
    let id = Dice::new(seed, u64::MAX).id();
    writeln!(
        out,
        "{{\n  \"about\": \"Written by a generator: {people} people, {groups} groups, seed {seed}.\","
    )?;
    let tenant = json!({
        "id": id,
        "name": "northwind.onmicrosoft.com",
        "displayName": "Northwind Traders",
        "countryLetterCode": "US",
        "domains": [DOMAIN],
    });
    writeln!(out, "  \"tenant\": {tenant},")?;
    list(out, "skus", PRODUCTS.iter().map(|product| sku(product, people)))?;
    let places: Vec<Place> = (0..people).map(|number| person(seed, number).1).collect();
    writeln!(out, "  \"groups\": [")?;
    for number in 0..groups {
        if number > 0 {
            out.write_all(b",\n")?;
        }
        group(out, number, options, &places)?;
    }
    writeln!(out, "\n  ],")?;
    writeln!(out, "  \"users\": [")?;
    let staff = Staff::of(&places);
    for number in 0..people {
        if number > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(b"    ")?;
        let mut user = person(seed, number).0;
        user.manager = staff.manager(number).map(|manager| person(seed, manager).0.user_principal_name);
        if staff.chief.is_some_and(|chief| chief as u64 == number) {
            user.job_title = Some("Chief Executive Officer");
        }
        serde_json::to_writer(&mut *out, &user)?;
    }
    writeln!(out, "\n  ]\n}}")
}

fn list(out: &mut impl Write, name: &str, items: impl Iterator<Item = Value>) -> io::Result<()> {
    let lines: Vec<String> = items.map(|item| format!("    {item}")).collect();
    writeln!(out, "  \"{name}\": [\n{}\n  ],", lines.join(",\n"))
}

fn sku(product: &products::Product, people: u64) -> Value {
    let plans =
        product.plans.iter().map(|(id, name)| json!({ "servicePlanId": id, "servicePlanName": name }));
    json!({
        "skuId": product.id,
        "skuPartNumber": product.name,
        "enabled": people,
        "servicePlans": plans.collect::<Vec<Value>>(),
    })
}

/// Is what a group of some number is.
enum Kind {
    Licences(Licensing),
    AllStaff,
    WorksCouncil,
    Executives,
    Department(usize),
    Region(usize, usize),
    Project(u64),
}

/// So many groups come before the departments.
const FIRST: u64 = 5;

fn kind(number: u64) -> Kind {
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match number {
        0 => Kind::Licences(Licensing::E5),
        1 => Kind::Licences(Licensing::F3),
        2 => Kind::AllStaff,
        3 => Kind::WorksCouncil,
        4 => Kind::Executives,
        _ if at(number - FIRST) < DEPARTMENTS.len() => Kind::Department(at(number - FIRST)),
        _ => {
            let later = at(number - FIRST) - DEPARTMENTS.len();
            if later < DEPARTMENTS.len() * REGIONS.len() {
                Kind::Region(later / REGIONS.len(), later % REGIONS.len())
            } else {
                Kind::Project(number)
            }
        }
    }
}

/// Says whether a tenant of so many groups divides a department by region.
fn divided(department: usize, groups: u64) -> bool {
    groups >= FIRST + (DEPARTMENTS.len() + (department + 1) * REGIONS.len()) as u64
}

fn mail(name: &str) -> String {
    format!("{}@{DOMAIN}", name.to_ascii_lowercase().replace(' ', "-"))
}

fn group(out: &mut impl Write, number: u64, options: &Generate, places: &[Place]) -> io::Result<()> {
    let Generate { people, groups, seed } = *options;
    let mut dice = Dice::new(seed, u64::MAX - 1 - number);
    let id = dice.id();
    let department = |at: usize| DEPARTMENTS[at].0;
    let within =
        |place: &Place, at: usize| place.department.is_some_and(|department| usize::from(department) == at);
    let region = |at: usize, region: usize| format!("{} {}", department(at), REGIONS[region]);
    let (name, nested): (String, Vec<String>) = match kind(number) {
        Kind::Licences(Licensing::E5) => ("Licences E5".to_owned(), Vec::new()),
        Kind::Licences(Licensing::F3) => ("Licences F3".to_owned(), Vec::new()),
        Kind::AllStaff => {
            let known =
                DEPARTMENTS.len().min(usize::try_from(groups.saturating_sub(FIRST)).unwrap_or(usize::MAX));
            ("All Staff".to_owned(), (0..known).map(|at| mail(department(at))).collect())
        }
        Kind::WorksCouncil => ("Works Council".to_owned(), Vec::new()),
        Kind::Executives => ("Executives".to_owned(), Vec::new()),
        Kind::Department(at) if divided(at, groups) => {
            (department(at).to_owned(), (0..REGIONS.len()).map(|part| mail(&region(at, part))).collect())
        }
        Kind::Department(at) => (department(at).to_owned(), Vec::new()),
        Kind::Region(at, part) => (region(at, part), Vec::new()),
        Kind::Project(number) => (format!("Project {number}"), Vec::new()),
    };
    let belongs = |place: &Place| match kind(number) {
        Kind::Licences(licensing) => place.licensed_by == Some(licensing),
        Kind::AllStaff | Kind::Project(_) => false,
        Kind::WorksCouncil => place.council,
        Kind::Executives => place.executive,
        Kind::Department(at) => within(place, at) && !divided(at, groups),
        Kind::Region(at, part) => within(place, at) && usize::from(place.region) == part,
    };
    let mut head = json!({ "id": id, "displayName": name });
    match kind(number) {
        Kind::Licences(Licensing::E5) => head["licenses"] = json!(["SPE_E5"]),
        Kind::Licences(Licensing::F3) => head["licenses"] = json!(["SPE_F1"]),
        Kind::AllStaff
        | Kind::WorksCouncil
        | Kind::Executives
        | Kind::Department(_)
        | Kind::Region(..)
        | Kind::Project(_) => head["mail"] = mail(&name).into(),
    }
    let head = head.to_string();
    write!(out, "    {},\"members\":[", head.trim_end_matches('}'))?;
    let team = if matches!(kind(number), Kind::Project(_)) && people > 0 { 3 + dice.below(40) } else { 0 };
    let team: Vec<u64> = (0..team).map(|_| dice.below(people)).collect();
    let members =
        (0_u64..).zip(places).filter(|(_, place)| belongs(place)).map(|(number, _)| number).chain(team);
    let people = members.map(|number| person(seed, number).0.user_principal_name);
    for (at, member) in nested.into_iter().chain(people).enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &member)?;
    }
    out.write_all(b"]}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::file::TenantFile;
    use crate::sandbox::licence::Look;
    use crate::sandbox::tenant::Tenant;

    fn written(people: u64, groups: u64, seed: u64) -> String {
        let mut out = Vec::new();
        generate(&Generate { people, groups, seed }, &mut out).expect("memory does not fail");
        String::from_utf8(out).expect("the file is text")
    }

    fn tenant(people: u64, groups: u64) -> Tenant {
        let file: TenantFile =
            serde_json::from_str(&written(people, groups, 7)).expect("the file has the right shape");
        Tenant::new(file).expect("the file does not contradict itself")
    }

    #[test]
    fn the_same_seed_gives_the_same_file() {
        assert_eq!(written(50, 20, 7), written(50, 20, 7));
        assert_ne!(written(50, 20, 7), written(50, 20, 8));
    }

    #[test]
    fn any_size_can_be_read_again() {
        for (people, groups) in [(0, 0), (0, 80), (1, 1), (10, 6), (100, 18), (300, 40), (300, 90)] {
            let tenant = tenant(people, groups);
            assert_eq!((tenant.people.len() as u64, tenant.groups.len() as u64), (people, groups));
        }
    }

    #[test]
    fn addresses_stay_unique_when_the_names_run_out() {
        let tenant = tenant(20_000, 5);
        assert!(tenant.person_by_key("anna.mueller@northwindtraders.com").is_some());
        assert!(tenant.people.iter().any(|person| person.upn().contains("2@")));
    }

    #[test]
    fn a_generated_tenant_has_people_of_every_kind() {
        let tenant = tenant(4_000, 100);
        let any = |what: &str, is: &dyn Fn(usize) -> bool| {
            assert!((0..tenant.people.len()).any(is), "nobody is {what}");
        };
        any("a guest", &|at| tenant.people[at].guest && tenant.people[at].upn().contains("#EXT#"));
        any("disabled", &|at| !tenant.people[at].enabled);
        any("without a mailbox", &|at| !tenant.people[at].guest && tenant.people[at].mail().is_none());
        any("opted out", &|at| tenant.people[at].stored().mode == Some(false));
        any("refused", &|at| tenant.people[at].refused);
        any("called with an apostrophe", &|at| tenant.people[at].upn().contains('\''));
        any("called in another script", &|at| tenant.people[at].display_name().contains('田'));
        let sources = |at: usize| tenant.sources(at, Look::Truth);
        any("licensed by a group", &|at| sources(at).iter().any(|source| source.group.is_some()));
        any("licensed twice", &|at| sources(at).len() > 1);
        any("licensed without the plan", &|at| {
            sources(at).iter().any(|source| !source.assignment.disabled_plans.is_empty())
        });
        for product in &PRODUCTS {
            any(product.name, &|at| {
                tenant.held(at, Look::Truth).iter().any(|(sku, _)| sku.name == product.name)
            });
        }
        let all =
            tenant.groups.iter().position(|group| group.display_name == "All Staff").expect("there is one");
        let top = tenant.people.iter().filter(|person| person.manager.is_none());
        assert_eq!(top.filter(|person| person.texts[5].is_some()).count(), 1, "one has nobody above them");
        let mut far = 0;
        for person in &tenant.people {
            let (mut above, mut steps) = (person.manager, 0);
            while let Some(at) = above {
                (above, steps) = (tenant.people[at as usize].manager, steps + 1);
                assert!(steps < 20, "nobody is above themselves");
            }
            far = far.max(steps);
        }
        assert!(far > 3);
        let chief = |at: usize| {
            let title = tenant.people[at].texts[6].as_deref().unwrap_or_default();
            (title == "Chief Executive Officer", title.starts_with("Chief "))
        };
        any("the head of all", &|at| chief(at).0);
        any("the head of a department", &|at| chief(at) == (false, true));
        for language in ["de-DE", "pt-BR", "ja-JP", "en-US"] {
            any(language, &|at| tenant.people[at].texts[14].as_deref() == Some(language));
        }
        let staff = tenant.people.iter().filter(|person| person.texts[5].is_some()).count();
        assert_eq!(tenant.reach(all).people.len(), staff, "through two levels of nesting");
        let licensing = tenant.licensing.iter().map(|at| tenant.groups[*at].people.len());
        assert!(licensing.min() > Some(100));
    }
}
