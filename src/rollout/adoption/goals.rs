//! Says whether a goal is reached, by nothing but what is told.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Row;
use crate::model::Percent;
use crate::model::rollout::{Goals, Standing};

/// Is one thing that is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Goal {
    /// What.
    pub goal: GoalOf,
    /// Which share of those in reach: at least so many opted in, at most so many opted out.
    #[serde(serialize_with = "as_written")]
    #[schemars(with = "String")]
    pub share: Percent,
}

/// Says what is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GoalOf {
    /// At least a share is opted in.
    OptedIn,
    /// At most a share opted out by themselves.
    OptedOutAtMost,
}

/// Is what was reached of one goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reached {
    /// Which.
    pub goal: GoalOf,
    /// Whether it is reached.
    pub verdict: Verdict,
}

/// Says whether a goal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is.
    Met,
    /// It is not.
    NotMet,
    /// Too few people are in reach, or it hangs on what is not told.
    TooFewToSay,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn as_written<S: Serializer>(share: &Percent, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(share)
}

impl Goal {
    /// Lists the goals that are named.
    pub(super) fn all(goals: Goals) -> Vec<Self> {
        let Goals { opted_in, opted_out_at_most } = goals;
        let opted_in = opted_in.map(|share| Self { goal: GoalOf::OptedIn, share });
        let opted_out = opted_out_at_most.map(|share| Self { goal: GoalOf::OptedOutAtMost, share });
        opted_in.into_iter().chain(opted_out).collect()
    }

    /// Says whether a row reaches it.
    ///
    /// Where cells are not told apart, it is reached if it is however they are filled. It takes the same comparison to
    /// be true of both ends of a line for it to be true of the line, so that those fillings suffice that put everybody
    /// into one of the cells. What follows from the row alone tells nothing that the row does not.
    pub(super) fn reached_by(self, row: &Row) -> Reached {
        let hidden: Vec<_> = row.hidden().collect();
        let filled = |into: Option<Standing>| {
            let count = |standing| {
                let put = if into == Some(standing) { row.not_told_apart } else { 0 };
                row.told(standing).unwrap_or(put)
            };
            let in_reach =
                row.people - Standing::BEYOND_REACH.iter().map(|standing| count(*standing)).sum::<u64>();
            if in_reach == 0 {
                return None;
            }
            Some(match self.goal {
                GoalOf::OptedIn => self.share.is_reached_by(count(Standing::OptedIn), in_reach),
                GoalOf::OptedOutAtMost => {
                    !self.share.is_exceeded_by(count(Standing::OptedOutThemselves), in_reach)
                }
            })
        };
        let mut ways = if hidden.is_empty() {
            vec![filled(None)]
        } else {
            hidden.into_iter().map(|standing| filled(Some(standing))).collect()
        };
        ways.dedup();
        let verdict = match ways.as_slice() {
            [Some(true)] => Verdict::Met,
            [Some(false)] => Verdict::NotMet,
            [] | [_] | [_, ..] => Verdict::TooFewToSay,
        };
        Reached { goal: self.goal, verdict }
    }
}
