//! Sorts people by what they have, and says which outcome of a rule leaves each sort as it is.

use std::collections::BTreeMap;

use crate::model::{
    ActualPerson, BySetting, Catalogue, Feature, Kind, Known, Mode, ServicePlan, Settings, Switch,
    TenantSetting, Value,
};

/// Is what a rule says of those whom it holds; `None` is not managed.
pub(super) type Outcome = BySetting<Option<Value>>;

/// Says of one feature what a rule may say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// Anything: it has no effect, or its default is not known.
    Any,
    /// Whatever leaves it as it is.
    Is(Switch),
    /// Anything but `off`: without a licence it can be taken, and not be given.
    NotOff,
}

/// Says of the service plan what a rule may say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Plan {
    /// Anything: no licence carries it.
    Any,
    /// It is removed.
    Removed,
    /// It is there, or part of it.
    There,
}

/// Is a sort of people: all who have the same, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Have {
    mode: Mode,
    features: [Need; 3],
    plan: Plan,
}

/// Is what the tenant gives whoever has not chosen; a default that could not be read is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Defaults([Option<Switch>; 3]);

/// Says why a person stands in no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// A guest, a disabled account, or nobody with a mailbox: nothing of them is ever changed.
    Untouchable,
    /// What they have could not be read.
    NotRead,
}

impl Defaults {
    pub(super) fn of(settings: &BTreeMap<TenantSetting, Known<Value>>) -> Self {
        Self(Feature::ALL.map(
            |feature| match settings.get(&feature.tenant_setting()).and_then(Known::known) {
                Some(Value::Switch(switch)) => Some(*switch),
                Some(Value::Mode(_) | Value::ServicePlan(_) | Value::Rate(_)) | None => None,
            },
        ))
    }

    /// Gives the one value that all three have, if they do.
    pub(super) fn all(self) -> Option<Switch> {
        let [dashboard, digest, add_in] = self.0;
        dashboard.filter(|_| dashboard == digest && dashboard == add_in)
    }
}

impl Have {
    /// Sorts a person.
    pub(super) fn of(
        person: &ActualPerson,
        catalogue: &Catalogue,
        defaults: Defaults,
    ) -> Result<Self, LeftOut> {
        let ActualPerson { upn: _, kind, enabled, mailbox, licences, settings } = person;
        match kind {
            Kind::Member if *enabled && *mailbox => {}
            Kind::Member | Kind::Guest => return Err(LeftOut::Untouchable),
        }
        let Known::Is(settings) = settings else { return Err(LeftOut::NotRead) };
        let Settings { mode, dashboard, digest_email, outlook_add_in } = *settings;
        let plan = licences.service_plan(catalogue);
        let need = |default: Option<Switch>, have: Switch| match (default, mode, plan, have) {
            // Who is opted out has no features, whatever they are set to.
            (None, _, _, _) | (_, Mode::OptOut, _, _) | (_, _, None, Switch::Off) => Need::Any,
            (Some(_), Mode::OptIn, None, Switch::On) => Need::NotOff,
            (Some(_), Mode::OptIn, Some(_), have) => Need::Is(have),
        };
        let [first, second, third] = defaults.0;
        Ok(Self {
            mode,
            features: [need(first, dashboard), need(second, digest_email), need(third, outlook_add_in)],
            plan: match plan {
                None => Plan::Any,
                Some(ServicePlan::Removed) => Plan::Removed,
                Some(ServicePlan::Assigned | ServicePlan::Partial) => Plan::There,
            },
        })
    }

    /// Gives the least that has to be said of these people; nothing where they have what the tenant gives.
    pub(super) fn least(self, defaults: Defaults) -> Outcome {
        let Self { mode, features, plan } = self;
        let mut least = Outcome::default();
        match mode {
            Mode::OptIn => {}
            Mode::OptOut => least.mode = Some(Value::OPT_OUT),
        }
        for ((feature, need), default) in Feature::ALL.into_iter().zip(features).zip(defaults.0) {
            match need {
                Need::Is(have) if Some(have) != default => {
                    *least.get_mut(feature.setting()) = Some(Value::Switch(have));
                }
                Need::Is(_) | Need::Any | Need::NotOff => {}
            }
        }
        match plan {
            Plan::Removed => least.service_plan = Some(Value::REMOVED),
            Plan::Any | Plan::There => {}
        }
        least
    }

    /// Says whether a rule with this outcome says of these people what they have, and would change nothing.
    pub(super) fn accepts(self, outcome: &Outcome, defaults: Defaults) -> bool {
        let Self { mode, features, plan } = self;
        let same_mode = outcome.mode.unwrap_or(Value::OPT_IN) == Value::Mode(mode);
        let same_plan = match plan {
            Plan::Any => true,
            Plan::Removed => outcome.service_plan == Some(Value::REMOVED),
            Plan::There => outcome.service_plan.is_none(),
        };
        let mut each = Feature::ALL.into_iter().zip(features).zip(defaults.0);
        same_mode
            && same_plan
            && each.all(|((feature, need), default)| {
                let said = *outcome.get(feature.setting());
                match need {
                    Need::Any => true,
                    Need::Is(have) => said.or(default.map(Value::Switch)) == Some(Value::Switch(have)),
                    Need::NotOff => said != Some(Value::OFF),
                }
            })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::model::licence::PERSONAL_INSIGHTS;
    use crate::model::{Licences, Refusal, Sku, SkuId, Source};

    const SKU: SkuId = SkuId(Uuid::from_u128(5));

    pub(crate) fn catalogue() -> Catalogue {
        let insights = vec![PERSONAL_INSIGHTS[0], PERSONAL_INSIGHTS[1]];
        let sku = Sku { name: "SPE_E5".into(), mailbox: Vec::new(), plans: insights.clone(), insights };
        Catalogue { skus: BTreeMap::from([(SKU, sku)]), groups: BTreeMap::new() }
    }

    pub(crate) fn person(
        upn: &str,
        mode: Mode,
        features: [Switch; 3],
        plan: Option<ServicePlan>,
    ) -> ActualPerson {
        let off = match plan {
            Some(ServicePlan::Removed) => PERSONAL_INSIGHTS[..2].to_vec(),
            Some(ServicePlan::Partial) => PERSONAL_INSIGHTS[..1].to_vec(),
            Some(ServicePlan::Assigned) | None => Vec::new(),
        };
        let source = plan.map(|_| Source { sku: SKU, by_group: None, disabled: off, active: true });
        let [dashboard, digest_email, outlook_add_in] = features;
        ActualPerson {
            upn: upn.into(),
            kind: Kind::Member,
            enabled: true,
            mailbox: true,
            licences: Arc::new(Licences(source.into_iter().collect())),
            settings: Known::Is(Settings { mode, dashboard, digest_email, outlook_add_in }),
        }
    }

    pub(crate) const ON: Defaults = Defaults([Some(Switch::On); 3]);

    fn sort(mode: Mode, features: [Switch; 3], plan: Option<ServicePlan>) -> Have {
        Have::of(&person("a@b", mode, features, plan), &catalogue(), ON).unwrap()
    }

    #[test]
    fn the_least_that_is_said_of_people_is_what_they_have() {
        for mode in [Mode::OptIn, Mode::OptOut] {
            for plan in
                [None, Some(ServicePlan::Assigned), Some(ServicePlan::Partial), Some(ServicePlan::Removed)]
            {
                for bits in 0..8_u8 {
                    let features = [0, 1, 2].map(|bit| Switch::from(bits >> bit & 1 == 1));
                    let have = sort(mode, features, plan);
                    assert!(have.accepts(&have.least(ON), ON), "{have:?}");
                }
            }
        }
    }

    #[test]
    fn features_of_who_is_opted_out_do_not_matter() {
        let off = sort(Mode::OptOut, [Switch::Off; 3], Some(ServicePlan::Assigned));
        let on = sort(Mode::OptOut, [Switch::On; 3], Some(ServicePlan::Assigned));
        assert_eq!(off, on);
        assert_eq!(off.least(ON), Outcome { mode: Some(Value::OPT_OUT), ..Outcome::default() });
    }

    #[test]
    fn nothing_is_taken_from_who_has_no_licence_and_nothing_has_to_be_given() {
        let off = Outcome { dashboard: Some(Value::OFF), ..Outcome::default() };
        let on = Outcome { dashboard: Some(Value::ON), ..Outcome::default() };
        let has = sort(Mode::OptIn, [Switch::On; 3], None);
        assert!(!has.accepts(&off, ON) && has.accepts(&on, ON) && has.accepts(&Outcome::default(), ON));
        let lacks = sort(Mode::OptIn, [Switch::Off; 3], None);
        assert!(lacks.accepts(&off, ON) && lacks.accepts(&on, ON));
        assert_eq!(lacks.least(ON), Outcome::default());
    }

    #[test]
    fn part_of_a_service_plan_is_never_called_removed() {
        let part = sort(Mode::OptIn, [Switch::On; 3], Some(ServicePlan::Partial));
        assert!(!part.accepts(&Outcome { service_plan: Some(Value::REMOVED), ..Outcome::default() }, ON));
        assert!(part.accepts(&Outcome::default(), ON));
    }

    #[test]
    fn who_could_not_be_read_is_told_from_who_is_never_changed() {
        let mut ada = person("a@b", Mode::OptOut, [Switch::On; 3], None);
        ada.settings = Known::Unknown(Arc::new(Refusal::not_asked()));
        assert_eq!(Have::of(&ada, &catalogue(), ON), Err(LeftOut::NotRead));
        ada.enabled = false;
        assert_eq!(Have::of(&ada, &catalogue(), ON), Err(LeftOut::Untouchable));
    }
}
