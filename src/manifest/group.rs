//! Reads one group of the manifest: what it asks for, and of whom.

use std::sync::Arc;

use super::fields::{fields, text};
use super::members::Reader;
use super::people::{One, Rule};
use super::problem::{At, Reporter};
use super::syntax::{Located, Node};
use super::words;
use crate::model::{
    BySetting, Feature, Mark, OnLeave, OnUserChoice, ReOptIn, Selector, ServicePlan, Setting, Switch, Value,
};

/// Is one group as the manifest declares it.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) name: Arc<str>,
    pub(super) wants: BySetting<Option<Value>>,
    pub(super) on_user_choice: OnUserChoice,
    pub(super) on_leave: OnLeave,
    pub(super) members: Vec<Rule>,
    pub(super) except: Vec<Rule>,
    pub(super) re_opt_in: Option<ReOptIn>,
    /// Where its name stands.
    pub(super) at: At,
    /// Where what it asks for stands; the name's place for what it does not mention.
    pub(super) places: BySetting<At>,
}

impl Group {
    /// Gives its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Gives what it asks for; `None` is not managed.
    pub fn wants(&self) -> &BySetting<Option<Value>> {
        &self.wants
    }

    /// Says whether one of its members is everybody.
    pub fn holds_everyone(&self) -> bool {
        self.members.iter().flat_map(Rule::named).any(|named| named.selector == Selector::Everyone)
    }

    /// Says whose decision stands when a person chose otherwise.
    pub fn on_user_choice(&self) -> OnUserChoice {
        self.on_user_choice
    }

    /// Says what happens to those who leave.
    pub fn on_leave(&self) -> OnLeave {
        self.on_leave
    }

    /// Gives its decision to opt people in again who had opted out, if there is one.
    pub fn re_opt_in(&self) -> Option<&ReOptIn> {
        self.re_opt_in.as_ref()
    }

    /// Says whether it switches on a feature.
    pub(super) fn grants_features(&self) -> bool {
        Feature::ALL.iter().any(|feature| *self.wants.get(feature.setting()) == Some(Value::ON))
    }

    /// Says whether it names everyone and leaves nobody out.
    pub(super) fn takes_everyone(&self) -> bool {
        self.except.is_empty() && names_everyone(&self.members).is_some()
    }
}

const KEYS: [&str; 9] = [
    "name",
    "mode",
    "features",
    "service-plan",
    "on-user-choice",
    "on-leave",
    "re-opt-in",
    "members",
    "except",
];

/// Reads a group; `None` when it is so wrong that nothing can be said of it.
pub(super) fn read(
    item: &Located<Node>,
    reader: &mut Reader<'_>,
    report: &mut Reporter<'_>,
) -> Option<Group> {
    let fields = fields(item, "a group", &KEYS, report)?;
    let name = fields.get("name").and_then(|node| text(node, "`name`", report));
    if fields.get("name").is_none() {
        report
            .error(fields.at, "this group has no name")
            .hint("add `name:`; it appears in plans and results");
    }
    let at = fields.get("name").map_or(fields.at, |node| node.at);
    if name.is_some_and(|name| name.len() > 100 || name.contains(char::is_control)) {
        report.error(at, "a name is one line of at most 100 bytes");
    }

    let mut wants = BySetting::default();
    let mut places =
        BySetting { mode: at, dashboard: at, digest_email: at, outlook_add_in: at, service_plan: at };
    if let Some(node) = fields.get("mode") {
        wants.mode = words::mode(node, report).map(Value::Mode);
        places.mode = node.at;
    }
    if let Some(node) = fields.get("service-plan") {
        wants.service_plan = words::service_plan(node, report).map(Value::ServicePlan);
        places.service_plan = node.at;
    }
    if let Some(node) = fields.get("features") {
        features(node, &mut wants, &mut places, report);
    }
    let asks = ["mode", "features", "service-plan"].iter().any(|word| fields.get(word).is_some());
    if !asks {
        report.error(at, "this group asks for nothing").hint(
            "add `mode`, `features` or `service-plan`; people to be left alone go under `guards.protected`",
        );
    }

    if fields.get("members").is_none() {
        report
            .error(at, "this group has no members")
            .hint("add `members:` with a list, such as `- group: …`");
    }
    let members =
        fields.get("members").map(|node| reader.rules(node, "`members`", report)).unwrap_or_default();
    let except = fields.get("except").map(|node| reader.rules(node, "`except`", report)).unwrap_or_default();
    if let Some(everyone) = names_everyone(&except) {
        report.error(everyone.at, "nobody is left when everyone is excepted").hint("remove this member");
    }

    let re_opt_in = fields.get("re-opt-in").and_then(|node| {
        let rule = re_opt_in(node, name.unwrap_or_default(), report);
        if wants.mode != Some(Value::OPT_IN) && fields.get("mode").is_none_or(|_| wants.mode.is_some()) {
            report
                .error(fields.key("re-opt-in"), "`re-opt-in` goes with `mode: opt-in` only")
                .hint("add `mode: opt-in` to this group, or remove `re-opt-in`");
        }
        rule
    });

    let group = Group {
        name: name.unwrap_or_default().into(),
        wants,
        on_user_choice: fields
            .get("on-user-choice")
            .and_then(|node| words::on_user_choice(node, report))
            .unwrap_or_default(),
        on_leave: fields.get("on-leave").and_then(|node| words::on_leave(node, report)).unwrap_or_default(),
        members,
        except,
        re_opt_in,
        at,
        places,
    };
    advise(&group, report);
    Some(group)
}

fn features(
    node: &Located<Node>,
    wants: &mut BySetting<Option<Value>>,
    places: &mut BySetting<At>,
    report: &mut Reporter<'_>,
) {
    const WORDS: [&str; 3] = ["dashboard", "digest-email", "outlook-add-in"];
    if node.value == Node::Null {
        return;
    }
    let Some(fields) = fields(node, "`features`", &WORDS, report) else { return };
    if matches!(&node.value, Node::Map(entries) if entries.is_empty()) {
        report.error(node.at, "`features` is empty").hint("name a feature, or remove the key");
    }
    for feature in Feature::ALL {
        let setting = feature.setting();
        if let Some(node) = fields.get(setting.word()) {
            let what = format!("`{setting}`");
            *wants.get_mut(setting) = words::switch(node, &what, report).map(Value::Switch);
            *places.get_mut(setting) = node.at;
        }
    }
}

/// Reads the decision to opt people in again who had opted out.
///
/// Its mark is made of the group's name, the reason and the date: whoever changes one of them decides anew.
fn re_opt_in(node: &Located<Node>, group: &str, report: &mut Reporter<'_>) -> Option<ReOptIn> {
    let fields = match &node.value {
        Node::Null => return None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_) | Node::Seq(_) | Node::Map(_) => {
            fields(node, "`re-opt-in`", &["reason", "until"], report)?
        }
    };
    for (word, why) in [
        ("reason", "add `reason:`; whoever consents to the plan reads it"),
        ("until", "add `until:` with a day, such as 2026-04-01: this must not hold for ever"),
    ] {
        if fields.get(word).is_none() {
            report.error(fields.at, format!("`re-opt-in` has no `{word}`")).hint(why);
        }
    }
    let reason = fields.get("reason").and_then(|node| words::reason(node, report));
    let until = fields.get("until").and_then(|node| words::until(node, report));
    let (reason, until) = (reason?, until?);
    let mark = Mark::of(&format!("{group}\n{reason}\n{until}"));
    Some(ReOptIn { reason: reason.into(), until, mark })
}

/// Says what a group means, where that is not what it seems to mean.
fn advise(group: &Group, report: &mut Reporter<'_>) {
    let wants = &group.wants;
    if wants.mode == Some(Value::OPT_OUT) && group.grants_features() {
        report
            .warning(group.places.mode, "features have no effect while these people are opted out")
            .hint("remove `features`, or use `mode: opt-in`");
    }
    if wants.service_plan == Some(Value::REMOVED) && wants.mode != Some(Value::OPT_OUT) {
        report
            .note(group.places.service_plan, "without `mode: opt-out` these people's data still feed what others see")
            .hint("the service plan hides the features from them; add `mode: opt-out` to take their data out as well");
    }
    if *wants.get(Setting::DigestEmail) == Some(Value::Switch(Switch::On)) {
        digest(group.places.digest_email, report);
    }
    let welcomes = [
        (Setting::Mode, Value::OPT_IN, "opting people in"),
        (Setting::ServicePlan, Value::ServicePlan(ServicePlan::Assigned), "assigning the service plan"),
    ];
    for (setting, value, what) in welcomes {
        if *wants.get(setting) == Some(value) {
            report
                .note(
                    *group.places.get(setting),
                    format!("{what} can make Microsoft send its own welcome e-mail"),
                )
                .hint("tell these people beforehand");
        }
    }
}

/// Says that Microsoft sends no digest at present.
pub(super) fn digest(at: At, report: &mut Reporter<'_>) {
    report
        .note(at, "Microsoft paused the digest e-mail in March 2024")
        .hint("the setting is kept, and nothing is sent");
}

/// Finds the rule that names everyone.
pub(super) fn names_everyone(rules: &[Rule]) -> Option<&One> {
    rules.iter().find_map(|rule| match rule {
        Rule::One(one) if one.selector == Selector::Everyone => Some(one),
        Rule::One(_) | Rule::List(_) => None,
    })
}
