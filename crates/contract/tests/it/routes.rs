//! Every row is found by its own path and by the spellings that clients use for it.

use bartizan_contract::operations::{self, Method, OperationId, all, find, methods_at};

fn id(method: &str, path: &str) -> Option<OperationId> {
    find(method, path, None).map(|m| m.operation.id)
}

#[test]
fn every_row_is_found_by_its_own_path() {
    for operation in all() {
        let mut path = String::new();
        let mut rest = operation.path;
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').expect("closed");
            path += text;
            path += &format!("value-of-{name}");
            rest = after;
        }
        path += rest;
        for spelling in [path.clone(), path.to_ascii_uppercase(), format!("/{path}/")] {
            let found = find(operation.method.as_str(), &spelling, None)
                .unwrap_or_else(|| panic!("{} {spelling}", operation.method));
            assert_eq!(found.operation.id, operation.id, "{spelling}");
            for (name, value) in &found.params {
                assert!(
                    value.eq_ignore_ascii_case(&format!("value-of-{name}")),
                    "{spelling}"
                );
            }
        }
        for host in operation.hosts {
            let found = find(operation.method.as_str(), &path, Some(host)).expect(host);
            assert_eq!(found.operation.id, operation.id);
        }
    }
}

#[test]
fn spellings_that_clients_send() {
    use OperationId::*;
    for (method, path, wanted) in [
        ("GET", "/api/v1.0/alerts", MdeListAlerts),
        ("GET", "/API//V1.0//Alerts/", MdeListAlerts),
        ("GET", "/api/alerts?$filter=a/b", MdeListAlerts),
        ("GET", "/api/incidents('7')", XdrGetIncident),
        ("GET", "/api/machines/findbytag", MdeFindMachinesByTag),
        (
            "GET",
            "/api/machines/SoftwareInventoryByMachine",
            MdeSoftwareInventoryJson,
        ),
        ("GET", "/beta/security/alerts_v2", GraphListAlertsV2),
        (
            "GET",
            "/v1.0/applications(appId='8ee8fdad')",
            GraphGetApplication,
        ),
        (
            "POST",
            "/v1.0/applications('x')/addPassword",
            GraphAddPasswordToApplication,
        ),
        (
            "POST",
            "/v1.0/applications(appId='x')/microsoft.graph.addPassword",
            GraphAddPasswordToApplication,
        ),
    ] {
        assert_eq!(id(method, path), Some(wanted), "{path}");
    }
}

#[test]
fn parameters_are_decoded() {
    let m = find("GET", "/api/alerts('da1''_2')", None).unwrap();
    assert_eq!(m.param("id"), Some("da1'_2"));
    let m = find("GET", "/api/users/contoso%2Fuser%201/alerts", None).unwrap();
    assert_eq!(m.param("id"), Some("contoso/user 1"));
    let m = find("GET", "/v1.0/applications(appId='abc')", None).unwrap();
    assert_eq!(m.param("id"), Some("appId='abc'"));
    let m = find(
        "GET",
        "/api/machines/findbyip(ip='10.0.0.1',timestamp=2018-08-01T00:00:00Z)",
        None,
    )
    .unwrap();
    assert_eq!(m.operation.id, OperationId::MdeFindMachinesByInternalIp);
    assert_eq!(m.param("ip"), Some("10.0.0.1"));
    assert_eq!(m.param("timestamp"), Some("2018-08-01T00:00:00Z"));
}

#[test]
fn counts_are_told_from_ids() {
    let m = find("GET", "/api/alerts/$count", None).unwrap();
    assert!(m.count);
    assert_eq!(m.operation.id, OperationId::MdeListAlerts);
    let m = find("GET", "/api/machines/m1/alerts/$count", None).unwrap();
    assert!(m.count && m.param("id") == Some("m1"));
    assert_eq!(id("GET", "/api/incidents/$count"), None);
}

#[test]
fn casts_narrow_lists_of_directory_objects_alone() {
    let cast = |path: &str| find("GET", path, None).and_then(|m| m.cast.map(|c| (c.name, m.count)));
    assert_eq!(
        cast("/v1.0/users/u/memberOf/microsoft.graph.group"),
        Some(("group", false))
    );
    assert_eq!(
        cast("/v1.0/me/transitiveMemberOf/Microsoft.Graph.DirectoryRole/$count"),
        Some(("directoryRole", true))
    );
    assert_eq!(
        cast("/v1.0/users('u')/memberOf/microsoft.graph.group"),
        Some(("group", false))
    );
    for path in [
        "/v1.0/users/u/memberOf",
        "/v1.0/users/u/memberOf/microsoft.graph.nothing",
        "/v1.0/users/u/memberOf/group",
        "/v1.0/applications/microsoft.graph.application",
    ] {
        assert_eq!(cast(path), None, "{path}");
    }
    assert_eq!(
        id("GET", "/v1.0/users/u/memberOf/microsoft.graph.nothing"),
        None
    );
    assert_eq!(
        id("POST", "/v1.0/groups/g/members/microsoft.graph.user"),
        None
    );
}

#[test]
fn strangers_are_not_found() {
    for path in [
        "",
        "/",
        "/api",
        "/api/incidents/1/2",
        "/api/alerts(",
        "/api/alerts()",
        "/v1.0",
        "/%ff/%",
    ] {
        assert_eq!(id("GET", path), None, "{path}");
    }
    assert_eq!(id("BREW", "/api/incidents"), None);
    assert_eq!(
        methods_at("/api/incidents/1", None),
        [Method::Get, Method::Patch]
    );
    assert!(methods_at("/api/nothing", None).is_empty());
}

#[test]
fn a_host_serves_its_own_service_only() {
    let at = |host, path| find("GET", path, Some(host)).map(|m| m.operation.id);
    assert!(at("api.security.microsoft.com", "/api/alerts").is_some());
    assert!(at("api.securitycenter.microsoft.com", "/api/incidents").is_none());
    assert!(at("graph.microsoft.com", "/api/alerts").is_none());
    assert!(at("login.microsoftonline.com", "/api/alerts").is_none());
    assert!(at("localhost", "/v1.0/security/incidents").is_some());
}

#[test]
fn ids_have_their_names() {
    assert_eq!(OperationId::XdrListIncidents.name(), "XdrListIncidents");
    assert_eq!(
        operations::get(OperationId::MdeListMachines).path,
        "/api/machines"
    );
}
