//! Writes a plan as Markdown for a pull-request comment: the last line first, then what a reviewer must see, then folded tables.

use std::collections::BTreeMap;

use super::{Block, Steps, last_line, mark};
use super::text::{deviations, is_unknown, refusals};
use crate::plan::guard::Objection;
use crate::plan::{LeftAlone, OutsideChange, Plan, Reason, Target};
use crate::render::inert::{code, html};
use crate::render::markdown::{Comment, row};
use crate::render::number::{count, counted, moment, people};
use crate::render::words;

pub use crate::render::markdown::LIMIT;
