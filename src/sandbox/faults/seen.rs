//! Reads off a request what a rule may ask about: the service, the cmdlets, the people, and whether it writes.

use serde_json::Value;

use super::Call;
use super::rule::{Ending, Rule};
use crate::sandbox::http::Request;
use crate::sandbox::text::unescape;

/// Is what a call is about.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) service: String,
    pub(super) path: String,
    pub(super) cmdlets: Vec<String>,
    pub(super) people: Vec<String>,
    pub(super) write: bool,
}

impl Seen {
    /// Looks at a request; a batch is about everything that its items are about.
    pub(super) fn of(request: &Request) -> Self {
        let path = request.path.trim_start_matches('/');
        let (service, path) = path.split_once('/').unwrap_or((path, ""));
        let mut seen = Self {
            method: request.method.clone(),
            service: service.to_owned(),
            path: path.to_owned(),
            ..Self::default()
        };
        match service {
            "graph" => {
                seen.directory(&request.method, path.split_once('/').map_or("", |(_, below)| below));
                for item in items(request).as_array().into_iter().flatten() {
                    let word = |name: &str| item[name].as_str().unwrap_or_default();
                    seen.directory(word("method"), word("url").trim_start_matches('/'));
                }
            }
            "exchange" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                seen.cmdlet(&body);
                for item in body["requests"].as_array().into_iter().flatten() {
                    seen.cmdlet(&item["body"]);
                }
            }
            _ => {}
        }
        seen
    }

    fn cmdlet(&mut self, body: &Value) {
        let input = &body["CmdletInput"];
        let Some(name) = input["CmdletName"].as_str() else { return };
        self.write |= name.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("set-"));
        self.cmdlets.push(name.to_owned());
        self.people.extend(input["Parameters"]["Identity"].as_str().map(str::to_owned));
    }

    /// Looks at a path below Graph's version, such as `users/ada@contoso.com/assignLicense`.
    fn directory(&mut self, method: &str, path: &str) {
        let path = path.split('?').next().unwrap_or_default();
        self.write |= method == "POST" && path.ends_with("/assignLicense");
        let key = path.strip_prefix("users/").map(|rest| rest.split('/').next().unwrap_or_default());
        let quoted = path.strip_prefix("users('").and_then(|rest| rest.split("')").next());
        let key = key.or(quoted).filter(|key| !key.is_empty() && !key.starts_with('$') && *key != "delta");
        self.people.extend(key.and_then(unescape));
    }

    /// Says whether the call is about the tenant's defaults.
    pub(super) fn is_about_defaults(&self) -> bool {
        self.cmdlets.iter().any(|name| name.to_ascii_lowercase().contains("-defaulttenant"))
    }

    /// Notes the call down.
    pub(super) fn call(self, number: u64, request: &Request, rule: Option<&Rule>) -> Call {
        let Self { method, service, path, cmdlets, people, write } = self;
        let held = matches!(rule.map(|rule| &rule.what.ending), Some(Ending::Hold(_)));
        let fault = rule.map(|rule| rule.line);
        Call { call: number, method, service, path, cmdlets, people, write, item: request.item, fault, held }
    }
}

fn items(request: &Request) -> Value {
    if !request.path.ends_with("/$batch") {
        return Value::Null;
    }
    let mut body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    body["requests"].take()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn seen(path: &str, body: &Value) -> Seen {
        Seen::of(&Request {
            method: "POST".to_owned(),
            base: String::new(),
            path: path.to_owned(),
            query: String::new(),
            headers: BTreeMap::new(),
            body: body.to_string().into_bytes(),
            caller: None,
            item: false,
        })
    }

    #[test]
    fn a_batch_is_about_all_that_its_items_are_about() {
        let item = |name: &str, who: &str| json!({ "body": { "CmdletInput": { "CmdletName": name, "Parameters": { "Identity": who } } } });
        let body = json!({ "requests": [item("Get-X", "ada"), item("Set-X", "bea")] });
        let batch = seen("/exchange/adminapi/beta/t/$batch", &body);
        assert_eq!(
            (batch.cmdlets, batch.people),
            (vec!["Get-X".into(), "Set-X".into()], vec!["ada".into(), "bea".into()])
        );
        assert!(batch.write);
        let body = json!({ "requests": [{ "method": "GET", "url": "/users/ada%40x?$select=id" }] });
        let batch = seen("/graph/v1.0/$batch", &body);
        assert_eq!((batch.people, batch.write), (vec!["ada@x".to_owned()], false));
    }

    #[test]
    fn a_licence_assignment_is_a_write_to_a_person() {
        let assignment = seen("/graph/v1.0/users('ada')/assignLicense", &Value::Null);
        assert_eq!((assignment.people, assignment.write), (vec!["ada".to_owned()], true));
        let group = seen("/graph/v1.0/groups/1/assignLicense", &Value::Null);
        assert_eq!((group.people, group.write), (Vec::<String>::new(), true));
    }
}
