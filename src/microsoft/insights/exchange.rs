//! Carries the insights cmdlets in the Exchange REST envelope, `InvokeCommand` and its `$batch` of ten.
//!
//! The envelope is the one in which the Exchange module's other cmdlets travel. That the insights cmdlets may travel in
//! it too is **our own convention**: Microsoft publishes no wire format for them, and this carrier is verified against
//! the sandbox only.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value as Json, json};

use super::wire::{self, Cmdlet};
use super::{Identity, Insights, all_unknown};
use crate::microsoft::error::{Peer, Trouble};
use crate::microsoft::message::{Answer, Effect, Failure, Request};
use crate::microsoft::service::Service;
use crate::microsoft::writer::{PersonWrite, Sent, WriteError};
use crate::microsoft::{batch, known};
use crate::model::{Known, Refusal, Settings, TenantId, TenantSetting, Value};
use crate::plan::budget::SETTINGS_AT_ONCE;

/// Is the well-known system mailbox that stands for an application.
const SYSTEM_MAILBOX: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";

/// Is the settings service behind the Exchange proxy.
#[derive(Debug)]
pub(crate) struct Exchange {
    service: Service,
    envelope: Envelope,
    /// How many people go into one batch.
    carries: usize,
}

/// Writes requests for one tenant.
#[derive(Debug)]
struct Envelope {
    /// `…/adminapi/beta/{tenant}`.
    base: String,
    tenant: TenantId,
}

impl Envelope {
    /// Writes one cmdlet.
    fn invoke(&self, effect: Effect, Cmdlet { name, parameters }: Cmdlet) -> Request {
        let body = json!({ "CmdletInput": { "CmdletName": name, "Parameters": parameters } });
        Request::post(name, effect, format!("{}/InvokeCommand", self.base), body)
            .with("X-CmdletName", name)
            .with("X-AnchorMailbox", self.anchor())
            .with("X-ResponseFormat", "json")
            .with("Prefer", "odata.maxpagesize=1000")
    }

    /// Writes a batch that is still empty.
    fn batch(&self) -> Request {
        Request::post("a batch", Effect::Read, format!("{}/$batch", self.base), Json::Null)
            .with("X-AnchorMailbox", self.anchor())
            .with("Prefer", "odata.maxpagesize=1000;odata.continue-on-error")
    }

    /// Names the mailbox by which the request finds its way to the tenant.
    fn anchor(&self) -> String {
        format!("APP:{SYSTEM_MAILBOX}@{}", self.tenant)
    }
}

impl Exchange {
    /// Takes the address without path and slash, such as `https://outlook.office365.com`.
    pub(crate) fn new(service: Service, base: &str, tenant: TenantId, carries: usize) -> Self {
        let envelope = Envelope { base: format!("{base}/adminapi/beta/{tenant}"), tenant };
        Self { service, envelope, carries: carries.min(SETTINGS_AT_ONCE) }
    }

    /// Sends cmdlets in one batch; those that must not be sent have their refusal already.
    async fn batch(
        &self,
        effect: Effect,
        cmdlets: Vec<Result<Cmdlet, Refusal>>,
    ) -> Vec<Result<Answer, Failure>> {
        let mut results = Vec::with_capacity(cmdlets.len());
        let mut requests = Vec::with_capacity(cmdlets.len());
        for cmdlet in cmdlets {
            results.push(match cmdlet {
                Ok(cmdlet) => {
                    requests.push(self.envelope.invoke(effect, cmdlet));
                    None
                }
                Err(refusal) => Some(Err(Failure { refusal, maybe_done: false, attempts: 0 })),
            });
        }
        let mut answers = batch::send(&self.service, &self.envelope.batch(), &requests).await.into_iter();
        results
            .into_iter()
            .map(|refused| refused.unwrap_or_else(|| answers.next().expect("one answer for each request")))
            .collect()
    }

    async fn read_people(&self, who: Vec<Identity>) -> Vec<Known<Settings>> {
        let cmdlets = who.iter().map(|who| wire::get_person(&who.upn)).collect();
        let answers = self.batch(Effect::Read, cmdlets).await;
        who.iter()
            .zip(answers)
            .map(|(who, answer)| {
                known(answer.map_err(Refusal::from).and_then(|answer| {
                    let id = answer.request_id.clone();
                    let body: Json = answer.parse(Peer::Settings)?;
                    wire::person(&body, who).map_err(|how| Trouble::garbled(Peer::Settings, id, how).refusal)
                }))
            })
            .collect()
    }

    async fn read_tenant(&self) -> Result<BTreeMap<TenantSetting, Known<Value>>, Refusal> {
        let answer = self.service.send(&self.envelope.invoke(Effect::Read, wire::get_tenant())).await?;
        let id = answer.request_id.clone();
        let body: Json = answer.parse(Peer::Settings)?;
        wire::tenant(&body, self.envelope.tenant, id.as_deref())
            .map_err(|how| Trouble::garbled(Peer::Settings, id, how).refusal)
    }
}

impl Insights for Exchange {
    fn at_once(&self) -> usize {
        self.carries
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Refusal>> {
        ready(Ok(())).boxed()
    }

    fn people(&self, who: Vec<Identity>) -> BoxFuture<'_, Vec<Known<Settings>>> {
        self.read_people(who).boxed()
    }

    fn tenant(&self) -> BoxFuture<'_, BTreeMap<TenantSetting, Known<Value>>> {
        async { self.read_tenant().await.unwrap_or_else(all_unknown) }.boxed()
    }

    fn set_people(&self, writes: Vec<PersonWrite>) -> BoxFuture<'_, Vec<Sent>> {
        async move {
            let cmdlets =
                writes.iter().map(|PersonWrite { id: _, upn, set }| wire::set_person(upn, *set)).collect();
            self.batch(Effect::Write, cmdlets).await.into_iter().map(written).collect()
        }
        .boxed()
    }

    fn set_tenant(&self, setting: TenantSetting, value: Value) -> BoxFuture<'_, Sent> {
        async move {
            match wire::set_tenant(setting, value) {
                Ok(cmdlet) => written(self.service.send(&self.envelope.invoke(Effect::Write, cmdlet)).await),
                Err(refusal) => {
                    Sent { attempts: 0, request_id: None, result: Err(WriteError::Refused(refusal)) }
                }
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}

/// Judges the answer to a write: nothing or JSON is well; anything else leaves open whether it was done.
fn written(answer: Result<Answer, Failure>) -> Sent {
    match answer {
        Ok(answer) if answer.is_empty() => {
            Sent { attempts: answer.attempts, request_id: answer.request_id, result: Ok(()) }
        }
        Ok(answer) => {
            let (attempts, request_id) = (answer.attempts, answer.request_id.clone());
            let result = match answer.parse::<Json>(Peer::Settings) {
                Ok(Json::String(text)) => Err(WriteError::Unanswered(
                    Trouble::garbled(Peer::Settings, request_id.clone(), text).refusal,
                )),
                Ok(_) => Ok(()),
                Err(refusal) => Err(WriteError::Unanswered(refusal)),
            };
            Sent { attempts, request_id, result }
        }
        Err(failure) => failure.into(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;
    use crate::microsoft::message::{Body, Load};

    #[test]
    fn a_cmdlet_travels_in_the_exchange_envelope() {
        let tenant = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
        let envelope = Envelope { base: "https://outlook.office365.com/adminapi/beta/TENANT".into(), tenant };
        let cmdlet = wire::get_person("ada@contoso.com").unwrap();
        insta::assert_snapshot!(envelope.invoke(Effect::Read, cmdlet), @r#"
        POST https://outlook.office365.com/adminapi/beta/TENANT/InvokeCommand
        X-CmdletName: Get-MyAnalyticsFeatureConfig
        X-AnchorMailbox: APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@3f2504e0-4f89-41d3-9a0c-0305e82c3301
        X-ResponseFormat: json
        Prefer: odata.maxpagesize=1000

        {
          "CmdletInput": {
            "CmdletName": "Get-MyAnalyticsFeatureConfig",
            "Parameters": {
              "Identity": "ada@contoso.com"
            }
          }
        }
        "#);
    }

    #[test]
    fn an_answer_to_a_write_that_means_nothing_leaves_it_open() {
        let written = |body: &str| {
            let body = Body::Bytes(body.as_bytes().to_vec());
            written(Ok(Answer {
                status: 200,
                retry_after: None,
                request_id: None,
                claims: None,
                load: Load::default(),
                body,
                attempts: 1,
            }))
            .result
        };
        for taken in ["", " \r\n", "{}", r#"{"value":[]}"#] {
            assert_eq!(written(taken), Ok(()), "{taken}");
        }
        for odd in ["<html>", r#"{"value":"#, r#""<html>""#] {
            assert!(matches!(written(odd), Err(WriteError::Unanswered(_))), "{odd}");
        }
    }
}
