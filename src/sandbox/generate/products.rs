//! Lists the products of a generated tenant, with the vendor's own ids.

/// Is a service plan: its id and name.
pub(super) type Plan = (&'static str, &'static str);

/// Is a product: its id, its part number, and its plans.
pub(super) struct Product {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) plans: &'static [Plan],
}

const MYANALYTICS_P2: Plan = ("33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "MYANALYTICS_P2");
const EXCHANGE_ANALYTICS: Plan = ("34c0d7a0-a70f-4668-9238-47f9fc208882", "EXCHANGE_ANALYTICS");
const EXCHANGE: Plan = ("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE");
const EXCHANGE_KIOSK: Plan = ("4a82b400-a79f-41a4-b4e2-e94f5787b113", "EXCHANGE_S_DESKLESS");
const TEAMS: Plan = ("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1");
const SHAREPOINT: Plan = ("5dbe027f-2339-4123-9542-606e4d348a72", "SHAREPOINTENTERPRISE");
const SHAREPOINT_KIOSK: Plan = ("902b47e5-dcb2-4fdc-858b-c63a90a2bdb9", "SHAREPOINTDESKLESS");
const OFFICE: Plan = ("43de0ff5-c92c-492b-9116-175376d08c38", "OFFICESUBSCRIPTION");

/// E5 carries two plans for personal insights, E3 and A5 one each, and frontline products none.
pub(super) const PRODUCTS: [Product; 5] = [
    Product {
        id: "05e9a617-0261-4cee-bb44-138d3ef5d965",
        name: "SPE_E3",
        plans: &[MYANALYTICS_P2, EXCHANGE, TEAMS, SHAREPOINT, OFFICE],
    },
    Product {
        id: "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        name: "SPE_E5",
        plans: &[MYANALYTICS_P2, EXCHANGE_ANALYTICS, EXCHANGE, TEAMS, SHAREPOINT, OFFICE],
    },
    Product {
        id: "c7df2760-2c81-4ef7-b578-5b5392b571df",
        name: "ENTERPRISEPREMIUM",
        plans: &[MYANALYTICS_P2, EXCHANGE_ANALYTICS, EXCHANGE, TEAMS, SHAREPOINT],
    },
    Product {
        id: "e97c048c-37a4-45fb-ab50-922fbf07a370",
        name: "M365EDU_A5_FACULTY",
        plans: &[EXCHANGE_ANALYTICS, EXCHANGE, TEAMS, SHAREPOINT, OFFICE],
    },
    Product {
        id: "66b55226-6b4f-492c-910c-a3b7a3c9d993",
        name: "SPE_F1",
        plans: &[EXCHANGE_KIOSK, TEAMS, SHAREPOINT_KIOSK],
    },
];
