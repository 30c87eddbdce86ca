//! What would leave this machine unprotected: refused unless the configuration says so.

use std::net::IpAddr;

use super::{Config, ConfigError};

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let value = |key: &str, message: String| Err(ConfigError::Value { key: key.to_owned(), message });
    let kafka = &config.kafka;
    // What stands before the @ may be a password, which no message quotes.
    if kafka.brokers.contains('@') {
        let message = "a broker is host:port; names and passwords are kafka.sasl_username and kafka.sasl_password_file";
        return value("kafka.brokers", message.to_owned());
    }
    let remote = kafka.brokers.split(',').map(str::trim).find(|broker| !broker.is_empty() && !is_this_machine(broker));
    if let Some(broker) = remote
        && kafka.security_protocol.ends_with("plaintext")
        && !kafka.allow_plaintext
    {
        let message = format!(
            "{} would send personal data to {broker} without encryption; use ssl or sasl_ssl, or set kafka.allow_plaintext = true if the network is protected otherwise",
            kafka.security_protocol
        );
        return value("kafka.security_protocol", message);
    }
    let listen = &config.http.listen;
    if !is_this_machine(listen) && !config.http.allow_remote {
        let message = format!(
            "{listen} can be reached from other machines, without encryption or password; set http.allow_remote = true if the network is protected otherwise"
        );
        return value("http.listen", message);
    }
    Ok(())
}

/// Whether an address, "host:port", is reached from this machine only.
fn is_this_machine(address: &str) -> bool {
    let host = match address.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => address.rsplit_once(':').map_or(address, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_machine_unprotected_unless_allowed() {
        let check = |text: &str| toml::from_str::<Config>(text).unwrap().check().map_err(|error| error.to_string());
        for text in [
            "[kafka]\nbrokers = '127.0.0.1:9092, [::1]:9093,localhost:9094'",
            "[kafka]\nbrokers = 'kafka-1:9092'\nsecurity_protocol = 'ssl'",
            "[kafka]\nbrokers = 'kafka-1:9092'\nallow_plaintext = true",
            "[http]\nlisten = '[::1]:9187'",
            "[http]\nlisten = '0.0.0.0:9187'\nallow_remote = true",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        let told = check("[kafka]\nbrokers = 'me:hunter2@kafka-1:9092'").unwrap_err();
        assert!(told.contains("kafka.brokers") && !told.contains("hunter2"), "{told}");
        let sasl = "sasl_mechanism = 'PLAIN'\nsasl_username = 'x'\nsasl_password_env = 'P'";
        for text in [
            "[kafka]\nbrokers = 'localhost:9092,kafka-1:9092'".to_owned(),
            "[kafka]\nbrokers = '10.0.0.1:9092'".to_owned(),
            "[kafka]\nbrokers = 'localhost.example:9092'".to_owned(),
            format!("[kafka]\nbrokers = 'kafka-1:9092'\nsecurity_protocol = 'sasl_plaintext'\n{sasl}"),
        ] {
            assert!(check(&text).unwrap_err().contains("without encryption"), "{text}");
        }
        for listen in ["0.0.0.0:9187", "[::]:9187", "10.1.2.3:9187", ":9187"] {
            assert!(check(&format!("[http]\nlisten = '{listen}'")).unwrap_err().contains("http.listen"), "{listen}");
        }
    }
}
