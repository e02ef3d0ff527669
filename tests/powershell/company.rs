//! Sets up a company: a small tenant, and a PowerShell that is the stand-in, behaving as a test wants it to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use insightctl::clock::Clock;
use insightctl::microsoft::{
    Ask, Connection, Credential, Endpoints, PersonWrite, Reader, Sent, Shell, Transport, WriteError, Writer,
};
use insightctl::model::{Known, Mode, PersonId, Refusal, RefusalKind, Settings, TenantId};
use insightctl::plan::calls::Set;
use insightctl::sandbox::{Options, Sandbox, Source};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
const APP: &str = "00000000-0000-0000-0000-00000000c0de";
const NOON: i64 = 1_790_000_000;

/// Is a sandbox of people who are called as a test wants them to be.
pub(crate) struct Company {
    pub(crate) sandbox: Sandbox,
    pub(crate) people: Vec<(PersonId, Arc<str>)>,
    /// What the tenant is called, where somebody says.
    pub(crate) name: Option<&'static str>,
}

impl Company {
    /// Starts a sandbox of `p0@contoso.com` and so on.
    pub(crate) async fn of(people: usize) -> Self {
        let names: Vec<String> = (0..people).map(|n| format!("p{n}@contoso.com")).collect();
        Self::called(&names).await
    }

    /// Starts a sandbox of people with these user principal names.
    pub(crate) async fn called(names: &[String]) -> Self {
        let people: Vec<(PersonId, Arc<str>)> = (1_u128..)
            .zip(names)
            .map(|(n, upn)| (PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + n)), upn.as_str().into()))
            .collect();
        let user = |(id, upn): &(PersonId, Arc<str>)| -> Value {
            json!({ "id": id, "userPrincipalName": &**upn, "mail": "m@contoso.com", "displayName": "somebody" })
        };
        let tenant = json!({
            "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
            "applications": [{ "clientId": APP, "secret": "word",
                "roles": ["User.Read.All", "Organization.Read.All", "Exchange.ManageAsApp"],
                "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] }],
            "skus": [],
            "groups": [],
            "users": people.iter().map(user).collect::<Vec<_>>(),
        });
        let sandbox = Sandbox::start(Options::new(Source::Value(tenant), Arc::new(|| NOON))).await.unwrap();
        Self { sandbox, people, name: None }
    }

    /// Gives the stand-in, which behaves as these words of its command line say.
    pub(crate) fn shell(&self, behaviour: &[&str]) -> Shell {
        let mut shell = Shell::new(env!("CARGO_BIN_EXE_insightctl"));
        let line = [&["sandbox", "pwsh", "--at", self.sandbox.url()], behaviour, &["--"]].concat();
        shell.arguments = line.into_iter().map(Into::into).collect();
        shell.start_within = Duration::from_secs(20);
        shell.answer_within = Duration::from_secs(20);
        shell
    }

    pub(crate) async fn connect(&self, transport: Transport) -> Result<Writer, Refusal> {
        let credential =
            Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
        let mut connection = Connection::new(TENANT, Endpoints::of_sandbox(self.sandbox.url()), credential);
        connection.transport = transport;
        connection.name = self.name.map(Into::into);
        let clock = Clock::still(Timestamp::from_second(NOON).unwrap());
        Reader::connect(connection, clock).await.map(Writer::new)
    }

    /// Connects over the stand-in.
    pub(crate) async fn over(&self, behaviour: &[&str]) -> Writer {
        self.connect(Transport::PowerShell(self.shell(behaviour))).await.unwrap()
    }

    /// Says why nothing can be read.
    pub(crate) async fn refusal(&self, shell: Shell) -> Refusal {
        let writer = self.connect(Transport::PowerShell(shell)).await.unwrap();
        let ask = Ask { settings: true, tenant_settings: true, count_people: false };
        match writer.reader().observe(&self.people.iter().map(|(id, _)| *id).collect(), ask).await {
            Err(refusal) => refusal,
            Ok(actual) => panic!("it was read: {actual:?}"),
        }
    }

    /// Reads everybody.
    pub(crate) async fn read(&self, writer: &Writer) -> Vec<Known<Settings>> {
        writer.reader().people_settings(&self.people).await
    }

    /// Opts everybody out.
    pub(crate) async fn opt_out(&self, writer: &Writer) -> Vec<Sent> {
        let write = |(id, upn): &(PersonId, Arc<str>)| PersonWrite {
            id: *id,
            upn: Arc::clone(upn),
            set: Set { mode: Some(Mode::OptOut), feature: None },
        };
        writer.set_people(&self.people.iter().map(write).collect::<Vec<_>>()).await
    }

    /// Lists whom the sandbox took a write for, in order of their names.
    pub(crate) fn written(&self) -> Vec<String> {
        let mut written: Vec<String> = self.sandbox.writes().into_iter().map(|write| write.target).collect();
        written.sort();
        written
    }
}

/// Says what became of a write, in a word.
pub(crate) fn outcome(sent: &Sent) -> Result<(), RefusalKind> {
    match &sent.result {
        Ok(()) => Ok(()),
        Err(WriteError::Unanswered(refusal)) => Err(refusal.kind),
        Err(WriteError::Refused(refusal)) => panic!("refused: {refusal}"),
    }
}

/// Waits until a process has gone; a zombie has.
pub(crate) async fn gone(process: &str) {
    let status = Path::new("/proc").join(process).join("stat");
    for _ in 0..100 {
        match std::fs::read_to_string(&status) {
            Ok(about) if !about.contains(") Z ") => {}
            Ok(_) | Err(_) => return,
        }
        Clock::beat(Duration::from_millis(50)).await;
    }
    panic!("process {process} is still there");
}
