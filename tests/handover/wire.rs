//! Calls the sandbox as an administrator's session does.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

const TENANT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// Is a session with both services.
pub(crate) struct Wire {
    client: Client,
    url: String,
    graph: String,
    exchange: String,
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

impl Wire {
    pub(crate) async fn to(url: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().no_proxy().build().unwrap();
        let token = async |scope: &str| {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", "00000000-0000-0000-0000-00000000c0de"),
                ("client_secret", "sandbox"),
                ("scope", scope),
            ];
            let request = client.post(format!("{url}/login/{TENANT}/oauth2/v2.0/token")).form(&form);
            let (status, body) = answer(request).await;
            assert_eq!(status, 200, "{body}");
            body["access_token"].as_str().unwrap().to_owned()
        };
        let graph = token("https://graph.microsoft.com/.default").await;
        let exchange = token("https://outlook.office365.com/.default").await;
        Self { client, url: url.to_owned(), graph, exchange }
    }

    pub(crate) async fn run(&self, cmdlet: &str, parameters: Value) -> (u16, Value) {
        let url = format!("{}/exchange/adminapi/beta/{TENANT}/InvokeCommand", self.url);
        let body = json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } });
        answer(self.client.post(url).bearer_auth(&self.exchange).json(&body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(format!("{}/graph/v1.0{path}", self.url)).bearer_auth(&self.graph)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/graph/v1.0{path}", self.url);
        answer(self.client.post(url).bearer_auth(&self.graph).json(body)).await
    }
}
