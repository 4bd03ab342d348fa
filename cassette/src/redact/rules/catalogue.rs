//! The default rules as data: the name that each rule looks for, the reason, and the id that switches the rule off.
//!
//! An id never changes its meaning. A new rule gets the next id that was never used; a deleted rule leaves a gap. A
//! test compares the ids with `catalogue.txt`. Rules for a place, such as a header or a field, have ids up to CAS0499.
//! Token patterns have ids from CAS0501 on.
//!
//! Must not know: how a rule is applied.

use std::fmt;
use std::sync::LazyLock;

use crate::edit_distance::edit_distance;
use crate::redact::rules::names::normalised;
use crate::redact::rules::noise::NOISE;
use crate::{Error, Result};

/// A rule that is in force by default.
///
/// ```
/// use cassette::__support::default_rules;
///
/// let rule = default_rules().iter().find(|rule| rule.id == "CAS0012").unwrap();
/// assert_eq!(rule.to_string(), "CAS0012 header authorization");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefaultRule {
    /// The id, such as `CAS0012`. It never changes, and no other rule ever gets it.
    pub id: &'static str,
    /// What the rule looks at.
    pub kind: RuleKind,
    /// The name that the rule looks for, or the name of its pattern.
    pub what: &'static str,
    /// The issuer or purpose of the value, in a few words.
    pub why: &'static str,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RuleKind {
    /// A header of this name. The name stays, the value is redacted. A `*` at the beginning stands for any prefix.
    Header,
    /// A JSON member, form field, query parameter, XML element or attribute, header or cookie of this name.
    Field,
    /// A query parameter of this name. The same name is harmless in other places.
    Query,
    /// A cookie of this name, if the rules that redact all cookies are switched off.
    Cookie,
    /// A part of a URL.
    Url,
    /// A header of this name, which is left out. A `*` at the end stands for any suffix.
    Noise,
    /// A header of requests of this name, which is left out. A `*` at the end stands for any suffix.
    RequestNoise,
    /// A token with this pattern, in any text.
    Pattern,
}

/// The rules that are in force by default, sorted by id. `cargo cassette rules` lists them.
pub fn default_rules() -> &'static [DefaultRule] {
    static ALL: LazyLock<Vec<DefaultRule>> = LazyLock::new(|| {
        let mut all = [RULES, NOISE].concat();
        all.sort_unstable_by_key(|rule| rule.id);
        all
    });
    &ALL
}

impl DefaultRule {
    /// The rule with this id, in upper or lower case. `id` may also be a whole label from `_metadata.redaction`.
    ///
    /// # Errors
    ///
    /// There is no such rule; the error names the nearest one.
    pub(crate) fn find(id: &str) -> Result<&'static DefaultRule> {
        let Some(word) = id.split_whitespace().next() else {
            return Err(Error::new("the id of a redaction rule is empty")
                .hint("list the rules: cargo cassette rules"));
        };
        let found = default_rules().iter().find(|rule| rule.id.eq_ignore_ascii_case(word));
        found.ok_or_else(|| {
            let nearest = default_rules().iter().min_by_key(|rule| {
                // The text may be the name of a field or header instead of an id.
                let by_id = edit_distance(rule.id, &word.to_ascii_uppercase());
                by_id.min(edit_distance(rule.what, word))
            });
            let nearest = nearest.map(|rule| format!("; did you mean `{}` ({rule})?", rule.id));
            Error::new(format!("there is no redaction rule `{word}`{}", nearest.unwrap_or_default()))
                .hint("list the rules: cargo cassette rules")
        })
    }
}

impl DefaultRule {
    /// Checks that a default rule redacts fields of this name.
    ///
    /// # Errors
    ///
    /// No rule redacts such a field. The error names the nearest field, or a rule of another kind that has this name.
    pub(crate) fn of_field(name: &str) -> Result<()> {
        let wanted = normalised(name);
        let of = |rule: &&DefaultRule| normalised(rule.what) == wanted;
        if default_rules().iter().any(|rule| rule.kind == RuleKind::Field && of(&rule)) {
            return Ok(());
        }
        let error = Error::new(format!("`keep_field({name:?})`: no rule redacts a field of this name"));
        Err(match default_rules().iter().find(of) {
            Some(rule @ DefaultRule { id, .. }) => {
                error.hint(format!("`.without_rule({id:?})` switches off {rule}"))
            }
            None => {
                let fields = default_rules().iter().filter(|rule| rule.kind == RuleKind::Field);
                let nearest = fields.min_by_key(|rule| edit_distance(&normalised(rule.what), &wanted));
                match nearest.filter(|rule| edit_distance(&normalised(rule.what), &wanted) <= 2) {
                    Some(rule) => error.hint(format!("did you mean `.keep_field({:?})`?", rule.what)),
                    None => error.hint("list the rules: cargo cassette rules"),
                }
            }
        })
    }
}

/// The label in `_metadata.redaction`: `CAS0012 header authorization`.
impl fmt::Display for DefaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id, self.kind, self.what)
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleKind::Header => "header",
            RuleKind::Field => "field",
            RuleKind::Query => "query",
            RuleKind::Cookie => "cookie",
            RuleKind::Url => "url",
            RuleKind::Noise => "noise",
            RuleKind::RequestNoise => "request-noise",
            RuleKind::Pattern => "pattern",
        })
    }
}

/// The id of the rule for user and password in a URL.
pub(crate) const USER_INFO: &str = "CAS0001";

pub(super) const fn rule(
    id: &'static str,
    kind: RuleKind,
    what: &'static str,
    why: &'static str,
) -> DefaultRule {
    DefaultRule { id, kind, what, why }
}

use RuleKind::{Cookie, Field, Header, Pattern, Query, Url};

#[rustfmt::skip] // One rule on each line.
const RULES: &[DefaultRule] = &[
    rule("CAS0001", Url, "user-info", "a password before the host, or a token as the user"),
    rule("CAS0002", Header, "cookie", "all cookies in requests"),
    rule("CAS0003", Header, "set-cookie", "all cookies in responses; their attributes stay"),
    rule("CAS0004", Url, "slack-webhook", "Slack: the URL of a webhook, which lets anybody post"),
    rule("CAS0005", Url, "discord-webhook", "Discord: the URL of a webhook, which lets anybody post"),
    rule("CAS0006", Url, "telegram-bot", "Telegram: token of a bot, in the path"),
    rule("CAS0011", Header, "proxy-authorization", "credentials for a proxy (RFC 9110 §11.7)"),
    rule("CAS0012", Header, "authorization", "credentials for a server (RFC 9110 §11.6)"),
    rule("CAS0013", Header, "aeg-sas-key", "Azure Event Grid: access key"),
    rule("CAS0014", Header, "cf-access-client-secret", "Cloudflare Access: secret of a service token"),
    rule("CAS0015", Header, "cf-access-jwt-assertion", "Cloudflare Access: identity of the user, a JWT"),
    rule("CAS0016", Header, "dd-api-key", "Datadog: API key"),
    rule("CAS0017", Header, "dd-application-key", "Datadog: application key"),
    rule("CAS0018", Header, "deploy-token", "GitLab: deploy token"),
    rule("CAS0019", Header, "dpop", "OAuth: proof of possession (RFC 9449)"),
    rule("CAS0020", Header, "fastly-key", "Fastly: API token"),
    rule("CAS0021", Header, "job-token", "GitLab: token of a CI job"),
    rule("CAS0022", Header, "ocp-apim-subscription-key", "Azure API Management: subscription key"),
    rule("CAS0023", Header, "plaid-secret", "Plaid: secret of a client"),
    rule("CAS0024", Header, "private-token", "GitLab: personal access token"),
    rule("CAS0025", Header, "stripe-signature", "Stripe: signature of a webhook"),
    rule("CAS0026", Header, "x-access-token", "a bearer token in a custom header"),
    rule("CAS0027", Header, "x-algolia-api-key", "Algolia: API key"),
    rule("CAS0028", Header, "x-amz-security-token", "AWS: token of a temporary credential"),
    rule("CAS0029", Header, "x-amzn-oidc-accesstoken", "AWS load balancer: the user's access token"),
    rule("CAS0031", Field, "access_token", "OAuth: access token (RFC 6749 §5.1)"),
    rule("CAS0032", Field, "account_key", "Azure Storage: key of an account"),
    rule("CAS0033", Field, "activation_token", "Okta: token that activates a user"),
    rule("CAS0034", Field, "actor_token", "OAuth token exchange (RFC 8693)"),
    rule("CAS0035", Field, "api_key", "an API key"),
    rule("CAS0036", Field, "api_secret", "the secret half of an API key"),
    rule("CAS0037", Field, "api_token", "an API token"),
    rule("CAS0038", Field, "app_secret", "Meta and others: secret of an app"),
    rule("CAS0039", Field, "application_key", "Datadog, Backblaze: key of an application"),
    rule("CAS0040", Field, "appsecret_proof", "Meta: proof that a call comes from the app"),
    rule("CAS0041", Field, "auth_code", "OAuth: authorisation code"),
    rule("CAS0042", Field, "auth_token", "Twilio and others: authentication token"),
    rule("CAS0043", Field, "authenticity_token", "Rails: token against cross-site request forgery"),
    rule("CAS0044", Field, "authorization", "credentials, as in the header of that name"),
    rule("CAS0045", Field, "authorization_code", "OAuth: authorisation code"),
    rule("CAS0046", Field, "aws_secret_access_key", "AWS: secret key"),
    rule("CAS0047", Field, "aws_session_token", "AWS: token of a temporary credential"),
    rule("CAS0048", Field, "bearer_token", "a bearer token (RFC 6750)"),
    rule("CAS0049", Field, "binary_security_token", "SOAP: WS-Security token"),
    rule("CAS0050", Field, "bot_access_token", "Slack: token of a bot"),
    rule("CAS0051", Field, "client_assertion", "OAuth: signed credentials of a client (RFC 7523)"),
    rule("CAS0052", Field, "client_secret", "OAuth: secret of a client (RFC 6749 §2.3.1)"),
    rule("CAS0053", Field, "client_token", "HashiCorp Vault: token from a login"),
    rule("CAS0054", Field, "code_verifier", "OAuth: the secret behind a code challenge (RFC 7636)"),
    rule("CAS0055", Field, "connection_string", "Azure and databases: address with credentials"),
    rule("CAS0056", Field, "consumer_secret", "OAuth 1: secret of a consumer (RFC 5849)"),
    rule("CAS0057", Field, "csrf_token", "token against cross-site request forgery"),
    rule("CAS0058", Field, "csrfmiddlewaretoken", "Django: token against cross-site request forgery"),
    rule("CAS0059", Field, "current_password", "a password to be changed"),
    rule("CAS0060", Field, "db_password", "password of a database"),
    rule("CAS0061", Field, "dd_api_key", "Datadog: API key in a URL or a body"),
    rule("CAS0062", Field, "dd_application_key", "Datadog: application key in a URL or a body"),
    rule("CAS0063", Field, "device_code", "OAuth: code of a device (RFC 8628)"),
    rule("CAS0064", Field, "encryption_key", "an encryption key"),
    rule("CAS0065", Field, "fb_exchange_token", "Meta: token to be exchanged for a longer one"),
    rule("CAS0066", Field, "hapikey", "HubSpot: API key"),
    rule("CAS0067", Field, "hmac_key", "key of a message authentication code"),
    rule("CAS0068", Field, "id_token", "OpenID Connect: identity of the user"),
    rule("CAS0069", Field, "id_token_hint", "OpenID Connect: an earlier id_token"),
    rule("CAS0070", Field, "initial_access_token", "OpenID Connect: token that lets a client register"),
    rule("CAS0071", Field, "input_token", "Meta: token to be examined"),
    rule("CAS0072", Field, "integration_key", "PagerDuty and others: key of an integration"),
    rule("CAS0073", Field, "jwt", "a JSON Web Token (RFC 7519)"),
    rule("CAS0074", Field, "jwt_token", "a JSON Web Token (RFC 7519)"),
    rule("CAS0075", Field, "license_key", "New Relic and others: key of an account"),
    rule("CAS0076", Field, "link_token", "Plaid: token that begins a link to a bank"),
    rule("CAS0077", Field, "login_token", "a token for a login"),
    rule("CAS0078", Field, "logout_token", "OpenID Connect: token that ends a session"),
    rule("CAS0079", Field, "long_lived_token", "Meta: access token that is valid for months"),
    rule("CAS0080", Field, "master_key", "Parse, Cosmos DB, Meilisearch: master key"),
    rule("CAS0081", Field, "master_token", "Snowflake: token that renews a session"),
    rule("CAS0082", Field, "mfa_token", "Auth0, Snowflake: state of a second factor"),
    rule("CAS0083", Field, "new_password", "a password to be set"),
    rule("CAS0084", Field, "oauth_signature", "OAuth 1: signature of a request"),
    rule("CAS0085", Field, "oauth_token", "OAuth 1: token"),
    rule("CAS0086", Field, "oauth_token_secret", "OAuth 1: secret of a token"),
    rule("CAS0087", Field, "oauth_verifier", "OAuth 1: verification code"),
    rule("CAS0088", Field, "old_password", "a password to be changed"),
    rule("CAS0089", Field, "oob_code", "Firebase: code that resets a password or signs in"),
    rule("CAS0090", Field, "page_access_token", "Meta: token of a page"),
    rule("CAS0091", Field, "passphrase", "a password of several words, or of a key"),
    rule("CAS0092", Field, "passcode", "a one-time password: Okta, Snowflake"),
    rule("CAS0093", Field, "passwd", "a password"),
    rule("CAS0094", Field, "password", "a password"),
    rule("CAS0095", Field, "password_confirmation", "a password, typed again"),
    rule("CAS0096", Field, "personal_access_token", "token of a person: GitHub, GitLab, Azure DevOps"),
    rule("CAS0097", Field, "primary_connection_string", "Azure: address with the first key"),
    rule("CAS0098", Field, "private_key", "a private key"),
    rule("CAS0099", Field, "private_token", "GitLab: personal access token"),
    rule("CAS0100", Field, "proxy_password", "password for a proxy"),
    rule("CAS0101", Field, "pwd", "a password"),
    rule("CAS0102", Field, "recovery_token", "Okta: token that resets a password"),
    rule("CAS0103", Field, "refresh_token", "OAuth: refresh token"),
    rule("CAS0104", Field, "registration_access_token", "OpenID Connect: token that changes a registration"),
    rule("CAS0105", Field, "registration_token", "GitLab: token that registers a runner"),
    rule("CAS0106", Field, "remember_token", "Rails and others: token of a remembered login"),
    rule("CAS0107", Field, "request_verification_token", "ASP.NET: token against cross-site request forgery"),
    rule("CAS0108", Field, "reset_password_token", "Rails and others: token that resets a password"),
    rule("CAS0109", Field, "runner_token", "GitLab: token of a runner"),
    rule("CAS0110", Field, "saml_assertion", "SAML: signed statement about the user"),
    rule("CAS0111", Field, "saml_response", "SAML: signed statement about the user"),
    rule("CAS0112", Field, "sas_token", "Azure: shared access signature"),
    rule("CAS0113", Field, "secondary_connection_string", "Azure: address with the second key"),
    rule("CAS0114", Field, "secret", "any secret"),
    rule("CAS0115", Field, "secret_access_key", "AWS: secret key"),
    rule("CAS0116", Field, "secret_hash", "AWS Cognito: keyed hash of a client's secret"),
    rule("CAS0117", Field, "secret_key", "the secret half of a key pair"),
    rule("CAS0118", Field, "security_token", "Salesforce, AWS: token used with a password or key"),
    rule("CAS0119", Field, "service_account_key", "Google: key file of a service account"),
    rule("CAS0120", Field, "session_key", "key of a session"),
    rule("CAS0121", Field, "session_token", "token of a session: Okta, AWS, Snowflake"),
    rule("CAS0122", Field, "shared_access_key", "Azure Service Bus, Event Hubs: key of a policy"),
    rule("CAS0123", Field, "shared_access_signature", "Azure: shared access signature"),
    rule("CAS0124", Field, "shared_secret", "a secret that two sides share: Atlassian, Shopify"),
    rule("CAS0125", Field, "sig", "Azure Storage: signature of a shared access URL"),
    rule("CAS0126", Field, "signed_request", "Meta: signed statement about the user"),
    rule("CAS0127", Field, "signing_key", "a signing key"),
    rule("CAS0128", Field, "signing_secret", "Slack and others: secret that signs webhooks"),
    rule("CAS0129", Field, "state_token", "Okta: state of a login"),
    rule("CAS0130", Field, "storage_account_key", "Azure Storage: key of an account"),
    rule("CAS0131", Field, "subject_token", "OAuth token exchange (RFC 8693)"),
    rule("CAS0132", Field, "subscription_key", "Azure API Management, Cognitive Services: key"),
    rule("CAS0133", Field, "system_user_access_token", "Meta: token of a system user"),
    rule("CAS0134", Field, "token", "any token"),
    rule("CAS0135", Field, "totp_secret", "seed of one-time passwords"),
    rule("CAS0136", Field, "user_access_token", "token of a user: eBay, Meta"),
    rule("CAS0137", Field, "user_password", "a password"),
    rule("CAS0138", Field, "webhook_secret", "secret that signs webhooks"),
    rule("CAS0139", Field, "wrapping_token", "HashiCorp Vault: token for one read of a wrapped secret"),
    rule("CAS0140", Field, "write_key", "Segment, Honeycomb: key to write events"),
    rule("CAS0141", Field, "x_amz_credential", "AWS: signed URL, id of the signer"),
    rule("CAS0142", Field, "x_amz_security_token", "AWS: signed URL, token of a temporary credential"),
    rule("CAS0143", Field, "x_amz_signature", "AWS: signed URL, signature"),
    rule("CAS0144", Field, "x_api_key", "an API key, as in the header of that name"),
    rule("CAS0145", Field, "x_auth_token", "a token, as in the header of that name"),
    rule("CAS0146", Field, "x_goog_credential", "Google Cloud: signed URL, id of the signer"),
    rule("CAS0147", Field, "x_goog_signature", "Google Cloud: signed URL, signature"),
    rule("CAS0148", Field, "xsrf_token", "token against cross-site request forgery"),
    rule("CAS0149", Header, "paypal-auth-assertion", "PayPal: the account for which a call is made, a JWT"),
    rule("CAS0150", Header, "x-amzn-oidc-data", "AWS load balancer: identity of the user, a JWT"),
    rule("CAS0151", Header, "x-amz-server-side-encryption-customer-key", "AWS S3: key of an object"),
    rule("CAS0152", Header, "x-auth-key", "Cloudflare: global API key"),
    rule("CAS0153", Header, "x-auth-user-service-key", "Cloudflare: key of a service"),
    rule("CAS0154", Header, "x-aws-ec2-metadata-token", "AWS: token of the metadata service"),
    rule("CAS0155", Header, "x-consul-token", "HashiCorp Consul: token"),
    rule("CAS0156", Header, "x-csrf-token", "token against cross-site request forgery"),
    rule("CAS0157", Header, "x-forwarded-access-token", "OAuth2 Proxy: the user's access token"),
    rule("CAS0158", Header, "x-functions-key", "Azure Functions: key"),
    rule("CAS0159", Header, "x-gitlab-token", "GitLab: secret of a webhook"),
    rule("CAS0160", Header, "x-goog-api-key", "Google: API key"),
    rule("CAS0161", Header, "x-goog-iap-jwt-assertion", "Google: identity of the user, a JWT"),
    rule("CAS0162", Header, "x-hub-signature", "GitHub, Meta: signature of a webhook, SHA-1"),
    rule("CAS0163", Header, "x-hub-signature-256", "GitHub, Meta: signature of a webhook"),
    rule("CAS0164", Header, "x-hubspot-signature", "HubSpot: signature of a webhook"),
    rule("CAS0165", Header, "x-hubspot-signature-v3", "HubSpot: signature of a webhook"),
    rule("CAS0166", Header, "x-insert-key", "New Relic: key to insert events"),
    rule("CAS0167", Header, "x-kbc-manageapitoken", "Keboola: token of the management API"),
    rule("CAS0168", Header, "x-license-key", "New Relic: key of an account"),
    rule("CAS0169", Header, "x-ms-authorization-auxiliary", "Azure: further tokens"),
    rule("CAS0170", Header, "x-ms-encryption-key", "Azure Storage: encryption key of a blob"),
    rule("CAS0171", Header, "x-ms-token-aad-access-token", "Azure App Service: the user's access token"),
    rule("CAS0172", Header, "x-ms-token-aad-id-token", "Azure App Service: identity of the user"),
    rule("CAS0173", Header, "x-refresh-token", "OAuth: refresh token"),
    rule("CAS0174", Header, "x-session-token", "token of a session"),
    rule("CAS0175", Header, "x-shopify-access-token", "Shopify: token of a shop"),
    rule("CAS0176", Header, "x-shopify-hmac-sha256", "Shopify: signature of a webhook"),
    rule("CAS0177", Header, "x-slack-signature", "Slack: signature of a request"),
    rule("CAS0178", Header, "x-storageapi-token", "Keboola: token of a project"),
    rule("CAS0179", Header, "x-twilio-signature", "Twilio: signature of a webhook"),
    rule("CAS0180", Header, "x-vault-token", "HashiCorp Vault: token"),
    rule("CAS0181", Header, "x-xsrf-token", "token against cross-site request forgery"),
    rule("CAS0182", Header, "x-zendesk-webhook-signature", "Zendesk: signature of a webhook"),
    rule("CAS0183", Query, "hmac", "Shopify: signature of a callback"),
    rule("CAS0184", Query, "signature", "AWS CloudFront, Google Cloud, Alibaba: signature of a URL"),
    rule("CAS0185", Cookie, ".aspxauth", "ASP.NET: login"),
    rule("CAS0186", Cookie, "__cf_bm", "Cloudflare: bot detection"),
    rule("CAS0189", Cookie, "asp.net_sessionid", "ASP.NET: session"),
    rule("CAS0190", Cookie, "auth_session", "login"),
    rule("CAS0191", Cookie, "auth", "login"),
    rule("CAS0192", Cookie, "cf_clearance", "Cloudflare: passed challenge"),
    rule("CAS0193", Cookie, "connect.sid", "Express: session"),
    rule("CAS0194", Cookie, "csrftoken", "Django: token against cross-site request forgery"),
    rule("CAS0195", Cookie, "jsessionid", "Java: session"),
    rule("CAS0196", Cookie, "laravel_session", "Laravel: session"),
    rule("CAS0197", Cookie, "next-auth.session-token", "NextAuth.js: session"),
    rule("CAS0198", Cookie, "phpsessid", "PHP: session"),
    rule("CAS0199", Cookie, "remember_me", "a remembered login"),
    rule("CAS0201", Cookie, "sessionid", "Django: session"),
    rule("CAS0202", Cookie, "session", "session: Flask and others"),
    rule("CAS0203", Cookie, "sid", "session"),
    rule("CAS0204", Query, "code", "OAuth: authorisation code (RFC 6749 §4.1.2), also in forms, if it looks like a token"),
    rule("CAS0205", Field, "admin_password", "a password"),
    rule("CAS0206", Field, "access_tokens", "access tokens"),
    rule("CAS0207", Field, "api_keys", "API keys"),
    rule("CAS0208", Field, "cvc", "security code of a payment card"),
    rule("CAS0209", Field, "cvv", "security code of a payment card"),
    rule("CAS0210", Field, "db_pass", "password of a database"),
    rule("CAS0211", Field, "j_password", "Java: password of a login form"),
    rule("CAS0212", Field, "mail_password", "password of a mail server"),
    rule("CAS0213", Field, "mfa_code", "a one-time password"),
    rule("CAS0214", Field, "one_time_password", "a one-time password"),
    rule("CAS0215", Field, "otp", "a one-time password"),
    rule("CAS0216", Field, "otp_code", "a one-time password"),
    rule("CAS0217", Field, "root_password", "a password"),
    rule("CAS0218", Field, "smtp_password", "password of a mail server"),
    rule("CAS0219", Field, "spring.datasource.password", "Spring: password of a database"),
    rule("CAS0220", Field, "verification_code", "a one-time password, sent by mail or to a phone"),
    rule("CAS0221", Field, "x_api_token", "an API token, as in the header of that name"),
    rule("CAS0222", Url, "jsessionid", "Java: session id in the path of a URL"),
    rule("CAS0223", Field, "_csrf", "Spring, Express: token against cross-site request forgery"),
    rule("CAS0224", Header, "*-apikey", "an API key, by the end of its name"),
    rule("CAS0225", Header, "*-assertion", "an assertion, by the end of its name"),
    rule("CAS0226", Header, "*-auth", "a credential, by the end of its name"),
    rule("CAS0227", Header, "*-authorization", "a credential, by the end of its name"),
    rule("CAS0228", Header, "*-cookie", "a cookie in a custom header, by the end of its name"),
    rule("CAS0229", Header, "*-credential", "a credential, by the end of its name"),
    rule("CAS0230", Header, "*-credentials", "credentials, by the end of their name"),
    rule("CAS0231", Header, "*-jwt", "a JSON Web Token, by the end of its name"),
    rule("CAS0232", Header, "*-key", "a key, by the end of its name"),
    rule("CAS0233", Header, "*-passphrase", "a password, by the end of its name"),
    rule("CAS0234", Header, "*-passwd", "a password, by the end of its name"),
    rule("CAS0235", Header, "*-password", "a password, by the end of its name"),
    rule("CAS0236", Header, "*-secret", "a secret, by the end of its name"),
    rule("CAS0237", Header, "*-session", "a session, by the end of its name"),
    rule("CAS0238", Header, "*-session-id", "a session, by the end of its name"),
    rule("CAS0239", Header, "*-signature", "a signature, by the end of its name"),
    rule("CAS0240", Header, "*-token", "a token, by the end of its name"),
    rule("CAS0241", Header, "*", "a value that looks like a credential, in a header that no list knows"),
    // Rules that find a token by its pattern.
    rule("CAS0501", Pattern, "jwt", "a JSON Web Token, signed or encrypted (RFC 7519)"),
    rule("CAS0502", Pattern, "private-key", "a private key in PEM (RFC 7468), OpenSSH or PGP format"),
    rule("CAS0503", Pattern, "aws-access-key-id", "AWS: id of an access key, AKIA… and ASIA…"),
    rule("CAS0504", Pattern, "google-api-key", "Google Cloud, Firebase: API key, AIza…"),
    rule("CAS0505", Pattern, "github-token", "GitHub: ghp_…, gho_…, ghu_…, ghs_…, ghr_…, github_pat_…"),
    rule("CAS0506", Pattern, "gitlab-token", "GitLab: glpat-…, glrt-… and others"),
    rule("CAS0507", Pattern, "slack-token", "Slack: xoxb-…, xoxp-…, xapp-… and others"),
    rule("CAS0508", Pattern, "stripe-key", "Stripe: sk_live_…, rk_live_…, whsec_…, and keys of test mode"),
    rule("CAS0509", Pattern, "twilio-key", "Twilio: API key, SK and 32 hexadecimal digits"),
    rule("CAS0510", Pattern, "sendgrid-key", "SendGrid: API key, SG.…"),
    rule("CAS0511", Pattern, "npm-token", "npm: access token, npm_…"),
    rule("CAS0512", Pattern, "pypi-token", "PyPI: API token, pypi-…"),
    rule("CAS0513", Pattern, "ai-key", "OpenAI, Anthropic, OpenRouter and others: sk-…"),
    rule("CAS0514", Pattern, "google-oauth-token", "Google: access token, ya29.…"),
    rule("CAS0515", Pattern, "url-password", "the password in a URL with user and password, in any text"),
    rule("CAS0516", Pattern, "shopify-token", "Shopify: shpat_… and others"),
    rule("CAS0517", Pattern, "hugging-face-token", "Hugging Face: hf_…"),
    rule("CAS0518", Pattern, "digitalocean-token", "DigitalOcean: dop_v1_… and others"),
    rule("CAS0519", Pattern, "google-client-secret", "Google: secret of an OAuth client, GOCSPX-…"),
    rule("CAS0520", Pattern, "google-refresh-token", "Google: refresh token, 1//0…"),
    rule("CAS0521", Pattern, "vault-token", "HashiCorp Vault: hvs.…, hvb.…"),
    rule("CAS0522", Pattern, "groq-key", "Groq: API key, gsk_…"),
    rule("CAS0523", Pattern, "docker-token", "Docker: access token, dckr_pat_…, dckr_oat_…"),
    rule("CAS0524", Pattern, "atlassian-token", "Atlassian: API token, ATATT3…"),
    rule("CAS0525", Pattern, "databricks-token", "Databricks: access token, dapi and 32 hexadecimal digits"),
    rule("CAS0526", Pattern, "linear-key", "Linear: API key, lin_api_…"),
    rule("CAS0527", Pattern, "notion-token", "Notion: token of an integration, ntn_…"),
    rule("CAS0528", Pattern, "new-relic-key", "New Relic: user key, NRAK-…"),
    rule("CAS0529", Pattern, "grafana-token", "Grafana: token of a service account, glsa_…"),
    rule("CAS0530", Pattern, "xai-key", "xAI: API key, xai-…"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::rules::names::normalised;

    /// Every rule of this version and of earlier versions.
    const GOLDEN: &str = include_str!("catalogue.txt");

    #[test]
    fn ids_are_for_ever() {
        let lines: Vec<String> = default_rules().iter().map(ToString::to_string).collect();
        for line in &lines {
            assert!(GOLDEN.lines().any(|known| known == line), "add `{line}` to catalogue.txt");
        }
        for known in GOLDEN.lines() {
            let id = &known[..7];
            let now = lines.iter().find(|line| line.starts_with(id));
            assert!(now.is_none_or(|line| line == known), "{id} was `{known}`");
        }
    }

    #[test]
    fn the_list_is_sorted_and_complete() {
        for pair in default_rules().windows(2) {
            assert!(pair[0].id < pair[1].id, "{} and {}", pair[0], pair[1]);
        }
        for rule in default_rules() {
            let number = rule.id.strip_prefix("CAS").and_then(|n| n.parse::<u16>().ok());
            assert!(rule.id.len() == 7 && number.is_some(), "{rule}");
            assert_eq!(rule.kind == RuleKind::Pattern, number > Some(500), "{rule}");
            assert_eq!(rule.what, rule.what.to_lowercase(), "{rule}");
            assert!(!rule.why.is_empty(), "{rule}");
        }
    }

    #[test]
    fn no_name_twice() {
        let mut names: Vec<_> = default_rules().iter().map(|r| (r.kind, normalised(r.what))).collect();
        names.sort();
        names.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
    }

    #[track_caller]
    fn check(id: &str, expected: Result<&str, &str>) {
        let found = DefaultRule::find(id).map(|rule| rule.id).map_err(|e| e.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn finding() {
        check("CAS0012", Ok("CAS0012"));
        check("cas0012", Ok("CAS0012"));
        check("CAS0012 header authorization", Ok("CAS0012"));
        let nearest = "did you mean `CAS0031` (CAS0031 field access_token)?";
        check("CAS0O31", Err(&format!("there is no redaction rule `CAS0O31`; {nearest}")));
        check(" ", Err("the id of a redaction rule is empty"));
        check("access_tokn", Err(&format!("there is no redaction rule `access_tokn`; {nearest}")));
    }
}
