//! Carries the insights cmdlets as Microsoft supports it: PowerShell runs them.
//!
//! PowerShell processes are kept for as long as there is work. Each loads the official `ExchangeOnlineManagement` module,
//! is connected with the token that insightctl obtained, and runs a script of ours ([`pool::SCRIPT`]), with which it
//! speaks in lines. What PowerShell and the module really do is Microsoft's; here, without them, a stand-in speaks the
//! same lines (`insightctl sandbox pwsh`), and the script is held against PowerShell's grammar.

mod hush;
mod lines;
mod pool;
mod refused;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::json;

use self::pool::{Done, Pool};
pub use self::worker::ShellVersions;
use super::wire::{self, Cmdlet};
use super::{Identity, Insights, all_unknown};
use crate::clock::Clock;
use crate::microsoft::auth::Tokens;
use crate::microsoft::error::{Peer, Trouble};
use crate::microsoft::message::{Effect, Failure};
use crate::microsoft::pace::Pace;
use crate::microsoft::writer::{PersonWrite, Sent};
use crate::microsoft::{Shell, known};
use crate::model::{Known, Refusal, Settings, TenantId, TenantSetting, Value};

/// Is how many people are handed over together: some for each worker, and as many as apply takes in hand at once.
const TOGETHER: usize = 10;

/// Starts PowerShell to see whether it could carry the settings, and lets it end; nothing is asked of any service.
pub async fn look_for_powershell(shell: &Shell) -> Result<ShellVersions, Refusal> {
    pool::look(shell).await
}

/// Is the settings service behind PowerShell.
#[derive(Debug)]
pub(crate) struct PowerShell {
    pool: Pool,
    tenant: TenantId,
}

impl PowerShell {
    /// Prepares the pool; PowerShell is started by [`PowerShell::ready`], or by the first cmdlet.
    pub(crate) fn new(
        shell: Shell,
        tenant: TenantId,
        name: Option<&str>,
        tokens: Arc<Tokens>,
        pace: Pace,
        clock: Clock,
    ) -> Result<Self, Refusal> {
        let pool = Pool::new(shell, organization(tenant, name), tokens, pace, clock)?;
        Ok(Self { pool, tenant })
    }

    async fn read_person(&self, who: Identity) -> Known<Settings> {
        known(
            async {
                let done = self.pool.run(Effect::Read, &wire::get_person(&who.upn)?).await?;
                wire::person(&json!({ "value": done.value }), &who).map_err(garbled)
            }
            .await,
        )
    }

    async fn read_tenant(&self) -> Result<BTreeMap<TenantSetting, Known<Value>>, Refusal> {
        let done = self.pool.run(Effect::Read, &wire::get_tenant()).await?;
        wire::tenant(&json!({ "value": done.value }), self.tenant, None).map_err(garbled)
    }

    async fn write(&self, cmdlet: Result<Cmdlet, Refusal>) -> Sent {
        let sent = match cmdlet {
            Ok(cmdlet) => self.pool.run(Effect::Write, &cmdlet).await,
            Err(refusal) => Err(Failure { refusal, maybe_done: false, attempts: 0 }),
        };
        match sent {
            Ok(Done { value: _, attempts }) => Sent { attempts, request_id: None, result: Ok(()) },
            Err(failure) => failure.into(),
        }
    }
}

/// Names the tenant to `Connect-ExchangeOnline`: Microsoft asks for its `.onmicrosoft.com` domain; its id stands in where
/// nobody has told that.
fn organization(tenant: TenantId, name: Option<&str>) -> String {
    let initial = name.filter(|name| name.to_ascii_lowercase().ends_with(".onmicrosoft.com"));
    initial.map_or_else(|| tenant.to_string(), str::to_owned)
}

fn garbled(how: String) -> Refusal {
    Trouble::garbled(Peer::Settings, None, how).refusal
}

impl Insights for PowerShell {
    fn at_once(&self) -> usize {
        TOGETHER
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Refusal>> {
        self.pool.ready().boxed()
    }

    fn people(&self, who: Vec<Identity>) -> BoxFuture<'_, Vec<Known<Settings>>> {
        join_all(who.into_iter().map(|who| self.read_person(who))).boxed()
    }

    fn tenant(&self) -> BoxFuture<'_, BTreeMap<TenantSetting, Known<Value>>> {
        async { self.read_tenant().await.unwrap_or_else(all_unknown) }.boxed()
    }

    fn set_people(&self, writes: Vec<PersonWrite>) -> BoxFuture<'_, Vec<Sent>> {
        let write = |PersonWrite { id: _, upn, set }: PersonWrite| self.write(wire::set_person(&upn, set));
        join_all(writes.into_iter().map(write)).boxed()
    }

    fn set_tenant(&self, setting: TenantSetting, value: Value) -> BoxFuture<'_, Sent> {
        self.write(wire::set_tenant(setting, value)).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.pool.close().boxed()
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    #[test]
    fn a_tenant_is_named_by_its_first_domain_where_that_is_known() {
        let tenant = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
        for name in ["contoso.onmicrosoft.com", "Contoso.OnMicrosoft.COM"] {
            assert_eq!(organization(tenant, Some(name)), name);
        }
        for name in [None, Some("contoso.com"), Some("Contoso"), Some("contoso.onmicrosoft.com.example")] {
            assert_eq!(organization(tenant, name), tenant.to_string(), "{name:?}");
        }
    }
}
