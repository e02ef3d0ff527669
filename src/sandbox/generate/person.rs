//! Makes up one person from nothing but a seed and a number, so that a tenant needs no memory.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::DOMAIN;
use super::names::{self, CULTURES, GIVEN, Name, SURNAMES, transliterate};

/// Departments, each with the share of people who work there in percent, the title of its executives, and the titles of
/// everybody else.
pub(super) const DEPARTMENTS: [(&str, u64, &str, &[&str]); 12] = [
    (
        "Operations",
        19,
        "Chief Operating Officer",
        &["Forklift Driver", "Shift Lead", "Machine Operator", "Dispatcher"],
    ),
    (
        "Sales",
        16,
        "Chief Revenue Officer",
        &["Account Manager", "Inside Sales", "Sales Engineer", "Regional Manager"],
    ),
    ("Engineering", 16, "Chief Technology Officer", &["Developer", "Test Engineer", "Architect", "Designer"]),
    (
        "Retail",
        12,
        "Vice President Retail",
        &["Shop Assistant", "Store Manager", "Cashier", "Visual Merchandiser"],
    ),
    (
        "Customer Service",
        9,
        "Vice President Service",
        &["Service Agent", "Team Lead", "Quality Coach", "Service Agent"],
    ),
    ("Finance", 7, "Chief Financial Officer", &["Accountant", "Controller", "Auditor", "Treasury Analyst"]),
    (
        "IT",
        6,
        "Chief Information Officer",
        &["Administrator", "Security Analyst", "Support Engineer", "Network Engineer"],
    ),
    (
        "Marketing",
        5,
        "Chief Marketing Officer",
        &["Copywriter", "Brand Manager", "Event Manager", "Market Analyst"],
    ),
    (
        "Human Resources",
        4,
        "Chief People Officer",
        &["HR Business Partner", "Recruiter", "Payroll Clerk", "Trainer"],
    ),
    (
        "Research",
        3,
        "Chief Scientific Officer",
        &["Scientist", "Principal Scientist", "Laboratory Assistant", "Analyst"],
    ),
    ("Legal", 2, "General Counsel", &["Counsel", "Data Protection Officer", "Paralegal", "Patent Attorney"]),
    ("Academy", 1, "President of the Academy", &["Lecturer", "Course Manager", "Lecturer", "Dean"]),
];

/// Gives numbers that look like chance (`SplitMix64`), the same for the same seed.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Rolls a number below a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    /// Picks one of a list.
    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let at = self.below(list.len() as u64);
        list[usize::try_from(at).unwrap_or_default()]
    }

    /// Makes up an object id.
    pub(super) fn id(&mut self) -> Uuid {
        let word = u128::from(self.roll()) << 64 | u128::from(self.roll());
        Builder::from_random_bytes(word.to_be_bytes()).into_uuid()
    }
}

/// Says which groups a person belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `None` for guests and shared mailboxes.
    pub(super) department: Option<u8>,
    pub(super) region: u8,
    /// The group that hands down their licence, if one does.
    pub(super) licensed_by: Option<Licensing>,
    pub(super) council: bool,
    pub(super) executive: bool,
}

/// Names the groups that hand down licences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Licensing {
    E5,
    F3,
}

/// Is a user as the tenant file spells them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are the directory's names")]
pub(super) struct User {
    id: Uuid,
    pub(super) user_principal_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<String>,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job_title: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_language: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_location: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insights: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<bool>,
}

/// Makes up the person of a number.
pub(super) fn person(seed: u64, number: u64) -> (User, Place) {
    let mut dice = Dice::new(seed, number);
    // Every combination of names comes up once before a number has to tell people apart.
    let all = (CULTURES.len() * GIVEN * SURNAMES) as u64;
    let round = number / all;
    let combination = usize::try_from((number % all * 5_347 + seed % all) % all).unwrap_or_default();
    let culture = &CULTURES[combination % CULTURES.len()];
    let name = culture.name(combination / CULTURES.len() % GIVEN, combination / CULTURES.len() / GIVEN);
    let mut local = format!("{}.{}", transliterate(&name.given), transliterate(&name.surname));
    if round > 0 {
        local = format!("{local}{}", round + 1);
    }
    let country = dice.pick(culture.countries);
    let region = u8::try_from(culture.region).unwrap_or_default();
    let kind = dice.below(100);
    let nowhere = Place { department: None, region, licensed_by: None, council: false, executive: false };
    let id = dice.id();
    match kind {
        0..=2 => (guest(id, &name, &local, country), nowhere),
        3..=4 => (shared_mailbox(id, number, country, &mut dice), nowhere),
        _ => {
            let mut place = nowhere;
            let mut user = employee(id, name, &local, country, &mut dice, &mut place);
            user.preferred_language = language(country, &mut Dice::new(!seed, number));
            (user, place)
        }
    }
}

fn employee(
    id: Uuid,
    name: Name,
    local: &str,
    country: &'static str,
    dice: &mut Dice,
    place: &mut Place,
) -> User {
    let mut share = dice.below(100);
    let mut at = 0;
    while share >= DEPARTMENTS[at].1 {
        share -= DEPARTMENTS[at].1;
        at += 1;
    }
    let (department, _, executive, titles) = DEPARTMENTS[at];
    place.department = u8::try_from(at).ok();
    place.council = dice.below(200) == 0;
    place.executive = dice.below(400) == 0;
    let enabled = dice.below(100) >= 4;
    let mailbox = dice.below(100) >= 2;
    let (licenses, licensed_by) = if mailbox { licences(department, dice) } else { (Vec::new(), None) };
    place.licensed_by = licensed_by;
    let display_name = match name.native {
        Some(native) if dice.below(3) == 0 => native,
        Some(_) | None => format!("{} {}", name.given, name.surname),
    };
    let upn = format!("{local}@{DOMAIN}");
    // Rolled for everyone, so that nobody else becomes another person.
    let title = dice.pick(titles);
    User {
        id,
        mail: mailbox.then(|| upn.clone()),
        user_principal_name: upn,
        display_name,
        given_name: Some(name.given),
        surname: Some(name.surname),
        user_type: None,
        account_enabled: (!enabled).then_some(false),
        department: Some(department),
        job_title: Some(if place.executive { executive } else { title }),
        preferred_language: None,
        manager: None,
        country: Some(country),
        usage_location: Some(country),
        licenses,
        insights: insights(dice),
        refused: (dice.below(500) == 0).then_some(true),
    }
}

/// Chooses the language that somebody reads, of a stream of its own; many never said.
fn language(country: &str, dice: &mut Dice) -> Option<&'static str> {
    match dice.below(10) {
        0..=1 => None,
        2..=3 => Some("en-US"),
        _ => Some(names::language(country)),
    }
}

/// Decides what licences somebody holds directly, and whether a group hands one down.
fn licences(department: &str, dice: &mut Dice) -> (Vec<Value>, Option<Licensing>) {
    let roll = dice.below(100);
    match (department, roll) {
        ("Operations" | "Retail", 0..=79) => (Vec::new(), Some(Licensing::F3)),
        ("Operations" | "Retail", _) => (vec![json!("SPE_F1")], None),
        ("Academy", _) => (vec![json!("M365EDU_A5_FACULTY")], None),
        (_, 0..=19) => (Vec::new(), Some(Licensing::E5)),
        (_, 20..=21) => (vec![json!("SPE_E3")], Some(Licensing::E5)),
        (_, 22..=33) => (vec![json!("SPE_E5")], None),
        (_, 34..=36) => (vec![json!("ENTERPRISEPREMIUM")], None),
        (_, 37..=40) => (vec![json!({ "sku": "SPE_E3", "off": ["MYANALYTICS_P2"] })], None),
        (_, 41..=44) => (vec![json!({ "sku": "SPE_E3", "off": ["TEAMS1"] })], None),
        (_, 45..=47) => (Vec::new(), None),
        _ => (vec![json!("SPE_E3")], None),
    }
}

/// Decides what somebody chose for themselves; most people never do.
fn insights(dice: &mut Dice) -> Option<Value> {
    match dice.below(100) {
        0..=2 => Some(json!({ "mode": "opt-out" })),
        3 => Some(json!({ "mode": "opt-in", "digestEmail": false })),
        4..=5 => Some(json!({ "digestEmail": false })),
        6 => Some(json!({ "dashboard": false })),
        7 => Some(json!({ "dashboard": true, "addIn": true, "digestEmail": true })),
        _ => None,
    }
}

fn guest(id: Uuid, name: &Name, local: &str, country: &'static str) -> User {
    User {
        user_principal_name: format!("{local}_fabrikam.com#EXT#@northwind.onmicrosoft.com"),
        mail: Some(format!("{local}@fabrikam.com")),
        display_name: format!("{} {} (Fabrikam)", name.given, name.surname),
        user_type: Some("Guest"),
        country: Some(country),
        ..nobody(id)
    }
}

fn shared_mailbox(id: Uuid, number: u64, country: &'static str, dice: &mut Dice) -> User {
    const PURPOSES: [&str; 8] =
        ["Info", "Invoices", "Support", "Careers", "Press", "Facilities", "Orders", "Travel Desk"];
    let purpose = dice.pick(&PURPOSES);
    let upn = format!("{}-{number}@{DOMAIN}", purpose.to_ascii_lowercase().replace(' ', "-"));
    User {
        mail: Some(upn.clone()),
        user_principal_name: upn,
        display_name: format!("{purpose} {country} {number}"),
        account_enabled: Some(false),
        ..nobody(id)
    }
}

fn nobody(id: Uuid) -> User {
    User {
        id,
        user_principal_name: String::new(),
        mail: None,
        display_name: String::new(),
        given_name: None,
        surname: None,
        user_type: None,
        account_enabled: None,
        department: None,
        job_title: None,
        country: None,
        usage_location: None,
        preferred_language: None,
        manager: None,
        licenses: Vec::new(),
        insights: None,
        refused: None,
    }
}
