"""The nineteen hunts: as a hunter writes them in KQL, and the best each peer can do for the same answer.

{P} and {N} stand for the tables of processes and connections. Every answer is determined by the data alone, ties included,
so that answers can be compared row by row; `about` names columns that are estimates by their function's definition.
"""

from dataclasses import dataclass, field

FROM, TO = "2026-09-19 00:00:00", "2026-09-26 00:00:00"
WEEK_KQL = "Timestamp >= datetime(2026-09-19) and Timestamp < datetime(2026-09-26)"
WEEK_DUCK = f"Timestamp >= TIMESTAMPTZ '{FROM}+00' AND Timestamp < TIMESTAMPTZ '{TO}+00'"
WEEK_CLICK = f"Timestamp >= toDateTime64('{FROM}', 6, 'UTC') AND Timestamp < toDateTime64('{TO}', 6, 'UTC')"
LINE = "ProcessCommandLine"


@dataclass
class Hunt:
    name: str
    kql: str
    duckdb: str
    chdb: str
    # Positions of columns that are estimates: compared to 15 %.
    about: set = field(default_factory=set)


def term_duck(column, term):
    """A whole term, ignoring case: a plain search first, which is DuckDB's fast one, then the word's edges."""
    return f"({column} ILIKE '%{term}%' AND regexp_matches({column}, '(?i)(^|[^a-z0-9]){term}([^a-z0-9]|$)'))"


def term_click(column, term):
    return f"hasTokenCaseInsensitive({column}, '{term}')"


def counted(name, kql, duckdb, chdb):
    select = "SELECT count(*) AS n FROM {P} WHERE "
    return Hunt(name, f"{{P}} | where {kql} | count", select + duckdb, select + chdb)


def quoted(words, mark="'"):
    return ", ".join(f"{mark}{word}{mark}" for word in words)


ANY = ["mimikatz", "urlcache", "bitsadmin", "scrobj", "comsvcs", "vssadmin"]
ANY_REGEX = f"(?i)(^|[^a-z0-9])({'|'.join(ANY)})([^a-z0-9]|$)"
ENCODED = r"(?i)-e(nc|ncodedcommand)\s+[a-z0-9+/]{60,}"
TOOLS = ["certutil.exe", "bitsadmin.exe", "regsvr32.exe", "vssadmin.exe"]
# As rules in Sigma's format come out: endings of the path, alternatives of text, one exception.
IMAGES = ["rundll32.exe", "regsvr32.exe", "certutil.exe", "bitsadmin.exe", "schtasks.exe", "cmd.exe", "powershell.exe"]
PARTS = ["comsvcs.dll", "minidump", "-urlcache", "scrobj.dll", "/transfer", "delete shadows", "-w hidden", "downloadstring", "invoke-webrequest", "frombase64string", "reg save", "ntdsutil", "wevtutil cl", "sekurlsa", "lsass.dmp", "/i:http"]


def sigma_kql():
    images = " or ".join(f'FolderPath endswith "{image}"' for image in IMAGES)
    parts = " or ".join(f'{LINE} contains "{part}"' for part in PARTS)
    return f'({images}) and ({parts}) and not (AccountName =~ "system" and {LINE} contains "-verifystore")'


def sigma_sql(like):
    images = " OR ".join(like("FolderPath", f"%{image}") for image in IMAGES)
    parts = " OR ".join(like(LINE, f"%{part}%") for part in PARTS)
    exception = like(LINE, "%-verifystore%")
    return f"({images}) AND ({parts}) AND NOT (lower(AccountName) = 'system' AND {exception})"


HUNTS = [
    counted("s1 rare term", f'{LINE} has "comsvcs"', term_duck(LINE, "comsvcs"), term_click(LINE, "comsvcs")),
    counted("s1b rarest term", f'{LINE} has "mimikatz"', term_duck(LINE, "mimikatz"), term_click(LINE, "mimikatz")),
    counted("s2 common term", f'{LINE} has "powershell"', term_duck(LINE, "powershell"), term_click(LINE, "powershell")),
    counted("s3 substring", f'{LINE} contains "SEKURLSA"', f"{LINE} ILIKE '%SEKURLSA%'", f"{LINE} ILIKE '%SEKURLSA%'"),
    counted("s4 any of six terms", f"{LINE} has_any ({quoted(ANY)})", f"regexp_matches({LINE}, '{ANY_REGEX}')",
            f"(multiSearchAnyCaseInsensitive({LINE}, [{quoted(ANY)}]) AND match({LINE}, '{ANY_REGEX}'))"),
    counted("s5 regular expression", f'{LINE} matches regex @"{ENCODED}"', f"regexp_matches({LINE}, '{ENCODED}')", f"match({LINE}, '{ENCODED}')".replace("\\", "\\\\")),
    counted("s6 one of four names", f"FileName in~ ({quoted(word.upper() for word in TOOLS)})", f"lower(FileName) IN ({quoted(TOOLS)})", f"lower(FileName) IN ({quoted(TOOLS)})"),
    Hunt(
        "h1 term in a week",
        f'{{P}} | where {WEEK_KQL} | where {LINE} has "urlcache" and FileName =~ "certutil.exe" | project Timestamp, DeviceName, AccountName, {LINE}, InitiatingProcessFileName',
        f"SELECT Timestamp, DeviceName, AccountName, {LINE}, InitiatingProcessFileName FROM {{P}} WHERE {WEEK_DUCK} AND {term_duck(LINE, 'urlcache')} AND lower(FileName) = 'certutil.exe'",
        f"SELECT Timestamp, DeviceName, AccountName, {LINE}, InitiatingProcessFileName FROM {{P}} WHERE {WEEK_CLICK} AND {term_click(LINE, 'urlcache')} AND lower(FileName) = 'certutil.exe'",
    ),
    Hunt(
        "h2 count per hour and device",
        f"{{P}} | where {WEEK_KQL} | summarize n = count() by Hour = bin(Timestamp, 1h), DeviceName | sort by n desc, Hour asc, DeviceName asc | take 100",
        f"SELECT date_trunc('hour', Timestamp) AS Hour, DeviceName, count(*) AS n FROM {{P}} WHERE {WEEK_DUCK} GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 100",
        f"SELECT toDateTime64(Hour, 6, 'UTC'), DeviceName, n FROM (SELECT toStartOfHour(Timestamp) AS Hour, DeviceName, count() AS n FROM {{P}} WHERE {WEEK_CLICK} GROUP BY Hour, DeviceName ORDER BY n DESC, Hour, DeviceName LIMIT 100)",
    ),
    Hunt(
        "h3 devices per file and account",
        "{P} | summarize d = dcount(DeviceId) by FileName, AccountName",
        "SELECT FileName, AccountName, approx_count_distinct(DeviceId) AS d FROM {P} GROUP BY 1, 2",
        "SELECT FileName, AccountName, uniqHLL12(DeviceId) AS d FROM {P} GROUP BY 1, 2",
        about={2},
    ),
    Hunt(
        "h4 newest hundred",
        f"{{P}} | where InitiatingProcessFileName in~ ('winword.exe', 'excel.exe') | top 100 by Timestamp desc | project Timestamp, DeviceName, FileName, {LINE}, SHA256",
        f"SELECT Timestamp, DeviceName, FileName, {LINE}, SHA256 FROM {{P}} WHERE lower(InitiatingProcessFileName) IN ('winword.exe', 'excel.exe') ORDER BY Timestamp DESC LIMIT 100",
        f"SELECT Timestamp, DeviceName, FileName, {LINE}, SHA256 FROM {{P}} WHERE lower(InitiatingProcessFileName) IN ('winword.exe', 'excel.exe') ORDER BY Timestamp DESC LIMIT 100",
    ),
    Hunt(
        "h5 connections soon after",
        f'let started = {{P}} | where {WEEK_KQL} | where {LINE} has "encodedcommand" | project Started = Timestamp, DeviceId; started | join kind=inner ({{N}} | where {WEEK_KQL} and ActionType == "ConnectionSuccess" | project Connected = Timestamp, DeviceId, RemoteIP) on DeviceId | where Connected >= Started and Connected <= Started + 10m | summarize n = count() by RemoteIP | sort by n desc, RemoteIP asc | take 100',
        f"WITH p AS (SELECT Timestamp AS s, DeviceId FROM {{P}} WHERE {WEEK_DUCK} AND {term_duck(LINE, 'encodedcommand')}), n AS (SELECT Timestamp AS c, DeviceId, RemoteIP FROM {{N}} WHERE {WEEK_DUCK} AND ActionType = 'ConnectionSuccess') SELECT RemoteIP, count(*) AS n FROM p JOIN n USING (DeviceId) WHERE c >= s AND c <= s + INTERVAL 10 MINUTE GROUP BY 1 ORDER BY n DESC, 1 LIMIT 100",
        f"WITH p AS (SELECT Timestamp AS s, DeviceId FROM {{P}} WHERE {WEEK_CLICK} AND {term_click(LINE, 'encodedcommand')}), n AS (SELECT Timestamp AS c, DeviceId, RemoteIP FROM {{N}} WHERE {WEEK_CLICK} AND ActionType = 'ConnectionSuccess') SELECT RemoteIP, count() AS k FROM n INNER JOIN p ON n.DeviceId = p.DeviceId WHERE c >= s AND c <= s + INTERVAL 10 MINUTE GROUP BY RemoteIP ORDER BY k DESC, RemoteIP LIMIT 100",
    ),
    Hunt(
        "h6 last process per device",
        f"{{P}} | where {WEEK_KQL} | summarize arg_max(Timestamp, FileName, {LINE}, AccountName) by DeviceId",
        f"SELECT DeviceId, max(Timestamp), arg_max(FileName, Timestamp), arg_max({LINE}, Timestamp), arg_max(AccountName, Timestamp) FROM {{P}} WHERE {WEEK_DUCK} GROUP BY 1",
        f"SELECT DeviceId, r.1, r.2, r.3, r.4 FROM (SELECT DeviceId, argMax((Timestamp, FileName, {LINE}, AccountName), Timestamp) AS r FROM {{P}} WHERE {WEEK_CLICK} GROUP BY DeviceId)",
    ),
    Hunt(
        "h7 tags expanded",
        f"{{P}} | where {WEEK_KQL} | mv-expand Tag = parse_json(AdditionalFields).Tags to typeof(string) | where isnotempty(Tag) | summarize n = count() by Tag",
        f"SELECT t, count(*) AS n FROM (SELECT unnest(from_json(json_extract(AdditionalFields, '$.Tags'), '[\"VARCHAR\"]')) AS t FROM {{P}} WHERE {WEEK_DUCK}) GROUP BY 1",
        f"SELECT arrayJoin(JSONExtract(assumeNotNull(AdditionalFields), 'Tags', 'Array(String)')) AS t, count() AS n FROM {{P}} WHERE {WEEK_CLICK} GROUP BY t",
    ),
    Hunt(
        "h8 rare files",
        "{P} | summarize Devices = count_distinct(DeviceId), n = count() by SHA256 | where Devices <= 2",
        "SELECT SHA256, count(DISTINCT DeviceId) AS d, count(*) AS n FROM {P} GROUP BY 1 HAVING d <= 2",
        "SELECT SHA256, uniqExact(DeviceId) AS d, count() AS n FROM {P} GROUP BY 1 HAVING d <= 2",
    ),
    Hunt(
        "h9 files per device",
        f"{{P}} | where {WEEK_KQL} | summarize make_set(FileName) by DeviceName",
        f"SELECT DeviceName, list(DISTINCT FileName) AS s FROM {{P}} WHERE {WEEK_DUCK} GROUP BY 1",
        f"SELECT DeviceName, groupUniqArray(FileName) AS s FROM {{P}} WHERE {WEEK_CLICK} GROUP BY 1",
    ),
    Hunt(
        "h10 two paths in JSON",
        f'{{P}} | where {WEEK_KQL} | extend a = parse_json(AdditionalFields) | where toint(a.Signature.Score) > 95 and tostring(a.Signature.Signer) == "Contoso IT" | count',
        f"SELECT count(*) AS n FROM {{P}} WHERE {WEEK_DUCK} AND CAST(json_extract(AdditionalFields, '$.Signature.Score') AS INTEGER) > 95 AND json_extract_string(AdditionalFields, '$.Signature.Signer') = 'Contoso IT'",
        f"SELECT count() AS n FROM {{P}} WHERE {WEEK_CLICK} AND JSONExtractInt(assumeNotNull(AdditionalFields), 'Signature', 'Score') > 95 AND JSONExtractString(assumeNotNull(AdditionalFields), 'Signature', 'Signer') = 'Contoso IT'",
    ),
    counted("w1 wide rule", sigma_kql(), sigma_sql(lambda column, like: f"{column} ILIKE '{like}'"),
            sigma_sql(lambda column, like: f"{column} ILIKE '{like}'")),
    Hunt(
        "w2 union of tables",
        f'union {{P}}, {{N}} | where {WEEK_KQL} | where DeviceName has "sv00009" or InitiatingProcessCommandLine has "comsvcs" | summarize n = count() by ActionType',
        "SELECT ActionType, count(*) AS n FROM ("
        + " UNION ALL ".join(f"SELECT ActionType, DeviceName, InitiatingProcessCommandLine FROM {t} WHERE {WEEK_DUCK}" for t in ("{P}", "{N}"))
        + f") WHERE {term_duck('DeviceName', 'sv00009')} OR {term_duck('InitiatingProcessCommandLine', 'comsvcs')} GROUP BY 1",
        "SELECT ActionType, count() AS n FROM ("
        + " UNION ALL ".join(f"SELECT ActionType, DeviceName, InitiatingProcessCommandLine FROM {t} WHERE {WEEK_CLICK}" for t in ("{P}", "{N}"))
        + f") WHERE {term_click('DeviceName', 'sv00009')} OR {term_click('InitiatingProcessCommandLine', 'comsvcs')} GROUP BY 1",
    ),
]
