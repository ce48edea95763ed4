#!/usr/bin/env python3
"""Makes office_day.jsonl.gz: a day of four Windows hosts on which nothing bad happens.

Everything in it is invented. It holds the ordinary noise of Sysmon and Windows Security, and for
every rule in demo/rules at least one action of an administrator or a program that comes close to what
the rule looks for without being it. The output is the same on every run.

    python3 generate.py            writes the file beside this script
    python3 generate.py --check    fails when the file is not what this script makes
"""
import gzip
import hashlib
import io
import json
import pathlib
import random
import sys
from datetime import datetime, timedelta, timezone

random.seed(20260302)
START = datetime(2026, 3, 2, 7, 30, tzinfo=timezone.utc)
SYSTEM32 = "C:\\Windows\\System32\\"
ADMIN, USER, DESK, SYSTEM = ("CONTOSO\\adm-berg", "CONTOSO\\lena.vogt", "CONTOSO\\helpdesk1", "NT AUTHORITY\\SYSTEM")
SID = {ADMIN: "S-1-5-21-1004336348-1177238915-682003330-1105", USER: "S-1-5-21-1004336348-1177238915-682003330-1117",
       DESK: "S-1-5-21-1004336348-1177238915-682003330-1109", SYSTEM: "S-1-5-18"}
LOGON = {ADMIN: "0x4a7f1", USER: "0x51c20", DESK: "0x6b014", SYSTEM: "0x3e7"}
HOSTS = {"WS-ADM01": "10.20.1.10", "WS-17": "10.20.1.17", "SRV-FILE01": "10.20.0.21", "DC01": "10.20.0.5"}
SERVERS = ["10.20.0.21", "10.20.0.22", "10.20.0.23"]

events = []
records = {}
pids = {}


def emit(host, when, source, event_id, fields):
    channel = "Security" if "Auditing" in source else source + "/Operational"
    records[host, channel] = records.get((host, channel), 10000) + 1
    event = {"SourceName": source, "Channel": channel, "EventID": event_id, "Hostname": host + ".contoso.com",
             "RecordNumber": records[host, channel], "TimeCreated": when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}
    event.update(fields)
    events.append((when, len(events), event))


def sysmon(host, when, event_id, **fields):
    emit(host, when, "Microsoft-Windows-Sysmon", event_id, {"UtcTime": when.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], **fields})


def security(host, when, event_id, **fields):
    emit(host, when, "Microsoft-Windows-Security-Auditing", event_id, fields)


def subject(user):
    domain, name = user.split("\\")
    return {"SubjectUserSid": SID[user], "SubjectUserName": name, "SubjectDomainName": domain, "SubjectLogonId": LOGON[user]}


class Process:
    """A running process; made by `run`, or found running by `known`."""

    def __init__(self, host, when, user, image):
        pids[host] = pids.get(host, 2000) + random.choice([4, 8, 12, 20])
        self.host, self.user, self.image, self.pid = host, user, image, pids[host]
        seconds = int(when.timestamp())
        self.guid = "{%s-%04x-%04x-%04x-000000000200}" % (
            hashlib.md5(host.encode()).hexdigest()[:8], seconds & 0xFFFF, seconds >> 16, self.pid & 0xFFFF)

    def ref(self):
        return {"ProcessGuid": self.guid, "ProcessId": str(self.pid), "Image": self.image, "User": self.user}


def known(host, user, image):
    return Process(host, START - timedelta(hours=9), user, image)


SERVICES = {h: known(h, SYSTEM, SYSTEM32 + "services.exe") for h in HOSTS}
SVCHOST = {h: known(h, SYSTEM, SYSTEM32 + "svchost.exe") for h in HOSTS}
WMI = {h: known(h, "NT AUTHORITY\\NETWORK SERVICE", SYSTEM32 + "wbem\\WmiPrvSE.exe") for h in HOSTS}
EXPLORER = {h: known(h, u, "C:\\Windows\\explorer.exe") for h, u in (("WS-ADM01", ADMIN), ("WS-17", USER))}
LSASS = {h: known(h, SYSTEM, SYSTEM32 + "lsass.exe") for h in HOSTS}
DEFENDER = {h: known(h, SYSTEM, "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.2601\\MsMpEng.exe") for h in HOSTS}


def run(host, when, user, image, command, parent, company="Microsoft Corporation"):
    process = Process(host, when, user, image)
    name = image.rsplit("\\", 1)[-1]
    digest = lambda algorithm: hashlib.new(algorithm, image.lower().encode()).hexdigest().upper()
    sysmon(host, when, 1, **process.ref(), CommandLine=command, Company=company, OriginalFileName=name,
           FileVersion="10.0.22631.3007 (WinBuild.160101.0800)" if company.startswith("Micro") else "4.2.0.0",
           LogonId=LOGON.get(user, "0x3e4"), TerminalSessionId="1" if user in (ADMIN, USER) else "0",
           IntegrityLevel="System" if user == SYSTEM else "High" if user == ADMIN else "Medium",
           Hashes=f"SHA1={digest('sha1')},MD5={digest('md5')},SHA256={digest('sha256')}",
           ParentProcessGuid=parent.guid, ParentProcessId=str(parent.pid), ParentImage=parent.image,
           ParentCommandLine=parent.image)
    if user in SID:
        security(host, when + timedelta(milliseconds=7), 4688, **subject(user), NewProcessId=hex(process.pid), NewProcessName=image,
                 CommandLine=command, ProcessId=hex(parent.pid), ParentProcessName=parent.image,
                 TokenElevationType="%%1937" if user == ADMIN else "%%1936")
    return process


def value(process, when, target, details):
    sysmon(process.host, when, 13, EventType="SetValue", **process.ref(), TargetObject=target, Details=details)


def file(process, when, path):
    sysmon(process.host, when, 11, **process.ref(), TargetFilename=path)


def connect(process, when, ip, port, name="-"):
    sysmon(process.host, when, 3, **process.ref(), Protocol="tcp", Initiated="true", SourceIp=HOSTS[process.host],
           SourcePort=str(random.randint(49700, 65000)), DestinationIp=ip, DestinationPort=str(port), DestinationHostname=name)


def pipe(process, when, name, event_id=17):
    sysmon(process.host, when, event_id, **process.ref(), PipeName=name)


def at(hour, minute, second=0):
    return START.replace(hour=hour, minute=minute, second=second)


def office_noise():
    """What goes on all day: browsers, updates, caches, logons, look-ups."""
    for minute in range(0, 9 * 60, 2):
        when = START + timedelta(minutes=minute, seconds=random.randint(0, 90))
        host = random.choice(list(HOSTS))
        value(SVCHOST[host], when, "HKLM\\System\\CurrentControlSet\\Services\\W32Time\\SecureTimeLimits\\SecureTimeHigh",
              "QWORD (0x01dca%03x-0x%08x)" % (minute & 0xFFF, random.getrandbits(32)))
        file(SVCHOST[host], when + timedelta(seconds=2), "C:\\Windows\\Prefetch\\APP-%08X.pf" % random.getrandbits(32))
        pipe(SVCHOST[host], when + timedelta(seconds=3), "\\lsass", 18)
        sysmon(host, when + timedelta(seconds=4), 10, SourceProcessGUID=SVCHOST[host].guid, SourceProcessId=str(SVCHOST[host].pid),
               SourceImage=SVCHOST[host].image, TargetProcessGUID=LSASS[host].guid, TargetProcessId=str(LSASS[host].pid),
               TargetImage=LSASS[host].image, GrantedAccess="0x1000", CallTrace=SYSTEM32 + "ntdll.dll+9c534|" + SYSTEM32 + "KERNELBASE.dll+6aec5")
        if minute % 6 == 0:
            worker = random.choice([("WS-17", USER), ("WS-ADM01", ADMIN)])
            edge = run(worker[0], when, worker[1], "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
                       '"C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe" --type=renderer --lang=de', EXPLORER[worker[0]])
            pipe(edge, when + timedelta(seconds=1), "\\mojo.%d.%d.%d" % (edge.pid, edge.pid + 12, random.getrandbits(40)))
            site = random.choice([("www.contoso.com", "203.0.113.80"), ("intranet.contoso.com", "10.20.0.30"), ("learn.microsoft.com", "198.51.100.14")])
            sysmon(worker[0], when + timedelta(seconds=1), 22, **edge.ref(), QueryName=site[0], QueryStatus="0", QueryResults=f"::ffff:{site[1]};")
            connect(edge, when + timedelta(seconds=2), site[1], 443, site[0])
        if minute % 10 == 0:
            account = random.choice([USER, ADMIN, DESK])
            security("DC01", when, 4769, TargetUserName=account.split("\\")[1] + "@CONTOSO.COM", TargetDomainName="CONTOSO.COM",
                     ServiceName=random.choice(["SRV-FILE01$", "DC01$", "WS-17$", "krbtgt", "svc-print"]), TicketEncryptionType="0x12",
                     TicketOptions="0x40810000", Status="0x0", IpAddress="::ffff:10.20.1.17", IpPort=str(random.randint(49700, 65000)))
            security("SRV-FILE01", when, 4624, TargetUserSid=SID[account], TargetUserName=account.split("\\")[1], TargetDomainName="CONTOSO",
                     TargetLogonId=hex(random.getrandbits(24)), LogonType="3", AuthenticationPackageName="Kerberos", WorkstationName="-",
                     IpAddress="10.20.1.17", IpPort="50122", ElevatedToken="%%1843", ProcessId="0x0", ProcessName="-")


def near_misses():
    """One action for every rule that is almost what the rule looks for."""
    adm, cmd = EXPLORER["WS-ADM01"], SYSTEM32 + "cmd.exe"
    shell = run("WS-ADM01", at(8, 1), ADMIN, cmd, '"C:\\Windows\\system32\\cmd.exe"', adm)
    powershell = SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe"

    # run-key-starts-script-interpreter: programs that start with the session.
    setup = run("WS-17", at(8, 10), USER, "C:\\Users\\lena.vogt\\AppData\\Local\\Microsoft\\OneDrive\\OneDriveSetup.exe", "OneDriveSetup.exe /update", EXPLORER["WS-17"])
    run_key = "HKU\\" + SID[USER] + "\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\"
    value(setup, at(8, 10, 5), run_key + "OneDrive", '"C:\\Users\\lena.vogt\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe" /background')
    value(setup, at(8, 10, 6), run_key + "Teams", '"C:\\Users\\lena.vogt\\AppData\\Local\\Microsoft\\Teams\\Update.exe" --processStart "Teams.exe"')
    value(setup, at(8, 10, 7), "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\PowerShellProtect", '"C:\\Program Files\\PowerShell Protect\\agent.exe"')

    # script-payload-in-registry: long Base64, but written by a program about itself; a script's short value.
    value(setup, at(8, 11), "HKU\\" + SID[USER] + "\\Software\\Microsoft\\OneDrive\\Settings\\Telemetry", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 60)
    inventory = run("WS-ADM01", at(8, 15), ADMIN, powershell, "powershell.exe -ExecutionPolicy Bypass -File C:\\Tools\\Inventory.ps1", shell)
    value(inventory, at(8, 15, 4), "HKLM\\SOFTWARE\\Contoso\\Inventory\\LastRun", "2026-03-02T08:15:04Z")

    # scheduled-task-runs-hidden-powershell: a backup script, and an updater.
    for name, command, arguments in (("\\Contoso\\Nightly backup", "powershell.exe", "-NoProfile -ExecutionPolicy AllSigned -File C:\\Scripts\\Backup.ps1"),
                                     ("\\EdgeUpdateTaskMachineCore", "C:\\Program Files (x86)\\Microsoft\\EdgeUpdate\\MicrosoftEdgeUpdate.exe", "/c")):
        security("SRV-FILE01", at(8, 20), 4698, **subject(ADMIN), TaskName=name,
                 TaskContent=f"<?xml version=\"1.0\"?><Task><Settings><Hidden>true</Hidden></Settings><Actions><Exec><Command>{command}</Command><Arguments>{arguments}</Arguments></Exec></Actions></Task>")

    # wmic-remote-process-creation: asking another device, and starting a process on this one.
    run("WS-ADM01", at(8, 30), ADMIN, SYSTEM32 + "wbem\\WMIC.exe", "wmic /node:WS-17 os get caption,lastbootuptime", shell)
    run("WS-ADM01", at(8, 31), ADMIN, SYSTEM32 + "wbem\\WMIC.exe", "wmic process where name='notepad.exe' get processid", shell)

    # wmi-provider-starts-shell: the inventory agent acts through WMI as SYSTEM.
    run("WS-17", at(8, 40), SYSTEM, powershell, "powershell.exe -NoProfile -File C:\\Windows\\CCM\\SystemTemp\\check.ps1", WMI["WS-17"])
    run("WS-17", at(8, 41), USER, "C:\\Windows\\CCM\\SCNotification.exe", "C:\\Windows\\CCM\\SCNotification.exe", WMI["WS-17"])

    # local-account-created, net-user-add: the help desk makes an account in the directory.
    security("DC01", at(9, 0), 4720, **subject(DESK), TargetUserName="new.colleague", TargetDomainName="CONTOSO",
             TargetSid="S-1-5-21-1004336348-1177238915-682003330-1288", SamAccountName="new.colleague", NewUacValue="0x15")
    run("WS-ADM01", at(9, 2), ADMIN, SYSTEM32 + "net.exe", "net user new.colleague /domain", shell)
    run("WS-ADM01", at(9, 3), ADMIN, SYSTEM32 + "net.exe", "net localgroup administrators", shell)
    run("WS-ADM01", at(9, 4), ADMIN, SYSTEM32 + "net.exe", "net user new.colleague * /add /domain", shell)

    # service-runs-command-interpreter: an agent's service, and a driver.
    for name, path in (("ContosoBackup", '"C:\\Program Files\\Contoso Backup\\backupd.exe" --service'), ("npcap", "\\SystemRoot\\system32\\DRIVERS\\npcap.sys"),
                       ("edgeupdate", '"C:\\Program Files (x86)\\Microsoft\\EdgeUpdate\\MicrosoftEdgeUpdate.exe" /svc')):
        security("SRV-FILE01", at(9, 10), 4697, **subject(ADMIN), ServiceName=name, ServiceFileName=path, ServiceType="0x10", ServiceStartType="2", ServiceAccount="LocalSystem")

    # service-manager-starts-encoded-powershell, encoded-powershell, getsystem-through-named-pipe.
    run("SRV-FILE01", at(9, 15), SYSTEM, powershell, "powershell.exe -NoProfile -File C:\\Scripts\\WatchFolders.ps1", SERVICES["SRV-FILE01"])
    run("SRV-FILE01", at(9, 16), SYSTEM, cmd, "C:\\Windows\\system32\\cmd.exe /c C:\\Scripts\\start-agent.cmd", SERVICES["SRV-FILE01"])
    run("WS-ADM01", at(9, 20), ADMIN, powershell, 'powershell -NoProfile -Command "Get-Content C:\\Logs\\app.log -Encoding UTF8 | Select-String error"', shell)
    run("SRV-FILE01", at(9, 21), ADMIN, powershell, "PowerShell -ExecutionPolicy Unrestricted -EncodedCommand " + "UABpAG4AZwA" * 24, SVCHOST["SRV-FILE01"])

    # powershell-script-block-logging-disabled: a report about such scripts.
    report = "# Lists devices on which amsiInitFailed was seen in the last week\nGet-MpThreatDetection | Where-Object Name -match 'AMSI' | Export-Csv C:\\Reports\\amsi.csv"
    for part, text in enumerate((report, "Get-ADUser -Filter * -Properties LastLogonDate | Sort-Object LastLogonDate"), 1):
        emit("WS-ADM01", at(9, 30, part), "Microsoft-Windows-PowerShell", 4104,
             {"ExecutionProcessID": inventory.pid, "ScriptBlockText": text, "ScriptBlockId": "0d5b2c4e-0000-4000-8000-00000000000%d" % part,
              "MessageNumber": "1", "MessageTotal": "1", "UserID": SID[ADMIN], "AccountName": "adm-berg", "Domain": "CONTOSO", "AccountType": "User"})

    # lsass-memory-opened-by-script-host: the antivirus reads it, PowerShell only asks for its name.
    for source, access in ((DEFENDER["WS-17"], "0x1010"), (DEFENDER["DC01"], "0x1410"), (inventory, "0x1000")):
        host = source.host
        sysmon(host, at(9, 40), 10, SourceProcessGUID=source.guid, SourceProcessId=str(source.pid), SourceImage=source.image,
               TargetProcessGUID=LSASS[host].guid, TargetProcessId=str(LSASS[host].pid), TargetImage=LSASS[host].image, GrantedAccess=access,
               CallTrace=SYSTEM32 + "ntdll.dll+9c534|C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.2601\\mpsvc.dll+1a2b")

    # ntds-dumped-with-ntdsutil, directory-database-written-elsewhere, hive-copied-with-esentutl: maintenance.
    console = run("DC01", at(10, 0), ADMIN, cmd, '"C:\\Windows\\system32\\cmd.exe"', SVCHOST["DC01"])
    run("DC01", at(10, 1), ADMIN, SYSTEM32 + "ntdsutil.exe", 'ntdsutil "ac i ntds" "files" "info" q q', console)
    run("DC01", at(10, 2), ADMIN, SYSTEM32 + "ntdsutil.exe", 'ntdsutil "metadata cleanup" "connections" "connect to server DC01" q q', console)
    file(LSASS["DC01"], at(10, 3), "C:\\Windows\\NTDS\\ntds.dit")
    file(SVCHOST["DC01"], at(10, 4), "C:\\Windows\\System32\\config\\SAM")
    file(shell, at(10, 5), "C:\\Users\\adm-berg\\Documents\\SAM-project.docx")
    run("DC01", at(10, 6), ADMIN, SYSTEM32 + "esentutl.exe", "esentutl /g C:\\Windows\\SoftwareDistribution\\DataStore\\DataStore.edb", console)

    # mshta-runs-inline-script, bitsadmin-download: what old programs still do.
    run("WS-17", at(10, 20), USER, SYSTEM32 + "mshta.exe", '"C:\\Windows\\System32\\mshta.exe" "C:\\Program Files\\Contoso Forms\\welcome.hta"', EXPLORER["WS-17"])
    run("WS-ADM01", at(10, 21), ADMIN, SYSTEM32 + "bitsadmin.exe", "bitsadmin /list /allusers /verbose", shell)
    run("WS-ADM01", at(10, 22), ADMIN, SYSTEM32 + "bitsadmin.exe", "bitsadmin /reset /allusers", shell)

    # cobalt-strike-named-pipe: pipes of Windows, of browsers, and one whose name only begins alike.
    for name in ("\\PSHost.134170000000000000.4711.DefaultAppDomain.powershell", "\\msagent_service", "\\status_monitor", "\\MSSQL$SQLEXPRESS\\sql\\query"):
        pipe(inventory, at(10, 30), name)

    # remote-powershell-starts-shell: cmdlets inside a session, and a tool that is no shell.
    remote = run("SRV-FILE01", at(10, 40), ADMIN, SYSTEM32 + "wsmprovhost.exe", "C:\\Windows\\system32\\wsmprovhost.exe -Embedding", SVCHOST["SRV-FILE01"])
    run("SRV-FILE01", at(10, 41), ADMIN, SYSTEM32 + "ipconfig.exe", "C:\\Windows\\system32\\ipconfig.exe /all", remote)

    # password-spray-from-one-process: three people mistype their own password on a terminal server.
    for second, name in enumerate(("lena.vogt", "lena.vogt", "new.colleague", "adm-berg")):
        security("SRV-FILE01", at(11, 0, second * 10), 4625, **subject(SYSTEM), TargetUserName=name, TargetDomainName="CONTOSO", TargetUserSid="S-1-0-0",
                 LogonType="10", Status="0xc000006d", SubStatus="0xc000006a", ProcessId=hex(SVCHOST["SRV-FILE01"].pid), ProcessName=SVCHOST["SRV-FILE01"].image,
                 WorkstationName="WS-17", IpAddress="10.20.1.17", IpPort="51000", AuthenticationPackageName="Negotiate")

    # kerberoasting: two old services that know nothing but RC4.
    for second, service in enumerate(("svc-print", "svc-scan", "svc-print")):
        security("DC01", at(11, 10, second), 4769, TargetUserName="lena.vogt@CONTOSO.COM", TargetDomainName="CONTOSO.COM", ServiceName=service,
                 TicketEncryptionType="0x17", TicketOptions="0x40810000", Status="0x0", IpAddress="::ffff:10.20.1.17", IpPort="52000")

    # share-enumeration-by-one-process: the explorer, and a backup agent with two servers.
    agent = run("SRV-FILE01", at(11, 20), SYSTEM, "C:\\Program Files\\Contoso Backup\\backupd.exe", "backupd.exe --job nightly", SERVICES["SRV-FILE01"], "Contoso")
    for second, server in enumerate(SERVERS):
        connect(EXPLORER["WS-17"], at(11, 21, second), server, 445)
        connect(agent, at(11, 22, second), SERVERS[second % 2], 445)

    # security-log-cleared: another log is.
    emit("WS-ADM01", at(11, 30), "Microsoft-Windows-Eventlog", 104, {"SubjectUserName": "adm-berg", "BackupPath": ""})


def main():
    office_noise()
    near_misses()
    text = "".join(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for _, _, event in sorted(events, key=lambda e: e[:2]))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
        packed.write(text.encode())
    path = pathlib.Path(__file__).with_name("office_day.jsonl.gz")
    if "--check" in sys.argv:
        # The packed bytes depend on the zlib in use; the text does not.
        if gzip.decompress(path.read_bytes()).decode() != text:
            sys.exit(f"{path.name} is not what this script makes: run it again and commit the result")
        return
    path.write_bytes(buffer.getvalue())
    print(f"{len(events)} events, {len(text)} bytes, {len(buffer.getvalue())} packed")


if __name__ == "__main__":
    main()
