//! Puts the numbers with which sign-in refuses into plain sentences, each with advice.
//!
//! The numbers are listed at learn.microsoft.com/entra/identity-platform/reference-error-codes.

/// Is a refusal of sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    code: u64,
    /// In lower case, without a full stop.
    fact: &'static str,
    hint: &'static str,
}

const CLOCK: &str = "check this machine's clock: sign-in bears a difference of five minutes";
const CLOUD: &str = "check `tenant.id` and `cloud:` in the manifest: each cloud has a sign-in of its own";
const CONSENT: &str = "check the application's API permissions, and let an administrator grant consent; docs/microsoft-365.md \
                       lists what a manifest needs";
const FEDERATED: &str = "copy issuer, subject and audience from this error into a federated credential of the application \
                         (Certificates & secrets)";
const POLICY: &str = "ask who keeps the tenant's policies to let this application in from here";
const LATER: &str = "try again later";
const CERTIFICATE: &str = "upload this certificate to the application (Certificates & secrets), or name the right file in \
                           AZURE_CLIENT_CERTIFICATE_PATH; one that has expired is refused as well";

const fn row(code: u64, fact: &'static str, hint: &'static str) -> Row {
    Row { code, fact, hint }
}

/// Lists what we know of, in the order of the alphabet of causes: who, by what proof, for what, from where.
const ROWS: [Row; 34] = [
    row(
        700_016,
        "the tenant does not know the application",
        "check AZURE_CLIENT_ID and `tenant.id`; an application of another tenant needs consent in this one first",
    ),
    row(70_001, "the tenant does not know the application", "check AZURE_CLIENT_ID"),
    row(7_000_112, "the application is disabled in the tenant", "enable it under Enterprise applications"),
    row(
        90_002,
        "there is no such tenant",
        "check `tenant.id` in the manifest, and `cloud:` for a national cloud",
    ),
    row(
        7_000_215,
        "the client secret is wrong",
        "AZURE_CLIENT_SECRET takes the secret's value, which is shown once when it is made; often its id is taken instead",
    ),
    row(
        7_000_222,
        "the client secret has expired",
        "make a new one under Certificates & secrets, or better a federated credential, which never expires",
    ),
    row(
        7_000_218,
        "neither a secret nor an assertion was sent",
        "this application has to prove itself: name a secret, a certificate or a federated token",
    ),
    row(700_027, "the certificate was not accepted", CERTIFICATE),
    row(700_030, "the certificate's subject is not allowed for the application", CERTIFICATE),
    row(50_012, "the signature of the assertion was not accepted", CERTIFICATE),
    row(50_013, "the assertion was not accepted, perhaps for its time", CLOCK),
    row(500_133, "the assertion is not valid yet, or no more", CLOCK),
    row(70_021, "no federated credential of the application matches the token that was sent", FEDERATED),
    row(700_211, "no federated credential of the application has this issuer", FEDERATED),
    row(700_212, "no federated credential of the application has this audience", FEDERATED),
    row(700_213, "no federated credential of the application has this subject", FEDERATED),
    row(
        7_002_138,
        "a federated credential of the application matches the token that was sent but for letter case",
        "issuer, subject and audience are compared with their letter case: copy them from this error",
    ),
    row(
        500_011,
        "the service is not present in the tenant",
        "the tenant needs a licence with Exchange Online; check `cloud:` as well",
    ),
    row(
        500_014,
        "the service is disabled in the tenant",
        "enable its service principal under Enterprise applications",
    ),
    row(65_001, "nobody has consented to what the application asks for", CONSENT),
    row(650_052, "the application asks for a service that the tenant does not have", CONSENT),
    row(650_056, "the application lacks permissions or consent", CONSENT),
    row(650_057, "the application has no permission for the service that the token is for", CONSENT),
    row(70_011, "the scope that was asked for is not valid", CLOUD),
    row(70_022, "the scope that was asked for is not valid", CLOUD),
    row(53_003, "Conditional Access does not let the application in", POLICY),
    row(530_032, "a security policy of the tenant does not let the application in", POLICY),
    row(900_023, "the tenant's id is not one", CLOUD),
    row(90_038, "the tenant is in another cloud", CLOUD),
    row(900_382, "the tenant is in another cloud than the application", CLOUD),
    row(900_432, "the tenant is in another cloud than the application", CLOUD),
    row(90_033, "sign-in is out of order for the moment", LATER),
    row(90_055, "sign-in turned us away because the tenant asks too often", LATER),
    row(
        50_196,
        "sign-in turned us away because the same was asked too often",
        "make fewer runs at once, and try again later",
    ),
];

/// Lists refusals that pass by themselves; 90006 and 90024 say no more than that.
const PASSING: [u64; 5] = [90_055, 90_006, 90_024, 90_033, 50_196];

fn find(code: u64) -> Option<Row> {
    const PASSES: &str = "sign-in failed for the moment";
    let known = ROWS.into_iter().find(|row| row.code == code);
    known.or_else(|| PASSING.contains(&code).then_some(Row { code, fact: PASSES, hint: LATER }))
}

/// Reads the first number that a text names as `AADSTS…`.
pub(crate) fn number(text: &str) -> Option<u64> {
    let rest = text.split_once("AADSTS")?.1;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// Says whether sign-in will do better later.
pub(crate) fn is_passing(code: u64) -> bool {
    PASSING.contains(&code)
}

/// Puts a refusal into one sentence that ends with its number.
pub(crate) fn plainly(code: u64) -> Option<String> {
    find(code).map(|row| format!("{} (AADSTS{code})", row.fact))
}

/// Gives the advice for the number that a text names.
pub(super) fn advice(text: &str) -> Option<&'static str> {
    number(text).and_then(find).map(|row| row.hint)
}

/// Says whether a federated token was sent that no federated credential matches.
pub(super) fn is_mismatch(code: u64) -> bool {
    matches!(code, 70_021 | 700_211 | 700_212 | 700_213 | 7_002_138)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_of_the_facts_has_a_sentence_and_advice() {
        let facts = [
            700_016, 90_002, 7_000_215, 7_000_222, 7_000_218, 700_027, 700_030, 50_012, 50_013, 500_133,
            70_021, 700_213, 7_002_138, 7_000_112, 70_001, 500_011, 500_014, 65_001, 650_052, 650_056,
            650_057, 70_011, 70_022, 53_003, 530_032, 900_023, 90_038, 900_382, 900_432, 90_055, 90_006,
            90_024, 90_033, 50_196,
        ];
        for code in facts {
            let sentence = plainly(code).unwrap_or_else(|| panic!("{code} has no sentence"));
            assert!(sentence.ends_with(&format!("(AADSTS{code})")), "{sentence}");
            let advice = advice(&sentence).unwrap_or_else(|| panic!("{code} has no advice"));
            assert!(!advice.ends_with('.') && advice.len() > 10, "{advice}");
        }
        let codes: BTreeSet<u64> = ROWS.iter().map(|row| row.code).collect();
        assert_eq!(codes.len(), ROWS.len(), "none twice");
        assert_eq!(plainly(1), None);
    }

    #[test]
    fn a_number_is_read_out_of_a_sentence() {
        assert_eq!(number("AADSTS7000215: Invalid client secret provided."), Some(7_000_215));
        assert_eq!(number("it is so (AADSTS90002)"), Some(90_002));
        assert_eq!(number("AADSTS"), None);
        assert_eq!(number("no"), None);
    }
}
