//! Makes a tree of everybody's managers.

use super::person::{DEPARTMENTS, Place};

/// So many people report to one manager, below the head of a department.
const SPAN: usize = 8;

/// Is who reports to whom, by number.
pub(super) struct Staff {
    /// Who leads the company.
    pub(super) chief: Option<usize>,
    /// By number; guests, shared mailboxes and the chief have nobody.
    managers: Vec<Option<u32>>,
}

impl Staff {
    /// Makes the tree: the first executive leads the company and the others; the first of a department leads it and
    /// reports to an executive; below, everyone has [`SPAN`] people.
    pub(super) fn of(places: &[Place]) -> Self {
        let employees =
            || places.iter().enumerate().filter_map(|(at, place)| Some((at, place, place.department?)));
        let mut executives: Vec<usize> =
            employees().filter(|(_, place, _)| place.executive).map(|(at, _, _)| at).collect();
        let chief = executives.first().copied().or_else(|| employees().next().map(|(at, _, _)| at));
        executives.retain(|at| Some(*at) != chief);
        let mut managers = vec![None; places.len()];
        let mut departments: Vec<Vec<usize>> = vec![Vec::new(); DEPARTMENTS.len()];
        for (at, place, department) in employees().filter(|(at, _, _)| Some(*at) != chief) {
            let colleagues = &mut departments[usize::from(department)];
            let above = match colleagues.len() {
                _ if place.executive => chief,
                0 if executives.is_empty() => chief,
                0 => Some(executives[usize::from(department) % executives.len()]),
                before => Some(colleagues[(before - 1) / SPAN]),
            };
            managers[at] = above.and_then(|above| u32::try_from(above).ok());
            if !place.executive {
                colleagues.push(at);
            }
        }
        Self { chief, managers }
    }

    /// Gives the number of somebody's manager.
    pub(super) fn manager(&self, number: u64) -> Option<u64> {
        self.managers[usize::try_from(number).ok()?].map(u64::from)
    }
}
