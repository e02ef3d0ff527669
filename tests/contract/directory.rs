//! What insightctl relies on of Microsoft Graph: pages, links, batches, and names that break addresses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clause::{Clause, Finding};
use crate::stage::{Person, Stage, encoded, user_path};

/// Reads the tenant's own record.
pub(crate) async fn organization(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "organization",
        says: "The directory names one organisation, whose id is that of the tenant.",
        expects: "200, one object, its `id` the tenant's",
        settles: &[],
    };
    let seen = stage.wire.get("/organization", "/organization?$select=id,displayName").await;
    let ids: Vec<&str> = seen.objects().iter().filter_map(|one| one["id"].as_str()).collect();
    let same = matches!(ids[..], [id] if id.eq_ignore_ascii_case(&stage.wire.tenant.to_string()));
    clause.judged(same, format!("{}, {} objects", seen.told(), ids.len()))
}

/// Asks for a page of 999 people, and of 1,000.
pub(crate) async fn page_limit(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "page-limit",
        says: "A page holds at most 999 people; whoever asks for more is refused.",
        expects: "200 for 999, 400 for 1,000",
        settles: &[],
    };
    let [most, more] =
        [999, 1000].map(|top| (format!("/users?$top={top}"), format!("/users?$select=id&$top={top}")));
    let most = stage.wire.get(&most.0, &most.1).await;
    let more = stage.wire.get(&more.0, &more.1).await;
    let seen = format!(
        "999: {} with {} people; 1,000: {} with {}",
        most.told(),
        most.objects().len(),
        more.told(),
        more.objects().len()
    );
    clause.judged(most.is_done() && most.objects().len() <= 999 && more.is_bad_request(), seen)
}

/// Follows the links of a listing in small pages.
pub(crate) async fn next_link(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "next-link",
        says: "Pages follow each other by an opaque link; a page may be empty and still have one; nobody comes twice.",
        expects: "200 for every link as it was given, no id twice",
        settles: &[],
    };
    let mut seen = stage.wire.get("/users?$top=2", "/users?$select=id&$top=2").await;
    let (mut pages, mut empty, mut people, mut twice) = (1, 0, BTreeSet::new(), 0);
    while seen.is_done() && seen.body["value"].is_array() {
        let ids = seen.objects().iter().filter_map(|one| one["id"].as_str());
        twice += ids.map(|id| people.insert(id.to_owned())).filter(|new| !new).count();
        empty += u32::from(seen.objects().is_empty());
        let link = seen.body["@odata.nextLink"].as_str().map(str::to_owned);
        let Some(link) = link.filter(|_| pages < 8) else {
            if pages == 1 {
                return clause.untried("everyone fits on one page of two");
            }
            let seen = format!("{pages} pages, {empty} of them empty, {twice} people twice");
            return clause.judged(twice == 0, seen);
        };
        seen = stage.wire.follow("the next link", &link).await;
        pages += 1;
    }
    clause.differs(format!("page {pages}: {}", seen.told()))
}

/// Counts people by a filter that only an advanced query can bear.
pub(crate) async fn advanced_query(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "advanced-query",
        says: "People can be counted by a filter with `ne`, if the request says `ConsistencyLevel: eventual`.",
        expects: "200 and a number with the header, 400 without",
        settles: &[],
    };
    let filter = encoded("accountEnabled eq true and userType ne 'Guest'");
    let path = format!("/users/$count?$filter={filter}");
    let with = stage.wire.get_eventually("/users/$count (eventual)", &path).await;
    let without = stage.wire.get("/users/$count", &path).await;
    let number = with.body.is_u64();
    let kind = if number { "a number" } else { "no number" };
    let seen = format!("with: {}, {kind}; without: {}", with.told(), without.told());
    clause.judged(with.is_done() && number && without.is_bad_request(), seen)
}

/// Lists the members of a group, nested ones too.
pub(crate) async fn members(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "members",
        says: "The user members of a group, nested ones too, are listed by a cast that needs `ConsistencyLevel: eventual`.",
        expects: "200 and a list with the header, 400 without",
        settles: &[],
    };
    let group = if let Some(group) = &stage.consent.group {
        group.clone()
    } else {
        let groups = stage.wire.get("/groups?$top=1", "/groups?$select=id&$top=1").await;
        match groups.objects().iter().find_map(|group| group["id"].as_str()) {
            Some(id) => id.to_owned(),
            None => return clause.untried(format!("there is no group to read: {}", groups.told())),
        }
    };
    let cast = format!("/groups/{}/transitiveMembers/microsoft.graph.user", encoded(&group));
    let path = format!("{cast}?$count=true&$select=id&$top=999");
    let with = stage.wire.get_eventually("/groups/{id}/transitiveMembers (eventual)", &path).await;
    let without = stage.wire.get("/groups/{id}/transitiveMembers", &path).await;
    let seen = format!("with: {}; without: {}", with.told(), without.told());
    clause.judged(with.is_done() && with.body["value"].is_array() && without.is_bad_request(), seen)
}

/// Sends batches of twenty and of twenty-one.
pub(crate) async fn batch(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "batch",
        says: "A batch takes twenty requests, and each has a status of its own.",
        expects: "200 for 20, with 200 (or 429) for those who exist and 404 for who does not; 400 for 21",
        settles: &[],
    };
    let Some(person) = stage.people.first() else { return clause.untried("nobody could be listed") };
    let item = |n: usize, id: &str| json!({ "id": n.to_string(), "method": "GET", "url": format!("/users/{id}?$select=id") });
    let mut items: Vec<Value> = (1..20).map(|n| item(n, &person.id)).collect();
    items.insert(0, item(0, &Uuid::new_v4().to_string()));
    let twenty = stage.wire.post("/$batch of 20", "/$batch", &json!({ "requests": items })).await;
    items.push(item(20, &person.id));
    let more = stage.wire.post("/$batch of 21", "/$batch", &json!({ "requests": items })).await;
    let answers = twenty.body["responses"].as_array().map_or(&[][..], Vec::as_slice);
    let mut statuses: BTreeMap<u64, u32> = BTreeMap::new();
    let mut odd = 0;
    for answer in answers {
        let status = answer["status"].as_u64().unwrap_or_default();
        *statuses.entry(status).or_default() += 1;
        let nobody = answer["id"].as_str() == Some("0");
        odd += u32::from(!(status == 429 || status == if nobody { 404 } else { 200 }));
    }
    let told: Vec<String> = statuses.iter().map(|(status, times)| format!("{times} × {status}")).collect();
    let seen = format!("20: {} ({}); 21: {}", twenty.told(), told.join(", "), more.told());
    clause.judged(answers.len() == 20 && odd == 0 && more.is_bad_request(), seen)
}

/// Looks up a guest, whose name holds `#EXT#`.
pub(crate) async fn guest(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "name-of-a-guest",
        says: "A guest's name, which holds `#EXT#`, can stand in an address when it is encoded.",
        expects: "200 and the same person; for an invented name 404",
        settles: &[],
    };
    let found = stage.people.iter().find(|person| person.upn.contains("#EXT#"));
    looked_up(stage, clause, found, "insightctl_contract.example#EXT#").await
}

/// Looks up a name with an apostrophe.
pub(crate) async fn apostrophe(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "name-with-an-apostrophe",
        says: "A name with an apostrophe can stand in an address when it is encoded.",
        expects: "200 and the same person; for an invented name 404",
        settles: &[],
    };
    let found = stage.people.iter().find(|person| person.upn.contains('\''));
    looked_up(stage, clause, found, "insightctl'contract").await
}

/// Looks up a name that begins with a dollar sign.
pub(crate) async fn dollar(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "name-with-a-dollar",
        says: "A name that begins with a dollar sign is found when it stands in parentheses.",
        expects: "200 and the same person; for an invented name 404",
        settles: &[],
    };
    let found = stage.people.iter().find(|person| person.upn.starts_with('$'));
    looked_up(stage, clause, found, "$insightctl-contract").await
}

/// Looks somebody up by mail address.
pub(crate) async fn mail(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "mail-in-a-filter",
        says: "People are found by mail address; in a filter, apostrophes are doubled.",
        expects: "200 and the person among the hits",
        settles: &[],
    };
    let with_mail = |person: &&Person| person.mail.is_some();
    let apostrophe = |person: &&Person| person.mail.as_ref().is_some_and(|mail| mail.contains('\''));
    let person = stage.people.iter().find(apostrophe).or_else(|| stage.people.iter().find(with_mail));
    let Some((person, mail)) = person.and_then(|person| Some((person, person.mail.as_ref()?))) else {
        return clause.untried("nobody with a mail address could be listed");
    };
    let filter = encoded(&format!("mail eq '{}'", mail.replace('\'', "''")));
    let path = format!("/users?$filter={filter}&$select=id&$top=999");
    let seen = stage.wire.get("/users?$filter=mail eq …", &path).await;
    let hit = seen.objects().iter().any(|one| one["id"].as_str() == Some(&person.id));
    let kind = if mail.contains('\'') { "an address with an apostrophe" } else { "an address without one" };
    clause.judged(seen.is_done() && hit, format!("{kind}: {}, {} hits", seen.told(), seen.objects().len()))
}

async fn looked_up(stage: &Stage, clause: Clause, found: Option<&Person>, invented: &str) -> Finding {
    let domain = stage.people.iter().find_map(|person| person.upn.rsplit_once('@'));
    let (name, id) = match (found, domain) {
        (Some(person), _) => (person.upn.clone(), Some(person.id.as_str())),
        (None, Some((_, domain))) => (format!("{invented}@{domain}"), None),
        (None, None) => return clause.untried("nobody could be listed"),
    };
    let path = format!("{}?$select=id", user_path(&name));
    let seen = stage.wire.get("/users/{name}", &path).await;
    match id {
        Some(id) => {
            let same = seen.body["id"].as_str() == Some(id);
            clause.judged(seen.is_done() && same, format!("somebody of that kind: {}", seen.told()))
        }
        None => clause.judged(seen.status == 404, format!("an invented name: {}", seen.told())),
    }
}
