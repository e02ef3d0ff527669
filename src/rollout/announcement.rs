//! Gathers what one milestone tells whom: the drafts in each language, and everybody who gets one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::model::rollout::{
    Audience, Campaign, Concerned, Field, Message, Milestone, Piece, Survey, Template, pieces,
};
use crate::model::{PersonId, Profile, Setting, Value};

/// Is what one milestone tells whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The milestone, by its name.
    pub milestone: Arc<str>,
    /// The wave that it belongs to.
    pub wave: Arc<str>,
    /// The day of the milestone.
    pub date: Date,
    /// Whether the wave begins only if its conditions hold on the day itself.
    pub conditional: bool,
    /// Whom it is for.
    pub to: Audience,
    /// One for each language that somebody reads.
    pub drafts: Vec<Draft>,
    /// Who gets one, sorted by `upn`.
    pub people: Vec<Addressee>,
    /// How many are concerned and were told before.
    pub told_before: u64,
}

/// Is a message in one language, with what is the same for everybody filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The language, in lower case.
    pub language: Arc<str>,
    /// On one line.
    pub subject: String,
    /// Lines ending with `\n`.
    pub body: String,
    /// Fields that the manifest has nothing for; they stay in the draft as they are.
    pub open: BTreeSet<Field>,
}

/// Is somebody who gets a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// Entra object id.
    pub id: PersonId,
    /// `userPrincipalName`.
    pub upn: Arc<str>,
    /// What the directory says of them, as far as it does.
    pub profile: Profile,
    /// The language of their draft.
    pub language: Arc<str>,
    /// The group that decides.
    pub group: Arc<str>,
    /// What changes for them.
    pub changes: BTreeMap<Setting, Value>,
}

/// Is the wave that a milestone belongs to.
#[derive(Clone, Copy, Debug)]
pub struct OfWave<'a> {
    /// Its name.
    pub name: &'a Arc<str>,
    /// The day on which it begins.
    pub first: Date,
    /// Whether it begins only if its conditions hold on that day.
    pub conditional: bool,
}

/// Puts an announcement together; `message` is the milestone's own.
///
/// Whoever has no profile is addressed by their `upn` alone, in the language for everybody whose own is missing.
pub fn announcement(
    campaign: &Campaign,
    (milestone, message): (&Milestone, &Message),
    of_wave: OfWave<'_>,
    concerned: BTreeMap<PersonId, Concerned>,
    told_before: u64,
    profiles: &BTreeMap<PersonId, Profile>,
) -> Announcement {
    let OfWave { name: wave, first, conditional } = of_wave;
    let (date, _) = milestone.dates(first);
    let mut people = Vec::with_capacity(concerned.len());
    for (id, Concerned { upn, group, changes }) in concerned {
        let profile = profiles.get(&id).cloned().unwrap_or_default();
        let template = message.template(profile.language.as_deref());
        let Some(language) = template.map(|template| Arc::clone(&template.language)) else { continue };
        people.push(Addressee { id, upn, profile, language, group, changes });
    }
    people.sort_by(|one, other| (&one.upn, one.id).cmp(&(&other.upn, other.id)));
    let read: BTreeSet<&str> = people.iter().map(|person| &*person.language).collect();
    let fill = Filling { campaign, milestone, wave, date };
    let templates = message.templates.iter().filter(|template| read.contains(&*template.language));
    Announcement {
        milestone: Arc::clone(&milestone.name),
        wave: Arc::clone(wave),
        date,
        conditional,
        to: message.to,
        drafts: templates.map(|template| fill.draft(template)).collect(),
        people,
        told_before,
    }
}

/// Is what the fields of a message stand for.
struct Filling<'a> {
    campaign: &'a Campaign,
    milestone: &'a Milestone,
    wave: &'a str,
    date: Date,
}

impl Filling<'_> {
    fn draft(&self, template: &Template) -> Draft {
        let mut open = BTreeSet::new();
        let subject = self.filled(&template.subject, &mut open);
        let body = self.filled(&template.body, &mut open);
        Draft { language: Arc::clone(&template.language), subject, body, open }
    }

    fn filled(&self, text: &str, open: &mut BTreeSet<Field>) -> String {
        let mut filled = String::with_capacity(text.len() + 64);
        for (_, piece) in pieces(text) {
            match piece {
                Piece::Text(text) | Piece::Open(text) => filled.push_str(text),
                Piece::Field(inside) => match Field::read(inside) {
                    None => filled.extend(["{{", inside, "}}"]),
                    Some(field) => match self.value(field) {
                        Stands::For(value) => filled.push_str(&value),
                        Stands::Merged => filled.push_str(&field.to_string()),
                        Stands::Open => {
                            open.insert(field);
                            filled.push_str(&field.to_string());
                        }
                    },
                },
            }
        }
        filled
    }

    fn value(&self, field: Field) -> Stands {
        let Campaign { owners, checklist: _, goals: _, surveys, training, milestones: _ } = self.campaign;
        let known =
            |value: Option<&Arc<str>>| value.map_or(Stands::Open, |value| Stands::For(value.to_string()));
        match field {
            // Different for everybody: the mail merge fills them in, from the columns `DisplayName` and `Department`.
            Field::Name | Field::Department => Stands::Merged,
            Field::MilestoneDate => Stands::For(self.date.to_string()),
            Field::Wave => Stands::For(self.wave.to_owned()),
            Field::Training => known(training.as_ref()),
            Field::Survey => {
                let next = Survey::next(surveys, self.milestone.wave, self.milestone.day);
                known(next.and_then(|survey| survey.link.as_ref()))
            }
            Field::Owner(role) => known(owners.get(&role).map(|owner| &owner.0)),
        }
    }
}

/// Says what becomes of a field.
enum Stands {
    For(String),
    Merged,
    Open,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;
    use crate::model::rollout::{Owner, Role};

    fn template(language: &str, subject: &str, body: &str) -> Template {
        Template { language: language.into(), file: "x".into(), subject: subject.into(), body: body.into() }
    }

    fn made(languages: &[(u128, Option<&str>)]) -> Announcement {
        let survey = Survey { name: "before".into(), wave: 0, day: -3, link: Some("https://s".into()) };
        let campaign = Campaign {
            owners: BTreeMap::from([(Role::HelpDeskLead, Owner("Grace".into()))]),
            surveys: vec![survey],
            ..Campaign::default()
        };
        let message = Message {
            to: Audience::Changing,
            templates: vec![
                template(
                    "en",
                    "{{wave}} on {{ milestone-date }}",
                    "{{name}} {{survey}} {{owner:help-desk-lead}}\n",
                ),
                template("de", "{{department}}", "{{training}} {{owner:training-lead}}\n"),
            ],
        };
        let milestone = Milestone {
            name: "welcome".into(),
            wave: 0,
            day: -7,
            until_day: None,
            owner: None,
            what: None,
            message: None,
        };
        let person = |number: u128| PersonId(Uuid::from_u128(number));
        let concerned = languages.iter().map(|(number, _)| {
            let upn = format!("{number}@contoso.com").into();
            (person(*number), Concerned { upn, group: "pilot".into(), changes: BTreeMap::new() })
        });
        let profiles = languages.iter().filter_map(|(number, language)| {
            let language = Some(Arc::from((*language)?));
            Some((person(*number), Profile { language, ..Profile::default() }))
        });
        let name = Arc::from("pilot");
        let wave = OfWave { name: &name, first: date(2026, 3, 2), conditional: false };
        announcement(&campaign, (&milestone, &message), wave, concerned.collect(), 4, &profiles.collect())
    }

    #[test]
    fn what_is_the_same_for_everybody_is_filled_in_and_the_rest_is_left_to_the_mail_merge() {
        let made = made(&[(1, None), (2, Some("de-CH"))]);
        let [en, de] = made.drafts.as_slice() else { unreachable!("two are read") };
        assert_eq!((&*en.subject, &*en.body), ("pilot on 2026-02-23", "{{name}} https://s Grace\n"));
        assert!(en.open.is_empty());
        assert_eq!((&*de.subject, &*de.body), ("{{department}}", "{{training}} {{owner:training-lead}}\n"));
        assert_eq!(de.open, [Field::Training, Field::Owner(Role::TrainingLead)].into());
        let languages: Vec<_> = made.people.iter().map(|person| &*person.language).collect();
        assert_eq!((languages, made.told_before), (vec!["en", "de"], 4));
    }

    #[test]
    fn a_language_that_nobody_reads_gets_no_draft() {
        assert_eq!(made(&[(2, Some("de"))]).drafts.len(), 1);
        assert!(made(&[]).drafts.is_empty());
    }
}
