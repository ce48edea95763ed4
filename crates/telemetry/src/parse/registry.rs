//! Registry paths and values in the hunting tables' spelling.

/// Where a registry object is: its key, and the value in it where the path names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPath {
    /// The key, with the hive spelled out.
    pub key: String,
    /// The value's name; empty for a key's default value, `None` when the path is a key.
    pub value_name: Option<String>,
}

/// A typed registry value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryData {
    /// `Dword`, `Qword`, `Binary`, `String`, `ExpandString`, `MultiString` or `None`.
    pub kind: &'static str,
    /// The data as text; numbers in decimal, empty for binary data (no source has it).
    pub data: String,
}

/// Splits Sysmon's `TargetObject` of an event about a value.
#[must_use]
pub fn split_value(target: &str) -> RegistryPath {
    let (key, name) = split_last(target);
    let name = if name.eq_ignore_ascii_case("(Default)") {
        ""
    } else {
        name
    };
    RegistryPath {
        key: spell_key(key),
        value_name: Some(name.to_owned()),
    }
}

/// A key's path in the tables' spelling: hives in full, the current control set by its number.
#[must_use]
pub fn spell_key(path: &str) -> String {
    let (hive, rest) = match path
        .strip_prefix(r"\REGISTRY\")
        .or_else(|| path.strip_prefix(r"\Registry\"))
    {
        Some(native) => native_hive(native),
        None => short_hive(path),
    };
    let rest = numbered_control_set(hive, rest);
    if rest.is_empty() {
        hive.to_owned()
    } else {
        format!("{hive}\\{rest}")
    }
}

fn short_hive(path: &str) -> (&str, &str) {
    let (hive, rest) = path.split_once('\\').unwrap_or((path, ""));
    let long = match hive.to_ascii_uppercase().as_str() {
        "HKLM" | "HKEY_LOCAL_MACHINE" => "HKEY_LOCAL_MACHINE",
        "HKU" | "HKEY_USERS" => "HKEY_USERS",
        "HKCU" | "HKEY_CURRENT_USER" => "HKEY_CURRENT_USER",
        "HKCR" | "HKEY_CLASSES_ROOT" => r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes",
        "HKCC" | "HKEY_CURRENT_CONFIG" => "HKEY_CURRENT_CONFIG",
        _ => hive,
    };
    (long, rest)
}

/// The kernel's names: `\REGISTRY\MACHINE\…`, `\REGISTRY\USER\…`.
fn native_hive(native: &str) -> (&str, &str) {
    let (hive, rest) = native.split_once('\\').unwrap_or((native, ""));
    match hive.to_ascii_uppercase().as_str() {
        "MACHINE" => ("HKEY_LOCAL_MACHINE", rest),
        "USER" => ("HKEY_USERS", rest),
        _ => (hive, rest),
    }
}

/// `SYSTEM\CurrentControlSet` is a link; the tables show what it points to.
fn numbered_control_set(hive: &str, rest: &str) -> String {
    const LINK: &str = r"SYSTEM\CurrentControlSet";
    let linked = hive == "HKEY_LOCAL_MACHINE"
        && rest
            .get(..LINK.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(LINK))
        && rest[LINK.len()..].chars().next().is_none_or(|c| c == '\\');
    if linked {
        format!(r"SYSTEM\ControlSet001{}", &rest[LINK.len()..])
    } else {
        rest.to_owned()
    }
}

/// Cuts a value's name off a path. Names may hold backslashes: those that are paths themselves
/// begin with a backslash of their own (`…\S-1-5-21-1\\Device\…`) or with a drive letter.
fn split_last(path: &str) -> (&str, &str) {
    if let Some(at) = path.find(r"\\").filter(|&at| at > 0) {
        return (&path[..at], &path[at + 1..]);
    }
    let bytes = path.as_bytes();
    let drive = bytes
        .windows(4)
        .position(|w| w[0] == b'\\' && w[1].is_ascii_alphabetic() && w[2] == b':' && w[3] == b'\\');
    match drive.or_else(|| path.rfind('\\')) {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (path, ""),
    }
}

/// Reads Sysmon's `Details`.
#[must_use]
pub fn details(text: &str) -> RegistryData {
    let data = |kind, data: String| RegistryData { kind, data };
    if let Some(number) = inside(text, "DWORD").and_then(hex32) {
        return data("Dword", number.to_string());
    }
    if let Some((high, low)) = inside(text, "QWORD").and_then(|t| t.split_once('-'))
        && let (Some(high), Some(low)) = (hex32(high), hex32(low))
    {
        return data(
            "Qword",
            (u64::from(high) << 32 | u64::from(low)).to_string(),
        );
    }
    match text {
        "Binary Data" => data("Binary", String::new()),
        "(Empty)" => data("String", String::new()),
        _ => data("String", text.to_owned()),
    }
}

/// The text between the parentheses of `KIND (…)`.
fn inside<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    text.strip_prefix(kind)?
        .trim_start()
        .strip_prefix('(')?
        .strip_suffix(')')
}

fn hex32(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// The value type that Windows Security writes as a message number in event 4657.
#[must_use]
pub fn audit_value_kind(code: &str) -> Option<&'static str> {
    Some(match code.trim() {
        "%%1872" => "None",
        "%%1873" => "String",
        "%%1874" => "ExpandString",
        "%%1875" => "Binary",
        "%%1876" | "%%1877" => "Dword",
        "%%1879" => "MultiString",
        "%%1883" => "Qword",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(target: &str) -> (String, String) {
        let path = split_value(target);
        (path.key, path.value_name.unwrap())
    }

    #[test]
    fn run_key() {
        let (key, name) =
            split(r"HKU\S-1-5-21-1-2-3-1104\Software\Microsoft\Windows\CurrentVersion\Run\Updater");
        assert_eq!(
            key,
            r"HKEY_USERS\S-1-5-21-1-2-3-1104\Software\Microsoft\Windows\CurrentVersion\Run"
        );
        assert_eq!(name, "Updater");
    }

    #[test]
    fn names_that_are_paths() {
        let (key, name) = split(
            r"HKLM\System\CurrentControlSet\Services\bam\State\UserSettings\S-1-5-21-500\\Device\HarddiskVolume2\TMP\a.exe",
        );
        assert_eq!(
            key,
            r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\bam\State\UserSettings\S-1-5-21-500"
        );
        assert_eq!(name, r"\Device\HarddiskVolume2\TMP\a.exe");
        let (key, name) = split(r"HKU\S-1\Store\C:\Program Files\a.exe");
        assert_eq!(
            (key.as_str(), name.as_str()),
            (r"HKEY_USERS\S-1\Store", r"C:\Program Files\a.exe")
        );
    }

    #[test]
    fn hives() {
        assert_eq!(
            spell_key(r"HKCR\CLSID\{1}"),
            r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\CLSID\{1}"
        );
        assert_eq!(
            spell_key(r"HKLM\SYSTEM\CurrentControlSetX"),
            r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSetX"
        );
        assert_eq!(
            spell_key(r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Control"),
            r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control"
        );
        assert_eq!(
            spell_key(r"\REGISTRY\USER\S-1-5-18\a"),
            r"HKEY_USERS\S-1-5-18\a"
        );
        assert_eq!(spell_key("HKLM"), "HKEY_LOCAL_MACHINE");
        assert_eq!(
            split(r"HKLM\a\(Default)"),
            (r"HKEY_LOCAL_MACHINE\a".to_owned(), String::new())
        );
    }

    #[test]
    fn values() {
        assert_eq!(
            details("DWORD (0x00000001)"),
            RegistryData {
                kind: "Dword",
                data: "1".into()
            }
        );
        assert_eq!(
            details("QWORD (0x01d6a5d0-0x5dd5455c)"),
            RegistryData {
                kind: "Qword",
                data: "132475553400046940".into()
            }
        );
        assert_eq!(details("Binary Data").kind, "Binary");
        assert_eq!(details("(Empty)").data, "");
        assert_eq!(details("DWORD (nothing)").kind, "String");
    }
}
