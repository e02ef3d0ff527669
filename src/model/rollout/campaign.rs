//! What people do beside the settings: who owns what, when who is told, what is measured against which goal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::Percent;

/// Is everything about a rollout that no setting shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Campaign {
    /// Who answers for what.
    pub owners: BTreeMap<Role, Owner>,
    /// What is done before it begins, in the order of the manifest.
    pub checklist: Vec<Check>,
    /// What is to be reached.
    pub goals: Goals,
    /// What people are asked.
    pub surveys: Vec<Survey>,
    /// Where people learn.
    pub training: Option<Arc<str>>,
    /// Days on which something happens, in the order of the manifest.
    pub milestones: Vec<Milestone>,
}

/// Names a role of Microsoft's deployment guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Stands for it before the management.
    ExecutiveSponsor,
    /// Answers for security and privacy.
    SecurityLead,
    /// Changes the settings.
    Microsoft365Admin,
    /// Answers questions.
    HelpDeskLead,
    /// Teaches.
    TrainingLead,
}

impl Role {
    /// Lists them in the order of the guide.
    pub const ALL: [Self; 5] = [
        Self::ExecutiveSponsor,
        Self::SecurityLead,
        Self::Microsoft365Admin,
        Self::HelpDeskLead,
        Self::TrainingLead,
    ];

    /// Gives the word that the manifest uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::ExecutiveSponsor => "executive-sponsor",
            Self::SecurityLead => "security-lead",
            Self::Microsoft365Admin => "microsoft-365-admin",
            Self::HelpDeskLead => "help-desk-lead",
            Self::TrainingLead => "training-lead",
        }
    }
}

/// Is whoever has a role: a name or an address, as the manifest spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(pub Arc<str>);

/// Is something to be done before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: Arc<str>,
    /// Who sees to it.
    pub owner: Option<Role>,
    /// Whether it is done.
    pub done: bool,
    /// A link to what shows that.
    pub evidence: Option<Arc<str>>,
}

/// Is what is to be reached; a goal that nobody names is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goals {
    /// At least this share of those in reach is opted in.
    pub opted_in: Option<Percent>,
    /// At most this share opted out by themselves.
    pub opted_out_at_most: Option<Percent>,
}

/// Is a survey that somebody else runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// What people call it.
    pub name: Arc<str>,
    /// The wave that it is about; index into the waves.
    pub wave: u32,
    /// The day of the wave, 1 being the first and -1 the day before it; see [`super::date_of_day`].
    pub day: i32,
    /// Where it is.
    pub link: Option<Arc<str>>,
}

/// Is a day on which something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// Its name, by which messages are asked for.
    pub name: Arc<str>,
    /// The wave that it belongs to; index into the waves.
    pub wave: u32,
    /// The day of the wave on which it begins, 1 being the wave's first and -1 the day before it; see
    /// [`Milestone::dates`].
    pub day: i32,
    /// The last day, where it takes several.
    pub until_day: Option<i32>,
    /// Who sees to it.
    pub owner: Option<Role>,
    /// What happens.
    pub what: Option<Arc<str>>,
    /// What people are told.
    pub message: Option<Message>,
}

/// Is what people are told at a milestone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whom.
    pub to: Audience,
    /// The message in each language that there is; the first is for everybody whose own is missing.
    pub templates: Vec<Template>,
}

impl Message {
    /// Chooses the template for somebody who prefers a language, such as `pt-BR`.
    ///
    /// It is the one in that language, else in what stands before the last hyphen (`pt`), else the first.
    pub fn template(&self, language: Option<&str>) -> Option<&Template> {
        let mut wanted = language.map(str::to_ascii_lowercase).unwrap_or_default();
        while !wanted.is_empty() {
            if let Some(found) = self.templates.iter().find(|template| *template.language == *wanted) {
                return Some(found);
            }
            wanted.truncate(wanted.rfind('-').unwrap_or(0));
        }
        self.templates.first()
    }
}

/// Is one template of a message, in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The language, as a directory spells it (`en`, `de`, `pt-BR`), in lower case.
    pub language: Arc<str>,
    /// Where it stands, as the manifest's own path was given.
    pub file: PathBuf,
    /// Its subject, on one line, with its fields; see [`super::pieces`].
    pub subject: Arc<str>,
    /// Its text with its fields, lines ending with `\n`.
    pub body: Arc<str>,
}

/// Says whom a message is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Those whose setting the next plan changes.
    #[default]
    Changing,
    /// Those of the wave whose setting was changed, and who have not opted out by themselves since.
    Participants,
}
