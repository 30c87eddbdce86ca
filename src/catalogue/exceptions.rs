//! Exceptions from safeguards, which the configuration of a process makes and no file of `queries/` can (`proofs::lawful`).

/// An exception for one version of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Id of a rule, name of a view or link, or `gateways.toml`.
    pub text: String,
    pub safeguard: String,
    pub reason: String,
    /// The fingerprint of the version that it is for.
    pub fingerprint: String,
    /// The fingerprint of the text as the directory was read; `None` if there is no such text.
    pub now: Option<String>,
}
