//! The request headers that select what a request asks for: an operation, a part, a representation or a tenant.
//! Matching compares these headers by default, and a recording keeps them.
//!
//! The list does not contain headers that may change although the test does not: `x-ms-version` and `user-agent` with
//! the version of a client library, `x-goog-user-project` with the machine, and `idempotency-key` with each run. The
//! list also does not contain preconditions such as `if-match`, because they repeat a value of an earlier response.
//!
//! Must not know: how requests are compared or recorded.

use crate::wild;

/// A header that selects what a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectingHeader {
    /// The name in lower case. A `*` at the beginning stands for any characters.
    pub name: &'static str,
    /// What the header selects, and in which API.
    pub why: &'static str,
}

/// The headers that matching compares by default, sorted by name. `cargo cassette rules` lists them.
pub fn selecting_headers() -> &'static [SelectingHeader] {
    HEADERS
}

/// Whether a header with this name, in lower case, selects what a request asks for.
pub(crate) fn is_selecting(name: &str) -> bool {
    HEADERS.binary_search_by(|header| header.name.cmp(name)).is_ok()
        || patterns().any(|pattern| wild::name(pattern.as_bytes(), name.as_bytes()))
}

/// Returns the names with a `*`. They are at the beginning of the list, because `*` sorts before letters.
fn patterns() -> impl Iterator<Item = &'static str> {
    HEADERS.iter().map(|header| header.name).take_while(|name| name.starts_with('*'))
}

const fn header(name: &'static str, why: &'static str) -> SelectingHeader {
    SelectingHeader { name, why }
}

#[rustfmt::skip] // One header a line.
const HEADERS: &[SelectingHeader] = &[
    header("*-account-id", "account: `harvest-account-id` and others"),
    header("*-api-version", "version of an API: `x-github-api-version`, `x-gusto-api-version`, OpenStack and others"),
    header("*-org-id", "organisation: `x-grafana-org-id`, Adobe's `x-gw-ims-org-id` and others"),
    header("*-organization-id", "organisation"),
    header("*-project-id", "project: Huawei Cloud and others"),
    header("*-tenant-id", "tenant: `x-tenant-id`, `xero-tenant-id` and others"),
    header("*-workspace-id", "workspace"),
    header("accept-profile", "PostgREST, Supabase: schema to read"),
    header("accept-version", "version of an API"),
    header("amazon-advertising-api-scope", "Amazon Ads: profile"),
    header("anthropic-beta", "Anthropic: beta features"),
    header("anthropic-version", "Anthropic: version of the API"),
    header("api-version", "version of an API: monday.com and others"),
    header("as-user", "Box: user"),
    header("asana-disable", "Asana: changes of the API to leave out"),
    header("asana-enable", "Asana: changes of the API to apply"),
    header("assume-user", "Smartsheet: user"),
    header("callerobjectid", "Microsoft Dataverse: user"),
    header("cb-version", "Coinbase: version of the API"),
    header("client-login", "Yandex Direct: client of an agency"),
    header("consistencylevel", "Microsoft Graph: advanced queries"),
    header("content-profile", "PostgREST, Supabase: schema to write"),
    header("content-range", "part of an upload (RFC 9110 §14.4)"),
    header("customeraccountid", "Microsoft Advertising: account"),
    header("customerid", "Microsoft Advertising: customer"),
    header("depth", "WebDAV: depth of the operation (RFC 4918 §10.2)"),
    header("destination", "WebDAV: target of COPY and MOVE (RFC 4918 §10.3)"),
    header("dropbox-api-arg", "Dropbox: arguments of a call that transfers a file"),
    header("dropbox-api-path-root", "Dropbox: root of the paths"),
    header("dropbox-api-select-admin", "Dropbox: administrator of a team"),
    header("dropbox-api-select-user", "Dropbox: member of a team"),
    header("gocardless-version", "GoCardless: version of the API"),
    header("ibm-service-instance-id", "IBM Cloud Object Storage: instance"),
    header("if-range", "condition of a range (RFC 9110 §13.1.5)"),
    header("impersonate-group", "Kubernetes: group"),
    header("impersonate-user", "Kubernetes: user"),
    header("intercom-version", "Intercom: version of the API"),
    header("linked-customer-id", "Google Ads: customer"),
    header("linkedin-version", "LinkedIn: version of the API"),
    header("login-customer-id", "Google Ads: account of a manager"),
    header("mscrmcallerid", "Microsoft Dataverse: user"),
    header("notion-version", "Notion: version of the API"),
    header("on-behalf-of", "SendGrid: subuser"),
    header("openai-beta", "OpenAI: beta features"),
    header("openai-organization", "OpenAI: organisation"),
    header("openai-project", "OpenAI: project"),
    header("overwrite", "WebDAV: whether COPY and MOVE replace the target (RFC 4918 §10.6)"),
    header("plaid-version", "Plaid: version of the API"),
    header("prefer", "representation or processing that the client prefers (RFC 7240): PostgREST, OData and others"),
    header("range", "part of a representation (RFC 9110 §14.2)"),
    header("range-unit", "PostgREST: unit of the range"),
    header("revision", "Klaviyo: version of the API"),
    header("sap-client", "SAP: client, which is a tenant"),
    header("sap-language", "SAP: language of the response"),
    header("sforce-query-options", "Salesforce: size of a page"),
    header("soapaction", "SOAP 1.1: operation"),
    header("square-version", "Square: version of the API"),
    header("stripe-account", "Stripe: connected account"),
    header("stripe-context", "Stripe: related account"),
    header("stripe-version", "Stripe: version of the API"),
    header("sudo", "GitLab, Gitea: user"),
    header("thanos-tenant", "Thanos: tenant"),
    header("upload-complete", "resumable uploads of the IETF: last part"),
    header("upload-concat", "tus: upload that joins others"),
    header("upload-length", "tus: size of a new upload"),
    header("upload-metadata", "tus: name and type of a new upload"),
    header("upload-offset", "tus, resumable uploads of the IETF: place of a part"),
    header("x-acs-action", "Alibaba Cloud: operation"),
    header("x-acs-version", "Alibaba Cloud: version of the API"),
    header("x-amz-copy-source", "AWS S3: object to copy"),
    header("x-amz-copy-source-range", "AWS S3: part of the object to copy"),
    header("x-amz-invocation-type", "AWS Lambda: whether the call waits for the result"),
    header("x-amz-object-attributes", "AWS S3: attributes to read"),
    header("x-amz-optional-object-attributes", "AWS S3: further attributes in a list"),
    header("x-amz-target", "AWS: operation of services that speak JSON, such as DynamoDB, SQS and KMS"),
    header("x-amzn-sagemaker-inference-component", "AWS SageMaker: model"),
    header("x-amzn-sagemaker-target-model", "AWS SageMaker: model"),
    header("x-amzn-sagemaker-target-variant", "AWS SageMaker: variant of a model"),
    header("x-clickhouse-database", "ClickHouse: database"),
    header("x-clickhouse-format", "ClickHouse: format of the response"),
    header("x-contentful-content-type", "Contentful: type of a new entry"),
    header("x-copy-from", "OpenStack Swift: object to copy"),
    header("x-ebay-api-call-name", "eBay: operation"),
    header("x-ebay-api-siteid", "eBay: site"),
    header("x-ebay-c-marketplace-id", "eBay: marketplace"),
    header("x-fields", "Flask-RESTX: fields of the response"),
    header("x-filter", "Linode: filter and order of a list"),
    header("x-goog-fieldmask", "Google: fields of the response"),
    header("x-goog-upload-command", "Google: step of a resumable upload"),
    header("x-goog-upload-offset", "Google: place of a part of a resumable upload"),
    header("x-hasura-role", "Hasura: role"),
    header("x-hasura-user-id", "Hasura: user"),
    header("x-http-method", "method in place of POST: OData, SharePoint"),
    header("x-http-method-override", "method in place of POST: Google and others"),
    header("x-mailgun-on-behalf-of", "Mailgun: subaccount"),
    header("x-method-override", "method in place of POST"),
    header("x-ms-continuation", "Azure Cosmos DB: page"),
    header("x-ms-copy-action", "Azure Storage: operation on a copy"),
    header("x-ms-cosmos-is-batch-request", "Azure Cosmos DB: operation"),
    header("x-ms-documentdb-is-upsert", "Azure Cosmos DB: operation"),
    header("x-ms-documentdb-isquery", "Azure Cosmos DB: operation"),
    header("x-ms-documentdb-partitionkey", "Azure Cosmos DB: partition"),
    header("x-ms-lease-action", "Azure Storage: operation on a lease"),
    header("x-ms-page-write", "Azure Storage: operation on a page blob"),
    header("x-ms-range", "Azure Storage: part of a blob or file"),
    header("x-ms-source-range", "Azure Storage: part of the blob to copy"),
    header("x-ms-write", "Azure Files: operation on a range"),
    header("x-on-behalf-of", "Zendesk: user"),
    header("x-organization", "organisation"),
    header("x-presto-catalog", "Presto: catalog"),
    header("x-presto-schema", "Presto: schema"),
    header("x-proxy-global-company-id", "Adobe Analytics: company"),
    header("x-rep-hints", "Box: representation"),
    header("x-restli-method", "LinkedIn: operation"),
    header("x-restli-protocol-version", "LinkedIn: version of the protocol"),
    header("x-sandbox-name", "Adobe Experience Platform: sandbox"),
    header("x-scope-orgid", "Grafana Loki, Mimir, Tempo: tenant"),
    header("x-tc-action", "Tencent Cloud: operation"),
    header("x-tc-region", "Tencent Cloud: region"),
    header("x-tc-version", "Tencent Cloud: version of the API"),
    header("x-tenant", "tenant"),
    header("x-trino-catalog", "Trino: catalog"),
    header("x-trino-schema", "Trino: schema"),
    header("x-vault-namespace", "HashiCorp Vault: namespace"),
    header("x-vault-wrap-ttl", "HashiCorp Vault: whether the response is wrapped"),
    header("x-workspace", "workspace"),
    header("zuora-entity-ids", "Zuora: entities"),
    header("zuora-version", "Zuora: version of the API"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(is_selecting(name), expected, "{name}");
    }

    #[test]
    fn names() {
        for name in ["range", "x-amz-target", "x-github-api-version", "openstack-api-version", "x-tenant-id"]
        {
            check(name, true);
        }
        for name in ["accept", "user-agent", "x-ms-version", "x-goog-user-project", "if-match", "tenant", ""]
        {
            check(name, false);
        }
    }

    #[test]
    fn the_list_is_sorted() {
        HEADERS.windows(2).for_each(|pair| assert!(pair[0].name < pair[1].name, "{:?}", pair[1]));
        for header in HEADERS {
            let name = header.name.trim_start_matches('*');
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
            assert!(!header.why.is_empty() && !header.why.contains(['"', '\\', '|']), "{name}");
        }
        // No pattern matches another name on the list.
        for header in HEADERS.iter().filter(|header| !header.name.starts_with('*')) {
            let twice = patterns().any(|pattern| wild::name(pattern.as_bytes(), header.name.as_bytes()));
            assert!(!twice, "{header:?}");
        }
    }
}
