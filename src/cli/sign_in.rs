//! Chooses who signs in, from what the environment offers.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::args::{Reach, SignInName};
use super::environment::Proofs;
use super::exit::Exit;
use super::failure::Failure;
use crate::manifest::Manifest;
use crate::microsoft::{Certificate, Connection, Credential, Endpoints, Federated, Roots, check_address};

/// Makes the connection to the tenant that a manifest names.
pub(super) fn connection(manifest: &Manifest, reach: &Reach, proofs: &Proofs) -> Result<Connection, Failure> {
    same_tenant(manifest, proofs)?;
    let Reach { sign_in, login_url, graph_url, exchange_url, ca_file } = reach;
    let credential = credential(*sign_in, proofs)?;
    let mut endpoints = Endpoints::of(manifest.cloud());
    let overrides = [
        (&mut endpoints.login, login_url),
        (&mut endpoints.graph, graph_url),
        (&mut endpoints.exchange, exchange_url),
    ];
    for (address, typed) in overrides {
        if let Some(typed) = typed {
            address.clone_from(typed);
        }
    }
    for address in [&endpoints.login, &endpoints.graph, &endpoints.exchange] {
        check_address(address).map_err(|refusal| {
            Failure::wrong(refusal.message)
                .hint("such as https://graph.microsoft.com; `http` is for this machine only")
        })?;
    }
    let mut connection = Connection::new(manifest.tenant(), endpoints, credential);
    if let Some(path) = ca_file {
        connection.roots = roots(path)?;
    }
    Ok(connection)
}

/// Makes sure that the surroundings mean the same tenant as the manifest.
fn same_tenant(manifest: &Manifest, proofs: &Proofs) -> Result<(), Failure> {
    let named = manifest.tenant().to_string();
    let alike = |tenant: &str| {
        tenant.eq_ignore_ascii_case(&named)
            || manifest.tenant_name().is_some_and(|name| name.eq_ignore_ascii_case(tenant))
    };
    match &proofs.tenant {
        Some(tenant) if !alike(tenant) => {
            let fact = format!("AZURE_TENANT_ID is {tenant}, and the manifest names {named}");
            Err(Failure::new(Exit::SignIn, fact)
                .hint("set it to the manifest's tenant, or leave it unset: the manifest decides"))
        }
        Some(_) | None => Ok(()),
    }
}

fn roots(path: &Path) -> Result<Roots, Failure> {
    let unusable = |why: String| {
        let fact = format!("the certificate authorities in {} cannot be used: {why}", path.display());
        Failure::wrong(fact).hint("--ca-file names a PEM file with one or more `BEGIN CERTIFICATE`")
    };
    let pem = read(path).map_err(|error| unusable(error.to_string()))?;
    Roots::read(&pem).map_err(|error| unusable(error.to_string()))
}

/// Chooses the credential: the one that was named, or else the first that is offered.
fn credential(named: SignInName, proofs: &Proofs) -> Result<Credential, Failure> {
    match named {
        SignInName::Auto => {
            // In this order, which docs/microsoft-365.md promises.
            let offered = [
                (SignInName::Workload, federated(proofs).is_some()),
                (SignInName::Certificate, proofs.certificate.is_some()),
                (SignInName::Secret, proofs.secret.is_some()),
                (SignInName::Managed, proofs.managed),
                (SignInName::Cli, proofs.az),
            ];
            match offered.into_iter().find(|(_, is_offered)| *is_offered) {
                Some((first, _)) => credential(first, proofs),
                None => Err(nothing()),
            }
        }
        SignInName::Workload => {
            let source = federated(proofs).ok_or_else(|| no_federated(proofs))?;
            let client = match &source {
                Federated::AzurePipelines { .. } => {
                    proofs.client.as_ref().or(proofs.connection_client.as_ref())
                }
                Federated::File(_) | Federated::GitHub { .. } => proofs.client.as_ref(),
            };
            Ok(Credential::Federated { client_id: application(client)?, source })
        }
        SignInName::Certificate => {
            let path = proofs.certificate.as_ref();
            let path = path.ok_or_else(|| missing("AZURE_CLIENT_CERTIFICATE_PATH", "a PEM or PFX file"))?;
            let client_id = application(proofs.client.as_ref())?;
            Ok(Credential::Certificate { client_id, certificate: certificate(path, proofs)? })
        }
        SignInName::Secret => {
            let secret = proofs.secret.clone();
            let secret =
                secret.ok_or_else(|| missing("AZURE_CLIENT_SECRET", "the value of a client secret"))?;
            Ok(Credential::ClientSecret { client_id: application(proofs.client.as_ref())?, secret })
        }
        SignInName::Managed => Ok(Credential::ManagedIdentity { client_id: proofs.client.clone() }),
        SignInName::Cli => Ok(Credential::AzureCli),
    }
}

/// Finds somebody who vouches for this job.
fn federated(proofs: &Proofs) -> Option<Federated> {
    let file = proofs.token_file.clone().map(Federated::File);
    let github = || {
        let (url, token) = proofs.github.clone()?;
        Some(Federated::GitHub { url, token })
    };
    let azure_pipelines = || {
        let (url, token) = proofs.azure_pipelines.clone()?;
        Some(Federated::AzurePipelines { url, token, connection: proofs.connection.clone()? })
    };
    file.or_else(github).or_else(azure_pipelines)
}

/// Is the most that a file of certificates holds; every authority of a machine together is a few hundred KiB.
const LARGEST: u64 = 4 << 20;

/// Reads a file of certificates, unless it cannot be one.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

fn certificate(path: &Path, proofs: &Proofs) -> Result<Certificate, Failure> {
    let unusable = |why: String| {
        let fact = format!("the certificate {} cannot be used: {why}", path.display());
        Failure::new(Exit::SignIn, fact)
    };
    let file = read(path).map_err(|error| unusable(error.to_string()))?;
    Certificate::read(&file, proofs.certificate_password.as_ref())
        .map_err(|error| unusable(error.to_string()).hint(error.hint()))
}

fn application(client: Option<&String>) -> Result<String, Failure> {
    client.cloned().ok_or_else(|| missing("AZURE_CLIENT_ID", "the application (client) id"))
}

fn missing(variable: &str, what: &str) -> Failure {
    Failure::new(Exit::SignIn, format!("{variable} is not set")).hint(format!("set it to {what}"))
}

fn no_federated(proofs: &Proofs) -> Failure {
    if proofs.azure_pipelines.is_some() {
        return missing("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "the id of the service connection");
    }
    Failure::new(Exit::SignIn, "nobody vouches for this job").hint(
        "in GitHub Actions give the job `permissions: id-token: write`, in Azure Pipelines map SYSTEM_ACCESSTOKEN, elsewhere \
         name a file in AZURE_FEDERATED_TOKEN_FILE",
    )
}

/// Says what was looked for in vain.
fn nothing() -> Failure {
    Failure::new(
        Exit::SignIn,
        "nothing to sign in with: no federated token (AZURE_FEDERATED_TOKEN_FILE, GitHub Actions, Azure Pipelines), no \
         AZURE_CLIENT_CERTIFICATE_PATH, no AZURE_CLIENT_SECRET, no managed identity, no Azure CLI",
    )
    .hint("docs/microsoft-365.md shows each; on a virtual machine in Azure use `--sign-in managed`")
    .hint("a simulated tenant needs none: --sandbox TENANT.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hush() -> secrecy::SecretString {
        "hush".to_owned().into()
    }

    fn everything() -> Proofs {
        Proofs {
            tenant: None,
            client: Some("app".to_owned()),
            token_file: Some("token".into()),
            github: Some(("https://github.example".to_owned(), hush())),
            azure_pipelines: Some(("https://dev.azure.example".to_owned(), hush())),
            connection: Some("connection".to_owned()),
            connection_client: Some("other app".to_owned()),
            certificate: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/app.pem").into()),
            certificate_password: None,
            secret: Some(hush()),
            managed: true,
            az: true,
        }
    }

    fn chosen(proofs: &Proofs) -> String {
        credential(SignInName::Auto, proofs)
            .map_or_else(|failure| failure.error.to_string(), |it| it.describe())
    }

    #[test]
    fn the_first_that_is_offered_is_taken() {
        let mut proofs = everything();
        let mut order = vec![chosen(&proofs)];
        let mut without = |take: &dyn Fn(&mut Proofs)| {
            take(&mut proofs);
            order.push(chosen(&proofs));
        };
        without(&|proofs| proofs.token_file = None);
        without(&|proofs| proofs.github = None);
        without(&|proofs| proofs.connection = None);
        without(&|proofs| proofs.certificate = None);
        without(&|proofs| proofs.secret = None);
        without(&|proofs| proofs.client = None);
        without(&|proofs| proofs.managed = false);
        without(&|proofs| proofs.az = false);
        insta::assert_snapshot!(order.join("\n"), @"
        application app with a federated token from a file
        application app with the token of this GitHub Actions job
        application app with the token of this Azure Pipelines job
        application app with the certificate _zZSEjxjAgFCYzBMq2peSUBKlmRsbc6nfIBcKBEdFH4
        application app with a secret
        the managed identity app
        the managed identity of this machine
        whoever is signed in to the Azure CLI
        nothing to sign in with: no federated token (AZURE_FEDERATED_TOKEN_FILE, GitHub Actions, Azure Pipelines), no AZURE_CLIENT_CERTIFICATE_PATH, no AZURE_CLIENT_SECRET, no managed identity, no Azure CLI
        ");
    }

    #[test]
    fn what_is_named_is_taken_or_its_lack_is_told() {
        let nothing = Proofs::default();
        let told = |named, proofs: &Proofs| {
            credential(named, proofs).map(|it| it.describe()).map_err(|f| f.error.to_string())
        };
        let lacks = [SignInName::Workload, SignInName::Certificate, SignInName::Secret];
        let lacks = lacks.map(|named| told(named, &nothing).unwrap_err());
        assert_eq!(
            lacks,
            [
                "nobody vouches for this job",
                "AZURE_CLIENT_CERTIFICATE_PATH is not set",
                "AZURE_CLIENT_SECRET is not set"
            ]
        );
        let anonymous = Proofs { client: None, ..everything() };
        assert_eq!(told(SignInName::Secret, &anonymous).unwrap_err(), "AZURE_CLIENT_ID is not set");
        let secret = told(SignInName::Secret, &everything());
        assert_eq!(secret.as_deref(), Ok("application app with a secret"), "although a token is offered");
        let pipeline = Proofs { token_file: None, github: None, client: None, ..everything() };
        assert!(told(SignInName::Workload, &pipeline).unwrap().starts_with("application other app with"));
    }

    #[test]
    fn another_tenant_in_the_surroundings_is_refused() {
        let text = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301, name: contoso.com }\n";
        let manifest = crate::manifest::parse(text, &[]).unwrap();
        let told = |tenant: &str| {
            same_tenant(&manifest, &Proofs { tenant: Some(tenant.to_owned()), ..Proofs::default() })
        };
        assert!(told("3F2504E0-4F89-41D3-9A0C-0305E82C3301").is_ok());
        assert!(told("Contoso.com").is_ok());
        assert_eq!(
            told("other").unwrap_err().error.to_string(),
            "AZURE_TENANT_ID is other, and the manifest names 3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        );
    }
}
