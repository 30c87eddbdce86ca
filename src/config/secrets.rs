//! Secrets: where they are read from, who else may read them, and whether a key is one. No message quotes a value: what stands where
//! a name belongs may be the secret itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;

/// A key has at least so many bytes, and so many bits by `bits`: half of what 32 random bytes have.
const KEY_BYTES: usize = 32;
const KEY_BITS: f64 = 100.0;

/// The secret in the file, or else in the environment variable.
pub(super) fn read(
    key: &'static str,
    file: Option<&Path>,
    variable: Option<&str>,
) -> Result<Option<String>, ConfigError> {
    let failed = |message: String| ConfigError::Secret { key, message };
    match (file, variable) {
        (Some(file), _) => {
            check_private(file).map_err(failed)?;
            let text = std::fs::read_to_string(file).map_err(|error| failed(format!("its file: {}", error.kind())))?;
            Ok(Some(text.trim_end().to_owned()))
        }
        (None, Some(variable)) => std::env::var(variable)
            .map(Some)
            .map_err(|_| failed("the environment variable that it names is not set, or no text".to_owned())),
        (None, None) => Ok(None),
    }
}

/// A key, from its file or the environment variable.
pub(super) fn read_key(
    name: &'static str,
    file: Option<&Path>,
    variable: Option<&str>,
) -> Result<Option<String>, ConfigError> {
    let key = read(name, file, variable)?;
    if let Some(key) = &key {
        check_key(key).map_err(|message| ConfigError::Secret { key: name, message })?;
    }
    Ok(key)
}

/// Refuses a file that everybody on the machine may read, or others than its owner may write. Its group may read it: a secret that a container is given belongs to a group.
pub(super) fn check_private(file: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if let Ok(metadata) = std::fs::metadata(file) {
            let mode = metadata.permissions().mode();
            if mode & 0o007 != 0 {
                return Err(format!("everybody may open its file (mode {:04o}); chmod 600 it", mode & 0o7777));
            }
            if mode & 0o020 != 0 {
                return Err(format!("its group may write to its file (mode {:04o}); chmod 640 it", mode & 0o7777));
            }
        }
        // Whoever may write to the directory may put another file in its place, unless only owners may (the sticky bit).
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(metadata) = std::fs::metadata(dir) {
            let mode = metadata.permissions().mode();
            if mode & 0o002 != 0 && mode & 0o1000 == 0 {
                return Err(format!("everybody may write to the directory of its file (mode {:04o})", mode & 0o7777));
            }
        }
    }
    Ok(())
}

/// Refuses what is too short or too regular for a key.
fn check_key(key: &str) -> Result<(), String> {
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "it has spaces, several lines or signs that cannot be seen; `openssl rand -hex 32` makes one".to_owned()
        );
    }
    if key.len() < KEY_BYTES {
        return Err(format!("it is shorter than {KEY_BYTES} bytes"));
    }
    if bits(key.as_bytes()) < KEY_BITS {
        return Err("it is too regular to be a key; `openssl rand -hex 32` makes one".to_owned());
    }
    Ok(())
}

/// Bits of a text, estimated from how often its bytes occur, and how often each step from one to the next does: a repeated text counts
/// once, a sequence has the same step throughout.
fn bits(text: &[u8]) -> f64 {
    let period = (1..=text.len()).find(|period| text.iter().skip(*period).eq(text.iter().take(text.len() - period)));
    let once = &text[..period.unwrap_or(text.len())];
    let steps: Vec<u8> = once.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    entropy(once).min(entropy(&steps)) * once.len() as f64
}

/// Shannon entropy of the bytes' frequencies, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
    for byte in bytes {
        *counts.entry(*byte).or_default() += 1.0;
    }
    let all = bytes.len() as f64;
    counts.values().map(|count| -(count / all) * (count / all).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_texts_are_no_keys() {
        let repeated = "x7Qp2Lw9".repeat(8);
        for text in [
            "0".repeat(64).as_str(),
            "abcabcabcabcabcabcabcabcabcabcabcabc",
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            repeated.as_str(),
            "short",
            "the quick brown fox jumps over the lazy dog and is glad of it",
            "4be1f0c6a7d2953088ef6b1a2c7d9e5f\n01b3c8d7e6a4f2905d1c8b7a6e3f4d20",
            "\u{feff}4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290",
        ] {
            assert!(check_key(text).is_err(), "{text}: {}", bits(text.as_bytes()));
        }
        for text in [
            "9f1c3ab0d47e6258c1e09b7a4d3f8862",
            "4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f2905d1c8b7a6e3f4d20",
            "u8Zk1mVQ0p3xT6bJr9WcYhN2sLfDgE4a+/5o7AiqX=",
        ] {
            assert!(check_key(text).is_ok(), "{text}: {}", bits(text.as_bytes()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_everybody_may_read_is_refused_and_none_is_quoted() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hunter2");
        std::fs::write(&file, "4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290\n").unwrap();
        let set = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        for (mode, is_taken) in [(0o600, true), (0o640, true), (0o660, false), (0o644, false), (0o606, false)] {
            set(mode);
            let read = read("alerts.key", Some(&file), None);
            assert_eq!(read.is_ok(), is_taken, "{mode:o}");
            assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
        }
        set(0o600);
        let open = |mode| std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        for (mode, is_taken) in [(0o777, false), (0o1777, true), (0o700, true)] {
            open(mode);
            assert_eq!(read("alerts.key_file", Some(&file), None).is_ok(), is_taken, "{mode:o}");
        }
        let missing = read("kafka.sasl_password", Some(Path::new("/nowhere/hunter2")), None).unwrap_err().to_string();
        let unset = read("kafka.sasl_password", None, Some("hunter2")).unwrap_err().to_string();
        assert!(!missing.contains("hunter2") && !unset.contains("hunter2"), "{missing} {unset}");
    }
}
