use uuid::Uuid;

use super::*;

fn id(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn profile(department: &str, title: &str, manager: Option<u128>) -> Profile {
    Profile {
        name: None,
        mail: None,
        department: (!department.is_empty()).then(|| department.into()),
        title: (!title.is_empty()).then(|| title.into()),
        language: None,
        manager: manager.map(id),
    }
}

/// Makes a tenant of 20 in Sales (led by 0), 70 in Works (led by 100), 10 in Labs and 2 in Legal.
fn tenant() -> BTreeMap<PersonId, Profile> {
    let mut everybody = BTreeMap::new();
    for (department, from, people) in
        [("Sales", 0, 20), ("Works", 100, 70), ("Labs", 200, 10), ("Legal", 300, 2)]
    {
        for number in from..from + people {
            everybody.insert(id(number), profile(department, "", (number > from).then_some(from)));
        }
    }
    everybody
}

fn told(people: impl IntoIterator<Item = u128>, everybody: &BTreeMap<PersonId, Profile>) -> Balance {
    balance(&Seen {
        tenant: (TenantId(Uuid::from_u128(1)), "Contoso".into()),
        wave: Some("pilot".into()),
        groups: vec![("pilot".into(), people.into_iter().map(id).collect())],
        everybody,
    })
}

#[test]
fn a_pilot_of_one_department_is_told_so() {
    let balance = told(0..15, &tenant());
    let expected = [
        Finding::TooMuch { name: "Sales".into(), people: 15, tenant_people: 20 },
        Finding::Missing { name: "Works".into(), tenant_people: 70 },
    ];
    assert_eq!(balance.findings, expected);
    assert_eq!((balance.managers, balance.managers_with_reports), (1, 1));
}

#[test]
fn a_mixed_pilot_with_a_manager_and_reports_has_no_finding() {
    let people = (0..4).chain(100..114).chain(200..202);
    assert_eq!(told(people, &tenant()).findings, []);
}

#[test]
fn managers_take_part_with_their_reports() {
    let mixed = |sales: u128, works: std::ops::Range<u128>| (sales..sales + 3).chain(works).chain(201..203);
    assert_eq!(told(mixed(1, 101..111), &tenant()).findings, [Finding::NoManagers]);
    let mut everybody = tenant();
    for number in 0..400 {
        if let Some(profile) = everybody.get_mut(&id(number)) {
            profile.manager = None;
        }
    }
    assert_eq!(told(mixed(1, 101..111), &everybody).findings, [Finding::ManagersUnknown]);
    everybody.insert(id(299), profile("Labs", "", Some(101)));
    assert_eq!(told(mixed(1, 101..111), &everybody).findings, [Finding::NoReports { managers: 1 }]);
}

#[test]
fn executives_are_advised_against() {
    let mut everybody = tenant();
    everybody.insert(id(0), profile("Sales", "Chief Revenue Officer", None));
    let people = (0..4).chain(100..114).chain(200..202);
    assert_eq!(told(people, &everybody).findings, [Finding::Executives { people: 1 }]);
}

#[test]
fn departments_of_few_are_told_together_and_strangers_count_nowhere() {
    let balance = told([300, 0, 9_999], &tenant());
    assert_eq!((balance.people, balance.tenant_people, balance.groups[0].people), (2, 102, 2));
    let last = balance.departments.last().expect("departments");
    assert_eq!(*last, Department { of: Part::Merged { parts: 1 }, people: 1, tenant_people: 2 });
}

#[test]
fn where_departments_are_unknown_nothing_is_said_about_them() {
    let mut everybody = tenant();
    for number in 0..20 {
        everybody.insert(id(number), profile("", "", Some(0)));
    }
    assert_eq!(told(0..15, &everybody).findings, [Finding::DepartmentsUnknown { people: 15 }]);
}
